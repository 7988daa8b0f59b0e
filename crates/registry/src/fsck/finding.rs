use std::fmt;

use berth_oci::{Digest, UploadId};
use serde::{Serialize, Serializer};

use crate::store::Key;

/// Something that is wrong, what was done about it, and what is left to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    #[serde(flatten)]
    pub problem: Problem,
    pub outcome: Outcome,
    /// What a person has to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was done.
    Found,
    /// It is not served, until somebody pushes it again.
    Marked,
    Repaired,
}

/// Repositories are texts, since those of what was deleted have no name that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// A blob without bytes.
    MissingObject {
        #[serde(serialize_with = "text")]
        digest: Digest,
        #[serde(serialize_with = "text")]
        key: Key,
    },
    WrongSize {
        #[serde(serialize_with = "text")]
        digest: Digest,
        #[serde(serialize_with = "text")]
        key: Key,
        size_bytes: u64,
        actual_bytes: u64,
    },
    CorruptObject {
        #[serde(serialize_with = "text")]
        digest: Digest,
        #[serde(serialize_with = "text")]
        key: Key,
        #[serde(serialize_with = "text")]
        actual: Digest,
    },
    UnreadableObject {
        #[serde(serialize_with = "text")]
        digest: Digest,
        #[serde(serialize_with = "text")]
        key: Key,
        error: String,
    },
    /// A blob that is not served though its bytes are right.
    WronglyMarked {
        #[serde(serialize_with = "text")]
        digest: Digest,
    },
    /// Bytes that no blob has.
    OrphanObject {
        #[serde(serialize_with = "text")]
        key: Key,
        size_bytes: u64,
    },
    /// A blob that no repository has.
    UnlinkedBlob {
        digest: String,
    },
    CorruptManifest {
        repository: String,
        #[serde(serialize_with = "text")]
        digest: Digest,
    },
    InvalidManifest {
        repository: String,
        #[serde(serialize_with = "text")]
        digest: Digest,
        error: String,
    },
    /// Rows that do not say what the manifest names.
    WrongEdges {
        repository: String,
        #[serde(serialize_with = "text")]
        digest: Digest,
        missing: usize,
        needless: usize,
    },
    /// An image without one of its blobs.
    LackingBlob {
        repository: String,
        #[serde(serialize_with = "text")]
        digest: Digest,
        #[serde(serialize_with = "text")]
        blob: Digest,
    },
    /// A tag that is on no manifest of its repository.
    StrayTag {
        repository: String,
        tag: String,
    },
    WrongUsage {
        project: String,
        noted_bytes: i64,
        actual_bytes: i64,
    },
    StrayCachedBlob {
        blob_id: i64,
    },
    /// A repository of no project.
    StrayRepository {
        repository: String,
    },
    /// An upload session whose bytes are gone.
    LostUpload {
        repository: String,
        #[serde(serialize_with = "text")]
        upload: UploadId,
    },
}

fn text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Problem {
    /// A word or two, the same as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MissingObject { .. } => "missing_object",
            Self::WrongSize { .. } => "wrong_size",
            Self::CorruptObject { .. } => "corrupt_object",
            Self::UnreadableObject { .. } => "unreadable_object",
            Self::WronglyMarked { .. } => "wrongly_marked",
            Self::OrphanObject { .. } => "orphan_object",
            Self::UnlinkedBlob { .. } => "unlinked_blob",
            Self::CorruptManifest { .. } => "corrupt_manifest",
            Self::InvalidManifest { .. } => "invalid_manifest",
            Self::WrongEdges { .. } => "wrong_edges",
            Self::LackingBlob { .. } => "lacking_blob",
            Self::StrayTag { .. } => "stray_tag",
            Self::WrongUsage { .. } => "wrong_usage",
            Self::StrayCachedBlob { .. } => "stray_cached_blob",
            Self::StrayRepository { .. } => "stray_repository",
            Self::LostUpload { .. } => "lost_upload",
        }
    }
}

/// For people.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingObject { digest, key } => {
                write!(
                    f,
                    "blob {digest} has no bytes: {key} is missing in the store"
                )
            }
            Self::WrongSize {
                digest,
                key,
                size_bytes,
                actual_bytes,
            } => write!(
                f,
                "blob {digest} has {size_bytes} bytes, and {key} has {actual_bytes}"
            ),
            Self::CorruptObject {
                digest,
                key,
                actual,
            } => write!(
                f,
                "blob {digest} has other bytes: {key} has digest {actual}"
            ),
            Self::UnreadableObject { digest, key, error } => {
                write!(f, "blob {digest} can not be read at {key}: {error}")
            }
            Self::WronglyMarked { digest } => {
                write!(
                    f,
                    "blob {digest} was marked as corrupt, and its bytes are right"
                )
            }
            Self::OrphanObject { key, size_bytes } => {
                write!(f, "{key} of {size_bytes} bytes is no blob's")
            }
            Self::UnlinkedBlob { digest } => write!(f, "no repository has blob {digest}"),
            Self::CorruptManifest { repository, digest } => {
                write!(f, "manifest {repository}@{digest} has other bytes")
            }
            Self::InvalidManifest {
                repository,
                digest,
                error,
            } => write!(f, "manifest {repository}@{digest} is not valid: {error}"),
            Self::WrongEdges {
                repository,
                digest,
                missing,
                needless,
            } => write!(
                f,
                "of what manifest {repository}@{digest} names, {missing} rows are missing and \
                 {needless} too many"
            ),
            Self::LackingBlob {
                repository,
                digest,
                blob,
            } => write!(f, "image {repository}@{digest} lacks blob {blob}"),
            Self::StrayTag { repository, tag } => {
                write!(f, "tag {repository}:{tag} is on no manifest there")
            }
            Self::WrongUsage {
                project,
                noted_bytes,
                actual_bytes,
            } => write!(
                f,
                "project {project} is noted to have {noted_bytes} bytes, and has {actual_bytes}"
            ),
            Self::StrayCachedBlob { blob_id } => {
                write!(
                    f,
                    "caches are noted to have blob number {blob_id}, which is not there"
                )
            }
            Self::StrayRepository { repository } => {
                write!(f, "repository {repository} is in no project")
            }
            Self::LostUpload { repository, upload } => {
                write!(f, "the bytes of upload {upload} to {repository} are gone")
            }
        }
    }
}
