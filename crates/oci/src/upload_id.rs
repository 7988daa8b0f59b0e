use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The name of an upload session: random, so that it can not be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Uuid);

impl From<Uuid> for UploadId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    /// Accepts the hyphenated lower case spelling that [`fmt::Display`] gives, and no other.
    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let id = Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| InvalidUploadId)?;
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(InvalidUploadId)
        }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whatever the text is, no session has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload session does not exist")]
pub struct InvalidUploadId;
