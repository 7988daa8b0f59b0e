//! Grants as people write them: a line for each pattern of repositories, with the actions behind it.

use berth_registry::auth::ActionSet;

use crate::api::document::Object;
use crate::api::grant::Grant;

/// Reads lines such as `shop/** pull push`. What the command line takes, `shop/**=pull,push`, will do.
pub(super) fn read(text: &str) -> Vec<Object<Grant>> {
    let grants = text.lines().filter_map(|line| {
        let between = |character: char| character.is_whitespace() || "=,".contains(character);
        let words = line.split(between).filter(|word| !word.is_empty());
        let mut words = words.map(str::to_owned);
        let repositories = words.next()?;
        Some(Object(Grant {
            repositories,
            actions: words.collect(),
        }))
    });
    grants.collect()
}

/// As they can be read again.
pub(super) fn write(grants: &[Grant]) -> String {
    let lines = grants.iter().map(|grant| {
        let actions = grant.actions.join(" ");
        format!("{} {actions}", grant.repositories)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// All that they give on anything.
pub(super) fn actions(grants: &[Grant]) -> ActionSet {
    named(grants.iter().flat_map(|grant| &grant.actions))
}

/// The actions of these names. One that this version does not know may be anything.
pub(super) fn named<'n>(names: impl IntoIterator<Item = &'n String>) -> ActionSet {
    let names = names.into_iter().map(String::as_str);
    ActionSet::parse(names).unwrap_or(ActionSet::ALL)
}

#[cfg(test)]
mod tests;
