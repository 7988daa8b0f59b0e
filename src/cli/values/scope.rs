use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Actions on the repositories that a pattern names, written `GLOB=ACTION,ACTION`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    pub(crate) repositories: String,
    pub(crate) actions: Vec<String>,
}

impl FromStr for Scope {
    type Err = InvalidScope;

    /// Globs and actions are checked by the server, which knows them.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let (repositories, actions) = text.split_once('=').ok_or(InvalidScope)?;
        let actions: Vec<_> = actions.split(',').map(str::to_owned).collect();
        if repositories.is_empty() || actions.iter().any(String::is_empty) {
            return Err(InvalidScope);
        }
        Ok(Self {
            repositories: repositories.to_owned(),
            actions,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.repositories, self.actions.join(","))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is written GLOB=ACTION,ACTION, for example 'shop/**=pull,push'")]
pub(crate) struct InvalidScope;

#[cfg(test)]
mod tests {
    use super::{InvalidScope, Scope};

    #[test]
    fn a_scope_is_a_glob_and_its_actions() {
        let scope: Scope = "shop/**=pull,push".parse().expect("a scope");
        assert_eq!(scope.repositories, "shop/**");
        assert_eq!(scope.actions, ["pull", "push"]);
        assert_eq!(scope.to_string(), "shop/**=pull,push");
        for text in ["", "shop/**", "shop/**=", "=pull", "shop/**=pull,", "a=,b"] {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope), "{text}");
        }
    }
}
