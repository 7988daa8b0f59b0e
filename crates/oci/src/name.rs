use std::fmt;
use std::str::FromStr;

/// The longest repository name; clients count the host in their limit of 255, so this is the most
/// that any of them can send.
const NAME_BYTES: usize = 255;
const TAG_BYTES: usize = 128;

/// A repository name: path components of lower case letters, digits and separators, joined by `/`.
///
/// Distribution specification, "Pulling manifests":
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Box<str>);

impl RepositoryName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project that owns the repository: its first path component.
    pub fn project(&self) -> ProjectName {
        let end = self.0.find('/').unwrap_or(self.0.len());
        ProjectName(self.0[..end].into())
    }

    /// The name without its project; `None` where there is nothing else.
    pub fn in_project(&self) -> Option<Self> {
        self.0.split_once('/').map(|(_, rest)| Self(rest.into()))
    }

    /// The name with a project before it.
    pub fn within(&self, project: &ProjectName) -> Result<Self, InvalidName> {
        format!("{project}/{self}").parse()
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > NAME_BYTES {
            return Err(InvalidName::TooLong { bytes: text.len() });
        }
        for component in text.split('/') {
            check_component(component)?;
        }
        Ok(Self(text.into()))
    }
}

fn check_component(component: &str) -> Result<(), InvalidName> {
    let invalid = || InvalidName::Component(component.to_owned());
    let mut rest = component;
    loop {
        let word = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
            .count();
        if word == 0 {
            return Err(invalid());
        }
        rest = &rest[word..];
        let separator = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'.' | b'_' | b'-'))
            .count();
        match &rest[..separator] {
            "" if rest.is_empty() => return Ok(()),
            "." | "_" | "__" => {}
            dashes if separator > 0 && dashes.bytes().all(|byte| byte == b'-') => {}
            _ => return Err(invalid()),
        }
        rest = &rest[separator..];
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("a repository name has at most {NAME_BYTES} bytes, and this one has {bytes}")]
    TooLong { bytes: usize },
    #[error(
        "`{0}` can not be a part of a repository name: parts are lower case letters and digits, \
         joined by `.`, `_`, `__` or dashes"
    )]
    Component(String),
}

/// The first path component of a repository name: what owns members, quota and policy.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(Box<str>);

impl ProjectName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > NAME_BYTES {
            return Err(InvalidName::TooLong { bytes: text.len() });
        }
        check_component(text)?;
        Ok(Self(text.into()))
    }
}

/// A tag: a letter, digit or underscore, then up to 127 letters, digits, `.`, `_` or `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

impl Tag {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        if text.len() > TAG_BYTES {
            return Err(InvalidTag::TooLong { bytes: text.len() });
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let mut bytes = text.bytes();
        let valid = bytes.next().is_some_and(word)
            && bytes.all(|byte| word(byte) || byte == b'.' || byte == b'-');
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTag::Characters(text.to_owned()))
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    #[error("a tag has at most {TAG_BYTES} characters, and this one has {bytes}")]
    TooLong { bytes: usize },
    #[error(
        "`{0}` can not be a tag: a tag is letters, digits, `.`, `_` and `-`, and does not begin with `.` or `-`"
    )]
    Characters(String),
}

macro_rules! display_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

display_as_text!(RepositoryName, ProjectName, Tag);

#[cfg(test)]
mod tests;
