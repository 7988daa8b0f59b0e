use std::fmt;
use std::str::FromStr;

use berth_oci::Tag;
use regex::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

use crate::auth::wildcard_matches;

const PATTERN_BYTES: usize = 255;
/// The most memory that a regular expression takes: an owner of a project writes it, and every push
/// to the project may ask it.
const REGEX_BYTES: usize = 64 * 1024;

/// A pattern of tags, each of them whole: `v*`, where `*` stands for any characters and `?` for one;
/// `regex:v[0-9]+`; or `semver:>=1.2, <2`, which is a tag that is a version in the range, with or
/// without a `v` in front.
#[derive(Clone)]
pub struct TagPattern {
    text: Box<str>,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Glob,
    Regex(Regex),
    Semver(VersionReq),
    Unreadable,
}

impl TagPattern {
    /// Every tag.
    pub fn everything() -> Self {
        Self {
            text: "*".into(),
            form: Form::Glob,
        }
    }

    /// One that was stored and can not be read any more. It matches every tag, which is the safe side
    /// where it keeps them.
    pub(crate) fn unreadable(text: &str) -> Self {
        Self {
            text: text.into(),
            form: Form::Unreadable,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn matches(&self, tag: &Tag) -> bool {
        let text = tag.as_str();
        match &self.form {
            Form::Glob => wildcard_matches(&self.text, text),
            Form::Regex(regex) => regex.is_match(text),
            Form::Semver(range) => Version::parse(text.strip_prefix('v').unwrap_or(text))
                .is_ok_and(|version| range.matches(&version)),
            Form::Unreadable => true,
        }
    }
}

impl FromStr for TagPattern {
    type Err = InvalidTagPattern;

    fn from_str(text: &str) -> Result<Self, InvalidTagPattern> {
        if text.len() > PATTERN_BYTES {
            return Err(InvalidTagPattern::TooLong { bytes: text.len() });
        }
        let form = if let Some(expression) = text.strip_prefix("regex:") {
            Form::Regex(regex(expression)?)
        } else if let Some(range) = text.strip_prefix("semver:") {
            let range = range.parse().map_err(InvalidTagPattern::Semver)?;
            Form::Semver(range)
        } else if !text.is_empty() && text.bytes().all(in_glob) {
            Form::Glob
        } else {
            return Err(InvalidTagPattern::Glob(text.to_owned()));
        };
        Ok(Self {
            text: text.into(),
            form,
        })
    }
}

/// What tags have, and the two wildcards.
fn in_glob(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-*?".contains(&byte)
}

fn regex(expression: &str) -> Result<Regex, InvalidTagPattern> {
    // Alone first, since `a)|(b` would step out of the group below.
    compile(expression)?;
    compile(&format!("^(?:{expression})$"))
}

fn compile(expression: &str) -> Result<Regex, InvalidTagPattern> {
    let built = RegexBuilder::new(expression)
        .size_limit(REGEX_BYTES)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            InvalidTagPattern::Regex("it takes too much memory".to_owned())
        }
        // The last of several lines says what is wrong; those before it draw where.
        error => {
            let lines = error.to_string();
            let last = lines.lines().last().unwrap_or_default();
            InvalidTagPattern::Regex(last.trim_start_matches("error: ").to_owned())
        }
    })
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidTagPattern {
    #[error("a pattern of tags has at most {PATTERN_BYTES} bytes, and this one has {bytes}")]
    TooLong { bytes: usize },
    #[error(
        "`{0}` is no pattern of tags: write v* or v1.? with `*` for any characters and `?` for \
         one, regex:EXPRESSION, or semver:RANGE"
    )]
    Glob(String),
    #[error("the regular expression can not be read: {0}")]
    Regex(String),
    #[error("the range of versions can not be read: {0}")]
    Semver(semver::Error),
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TagPattern {}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            Form::Glob | Form::Regex(_) | Form::Semver(_) => f.write_str(&self.text),
            Form::Unreadable => write!(
                f,
                "{}, which can not be read, so that all are meant,",
                self.text
            ),
        }
    }
}

impl fmt::Debug for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
