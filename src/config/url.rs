use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

/// Names the file of an SQLite database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(crate) struct DatabaseUrl(PathBuf);

impl DatabaseUrl {
    pub(crate) fn file(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = InvalidUrl;

    fn try_from(url: String) -> Result<Self, InvalidUrl> {
        const FORM: Form = Form {
            scheme: "sqlite",
            offer: "SQLite is the database that this release has",
            write: "sqlite:///absolute/path/berth.db or sqlite:relative/path/berth.db",
        };
        let path = FORM.path(&url)?;
        if path.starts_with(':') {
            // SQLite reads such names as orders, of which `:memory:` would lose all on a restart.
            Err(InvalidUrl::Memory)
        } else if path.ends_with('/') {
            Err(InvalidUrl::Folder { write: FORM.write })
        } else {
            Ok(Self(PathBuf::from(path)))
        }
    }
}

/// Names the folder that blobs are kept in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(crate) struct StorageUrl(PathBuf);

impl StorageUrl {
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for StorageUrl {
    type Error = InvalidUrl;

    fn try_from(url: String) -> Result<Self, InvalidUrl> {
        const FORM: Form = Form {
            scheme: "file",
            offer: "a local folder is the storage that this release has",
            write: "file:///absolute/folder or file:relative/folder",
        };
        FORM.path(&url).map(|path| Self(PathBuf::from(path)))
    }
}

struct Form {
    scheme: &'static str,
    /// What the release has, for those who ask for something else.
    offer: &'static str,
    write: &'static str,
}

impl Form {
    fn path<'a>(&self, url: &'a str) -> Result<&'a str, InvalidUrl> {
        let write = self.write;
        let (scheme, rest) = url.split_once(':').ok_or(InvalidUrl::NoScheme { write })?;
        if scheme != self.scheme {
            return Err(InvalidUrl::Scheme {
                scheme: scheme.to_owned(),
                offer: self.offer,
                write,
            });
        }
        // Nothing is decoded and no parameter is read: what would be misread is refused.
        if let Some(character) = rest.chars().find(|&character| "%?#".contains(character)) {
            return Err(InvalidUrl::Character { character, write });
        }
        let path = match rest.strip_prefix("//") {
            Some(path) if !path.starts_with('/') => return Err(InvalidUrl::Host { write }),
            Some(path) => path,
            None => rest,
        };
        if path.is_empty() {
            Err(InvalidUrl::NoPath { write })
        } else {
            Ok(path)
        }
    }
}

/// None of the messages repeats the URL, since that of another database holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUrl {
    #[error("is not a URL: write {write}")]
    NoScheme { write: &'static str },
    #[error("does not take `{scheme}:`, since {offer}: write {write}")]
    Scheme {
        scheme: String,
        offer: &'static str,
        write: &'static str,
    },
    #[error("holds `{character}`, but escapes and parameters are not read: write {write}")]
    Character {
        character: char,
        write: &'static str,
    },
    #[error("has a host where the path should begin: write {write}")]
    Host { write: &'static str },
    #[error("names no path: write {write}")]
    NoPath { write: &'static str },
    #[error("names a folder, not a file: write {write}")]
    Folder { write: &'static str },
    #[error("names no file, and a database in memory would be lost when Berth stops")]
    Memory,
}

#[cfg(test)]
mod tests;
