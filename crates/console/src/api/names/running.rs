use std::fmt;
use std::str::FromStr;

use berth_deployer::{ServiceOf, StackOf};
use berth_oci::ProjectName;

use super::super::problem::Problem;
use super::{ServicePath, StackPath};

/// The name of a stack or of a service: what Compose and Docker let them be called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunningName(String);

const MOST_CHARACTERS: usize = 255;

impl RunningName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<RunningName> for String {
    fn from(name: RunningName) -> Self {
        name.0
    }
}

impl fmt::Display for RunningName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RunningName {
    type Err = InvalidRunningName;

    fn from_str(text: &str) -> Result<Self, InvalidRunningName> {
        let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = text.bytes().next().is_some_and(in_word)
            && text
                .bytes()
                .all(|byte| in_word(byte) || b".-".contains(&byte))
            && text.len() <= MOST_CHARACTERS;
        fits.then(|| Self(text.to_owned()))
            .ok_or_else(|| InvalidRunningName(text.chars().take(MOST_CHARACTERS).collect()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can be the name of no stack and no service: it has letters, digits, `_`, `.` and `-`, \
     begins with none of the last two, and has at most {MOST_CHARACTERS} characters"
)]
pub(crate) struct InvalidRunningName(String);

/// A stack that a path names.
pub(crate) struct StackNames {
    target: ProjectName,
    stack: RunningName,
}

impl StackNames {
    pub(crate) fn of(&self) -> StackOf<'_> {
        StackOf {
            target: self.target.as_str(),
            stack: self.stack.as_str(),
        }
    }
}

/// A service that a path names.
pub(crate) struct ServiceNames {
    stack: StackNames,
    service: RunningName,
}

impl ServiceNames {
    pub(crate) fn of(&self) -> ServiceOf<'_> {
        ServiceOf {
            stack: self.stack.of(),
            service: self.service.as_str(),
        }
    }
}

impl StackPath {
    pub(crate) fn names(&self) -> Result<StackNames, Problem> {
        Ok(StackNames {
            target: self.target()?,
            stack: self.stack()?,
        })
    }
}

impl ServicePath {
    pub(crate) fn names(&self) -> Result<ServiceNames, Problem> {
        Ok(ServiceNames {
            stack: StackNames {
                target: self.target()?,
                stack: self.stack()?,
            },
            service: self.service()?,
        })
    }
}

/// What something was numbered with: 1, 2, 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) i64);

const MOST_DIGITS: usize = 18;

impl FromStr for Number {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, InvalidNumber> {
        // `parse` takes a sign and zeros in front too.
        let written_once = text.bytes().all(|byte| byte.is_ascii_digit())
            && !text.starts_with('0')
            && text.len() <= MOST_DIGITS;
        let number = text.parse().ok().filter(|_| written_once);
        number.map(Self).ok_or(InvalidNumber)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path names something by its number, such as 7, and here is none")]
pub(crate) struct InvalidNumber;

#[cfg(test)]
mod tests {
    use super::{Number, RunningName};

    #[test]
    fn a_stack_is_called_what_docker_lets_it_be_called() {
        for name in ["shop", "shop_1", "My-App.web", "_x", &"a".repeat(255)] {
            assert!(name.parse::<RunningName>().is_ok(), "{name}");
        }
        for name in ["", ".", "..", "-a", "a b", "a/b", "ä", &"a".repeat(256)] {
            assert!(name.parse::<RunningName>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_number_is_written_in_one_way() {
        assert_eq!("7".parse(), Ok(Number(7)));
        assert_eq!("9".repeat(18).parse(), Ok(Number(999_999_999_999_999_999)));
        for text in ["", "0", "07", "+7", "-7", "7 ", "x", &"9".repeat(19)] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }
}
