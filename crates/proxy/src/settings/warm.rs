use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use berth_oci::{RepositoryName, Tag};

use super::InvalidSettings;

/// What is fetched before anybody asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmSettings {
    pub images: Vec<WarmImage>,
    /// The platforms that are fetched of an index; empty for all.
    pub platforms: Vec<Platform>,
    /// How often it is looked whether the tags have moved.
    pub every: Duration,
}

/// A tag that is kept fresh, named as it is at the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmImage {
    pub repository: RepositoryName,
    pub tag: Tag,
}

impl FromStr for WarmImage {
    type Err = InvalidSettings;

    fn from_str(text: &str) -> Result<Self, InvalidSettings> {
        let read = || {
            let (repository, tag) = text.rsplit_once(':')?;
            Some(Self {
                repository: repository.parse().ok()?,
                tag: tag.parse().ok()?,
            })
        };
        read().ok_or_else(|| InvalidSettings::Image(text.to_owned()))
    }
}

impl fmt::Display for WarmImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// An entry of an index, in the words that indexes have for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

impl Platform {
    /// Whether an entry of an index is for this. What is for no system, as attestations are, goes
    /// along.
    pub(crate) fn matches(&self, entry: &oci_spec::image::Platform) -> bool {
        let (os, architecture) = (entry.os().to_string(), entry.architecture().to_string());
        let variant = |wanted: &String| entry.variant().as_ref() == Some(wanted);
        os == "unknown"
            || (os == self.os
                && architecture == self.architecture
                && self.variant.as_ref().is_none_or(variant))
    }
}

impl FromStr for Platform {
    type Err = InvalidSettings;

    fn from_str(text: &str) -> Result<Self, InvalidSettings> {
        let word = |text: &&str| {
            let in_words = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !text.is_empty() && text.bytes().all(in_words)
        };
        let words: Vec<_> = text.split('/').collect();
        let invalid = || InvalidSettings::Platform(text.to_owned());
        let (os, architecture, variant) = match words[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(invalid()),
        };
        if !words.iter().all(word) {
            return Err(invalid());
        }
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
