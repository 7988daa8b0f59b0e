use std::fmt;

use berth_oci::RepositoryName;

use super::action::{Action, ActionSet};

/// What a client asks a token for: `repository:shop/web:pull,push` or `registry:catalog:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Repository {
        name: RepositoryName,
        actions: ActionSet,
    },
    Catalog,
}

/// What tokens say of repositories.
const OF_REPOSITORIES: ActionSet = ActionSet::of(&[Action::Pull, Action::Push, Action::Delete]);

impl Scope {
    pub(crate) fn repository(name: &RepositoryName, actions: &[Action]) -> Self {
        Self::Repository {
            name: name.clone(),
            actions: ActionSet::of(actions),
        }
    }

    /// Reads all values of a `scope` parameter. Docker joins scopes with spaces, containers/image
    /// repeats the parameter. What is not understood is granted nothing, and is no error.
    pub fn parse_all<'s>(values: impl IntoIterator<Item = &'s str>) -> Vec<Self> {
        values
            .into_iter()
            .flat_map(str::split_whitespace)
            .filter_map(Self::parse)
            .collect()
    }

    /// The name may hold colons, of a host and port, so this reads from both ends.
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // A class, as in `repository(plugin)`, changes nothing here.
        let kind = kind.split('(').next().unwrap_or(kind);
        match (kind, name) {
            ("repository", name) => {
                let actions = ActionSet::of_stored(actions.split(',')) & OF_REPOSITORIES;
                let name = name.parse().ok()?;
                Some(Self::Repository { name, actions })
            }
            ("registry", "catalog") => Some(Self::Catalog),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { name, actions } => {
                write!(f, "repository:{name}:{}", actions.names().join(","))
            }
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[&str]) -> Vec<String> {
        Scope::parse_all(values.iter().copied())
            .iter()
            .map(Scope::to_string)
            .collect()
    }

    #[test]
    fn scopes_come_joined_and_repeated() {
        let values = [
            "repository:a/b:pull,push repository:c:pull",
            "repository:d:*",
        ];
        let expected = [
            "repository:a/b:pull,push",
            "repository:c:pull",
            "repository:d:pull,push,delete",
        ];
        assert_eq!(shown(&values), expected);
        assert_eq!(shown(&["registry:catalog:*"]), ["registry:catalog:*"]);
        assert_eq!(shown(&["repository(plugin):a:pull"]), ["repository:a:pull"]);
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        for scope in [
            "",
            "a",
            "a:b",
            "repository:A:pull",
            "other:a:pull",
            "registry:x:*",
        ] {
            assert!(shown(&[scope]).is_empty(), "{scope}");
        }
        assert_eq!(
            shown(&["repository:a:pull,fly,user.manage"]),
            ["repository:a:pull"]
        );
        // A host in the name is no repository here.
        assert!(shown(&["repository:host:5000/a:pull"]).is_empty());
    }
}
