use berth_oci::RepositoryName;
use berth_registry::auth::RepositoryGlob;

use super::source::{Source, SourceError};

/// The repositories that are to be imported.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) repositories: Vec<RepositoryName>,
    /// Whether somebody named them, and the source did not.
    pub(crate) named: bool,
    /// Names that can not be those of repositories here, with what is wrong with them.
    pub(crate) unusable: Vec<(String, String)>,
    /// Patterns that match none.
    pub(crate) unmatched: Vec<RepositoryGlob>,
}

/// All repositories of a source, or those that the patterns match. Where no pattern holds a `*` the
/// source is not asked for a list, which not every registry gives.
pub(crate) async fn select(
    source: &Source,
    globs: &[RepositoryGlob],
) -> Result<Selected, SourceError> {
    if let Some(repositories) = named(globs) {
        return Ok(Selected {
            repositories,
            named: true,
            ..Selected::default()
        });
    }
    let mut selected = Selected::default();
    for name in source.repositories().await? {
        match name.parse::<RepositoryName>() {
            Ok(name) => {
                if globs.is_empty() || globs.iter().any(|glob| glob.matches(&name)) {
                    selected.repositories.push(name);
                }
            }
            // Patterns are of names that can be; whoever gives one means none of these.
            Err(error) if globs.is_empty() => selected.unusable.push((name, error.to_string())),
            Err(_) => {}
        }
    }
    selected.repositories.sort();
    selected.repositories.dedup();
    let unmatched = |glob: &&RepositoryGlob| {
        let mut repositories = selected.repositories.iter();
        !repositories.any(|name| glob.matches(name))
    };
    selected.unmatched = globs.iter().filter(unmatched).cloned().collect();
    Ok(selected)
}

/// The names that the patterns are, if all of them are names.
fn named(globs: &[RepositoryGlob]) -> Option<Vec<RepositoryName>> {
    if globs.is_empty() {
        return None;
    }
    let names = globs.iter().map(|glob| glob.as_str().parse().ok());
    let mut names: Vec<RepositoryName> = names.collect::<Option<_>>()?;
    names.sort();
    names.dedup();
    Some(names)
}
