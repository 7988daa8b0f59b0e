//! Names of users, robots, tokens and roles. They begin with a letter and have nothing in them that a
//! shell, a URL or YAML would read as something else.

use std::fmt;
use std::str::FromStr;

use berth_oci::ProjectName;

use crate::sentence;

const NAME_BYTES: usize = 64;
/// Joins project and name in the login of a robot. No name has it, so a robot is never mistaken for
/// a user.
const JOINT: char = '+';
/// Stands before the names of robots of the whole installation; no project has this name.
pub const WHOLE: &str = "robot";

pub(super) fn check(kind: &'static str, text: &str) -> Result<(), InvalidAccountName> {
    if text.len() > NAME_BYTES {
        let bytes = text.len();
        return Err(InvalidAccountName::TooLong { kind, bytes });
    }
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let valid = bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|&byte| word(byte))
        && bytes
            .iter()
            .all(|&byte| word(byte) || b"._-".contains(&byte));
    if valid {
        Ok(())
    } else {
        let name = text.to_owned();
        Err(InvalidAccountName::Characters { kind, name })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccountName {
    #[error("the name of a {kind} has at most {NAME_BYTES} characters, and this one has {bytes}")]
    TooLong { kind: &'static str, bytes: usize },
    #[error(
        "`{name}` can not be the name of a {kind}: it begins with a lower case letter, goes on with \
         lower case letters, digits, `.`, `_` or `-`, and ends with a letter or digit"
    )]
    Characters { kind: &'static str, name: String },
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident: $kind:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidAccountName;

            fn from_str(text: &str) -> Result<Self, InvalidAccountName> {
                check($kind, text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name that a person signs in with.
    UserName: sentence("user");
    /// The name of a personal token, one of its user's.
    TokenName: sentence("token");
    /// The name of a robot in its project, or in the whole installation.
    RobotName: sentence("robot");
}

/// What a robot signs in with: `project+name`, or `robot+name` for one of the whole installation.
pub fn robot_login(project: Option<&ProjectName>, name: &RobotName) -> String {
    let owner = project.map_or(WHOLE, ProjectName::as_str);
    format!("{owner}{JOINT}{name}")
}
