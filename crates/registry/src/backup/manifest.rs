use serde::{Deserialize, Serialize};

/// What `backup.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    pub format: u32,
    /// The release of Berth that made it.
    pub release: String,
    /// RFC 3339, in UTC.
    pub made_at: String,
    pub database: DatabaseCopy,
    pub blobs: CountedBlobs,
    /// The first digests of blobs that were corrupt or missing already. Such blobs are not in the
    /// backup.
    pub damaged: Vec<String>,
}

pub(super) const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseCopy {
    pub file: String,
    pub bytes: u64,
    /// In hexadecimal digits.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedBlobs {
    pub count: u64,
    pub bytes: u64,
    /// The file that lists them; without it they are in the folder `blobs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}
