//! Where the content of a project is read from.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use berth_oci::{Digest, ErrorCode, MediaType, Page, Reference, RepositoryName};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use http::StatusCode;

use crate::db::DbError;
pub use crate::db::referrers::ReferrerRow as Referrer;
use crate::store::StoreError;

mod hosted;
mod located;
mod recent;

pub(crate) use hosted::Hosted;
pub use located::{Asked, LocateError, Located, Pushes, Sources};

/// Where the content of a project is read from: what is hosted here, an upstream through its cache,
/// or a group of both. The HTTP layer does not know which it has.
///
/// Absence is `None`; an error means that the source could not say.
#[async_trait]
pub trait Source: Send + Sync {
    /// What a manifest is, without its bytes. Counts as a pull of the tag, if it names one.
    async fn describe_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<ManifestDescription>, SourceError>;

    /// A manifest with the bytes that were pushed. Counts as a pull.
    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, SourceError>;

    /// How large a blob of the repository is.
    async fn describe_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError>;

    /// A blob of the repository, whoever else has it.
    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Blob>, SourceError>;

    /// At most `limit` tags, in order of their bytes; `None` when there is no such repository.
    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Listing<String>>, SourceError>;

    /// At most `limit` manifests that name `subject`, oldest first.
    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Listing<Referrer>, SourceError>;

    /// Which repository a manifest would be read from: the one that is asked, unless it is made of
    /// others, and `None` where none of those has it.
    async fn keeper(
        &self,
        repository: &RepositoryName,
        _digest: &Digest,
    ) -> Result<Option<RepositoryName>, SourceError> {
        Ok(Some(repository.clone()))
    }
}

/// Why a source could not say. Cheap to clone, since many may wait for one answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("could not read the blob store")]
    Store(#[source] Arc<StoreError>),
    /// The bytes of a blob have gone, and nobody is told any longer that it is there.
    #[error("the bytes of {0} are gone")]
    Gone(Digest),
    /// A registry elsewhere has failed, and what it has is not here.
    #[error("{message}")]
    Elsewhere {
        status: StatusCode,
        code: ErrorCode,
        message: String,
        retry_after_seconds: Option<u64>,
    },
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

#[derive(Clone)]
pub struct ManifestDescription {
    pub digest: Digest,
    pub media_type: MediaType,
    pub size_bytes: u64,
    /// Whether the tag may be elsewhere by now: its upstream could not be asked.
    pub stale: bool,
}

#[derive(Clone)]
pub struct StoredManifest {
    pub description: ManifestDescription,
    pub bytes: Bytes,
}

/// A blob that can be read.
pub struct Blob {
    pub size_bytes: u64,
    content: Box<dyn BlobContent>,
}

/// The bytes of a blob as they are sent.
pub type Content = BoxStream<'static, Result<Bytes, SourceError>>;

/// The bytes of a blob, wherever they are.
#[async_trait]
pub trait BlobContent: Send {
    /// The bytes of a range that is not empty and ends within the blob. Counts as a pull.
    async fn read(self: Box<Self>, range: Range<u64>) -> Result<Content, SourceError>;

    /// The file that has all of the bytes, if one is there, for who can send a file without reading it.
    /// Counts as a pull of so many bytes.
    async fn file(&mut self, _bytes: u64) -> Result<Option<File>, SourceError> {
        Ok(None)
    }
}

impl Blob {
    pub fn new(size_bytes: u64, content: Box<dyn BlobContent>) -> Self {
        Self {
            size_bytes,
            content,
        }
    }

    /// The bytes of the range. Counts as a pull.
    pub async fn read(self, range: Range<u64>) -> Result<Content, SourceError> {
        self.content.read(range).await
    }

    /// As [`BlobContent::file`].
    pub async fn file(&mut self, bytes: u64) -> Result<Option<File>, SourceError> {
        self.content.file(bytes).await
    }
}

/// A part of a list, and whether there is more behind it.
#[derive(Clone)]
pub struct Listing<T> {
    pub entries: Vec<T>,
    pub more: bool,
}

impl<T> Listing<T> {
    /// Of entries that were asked for as one more than the limit.
    pub fn of(mut entries: Vec<T>, limit: usize) -> Self {
        let more = entries.len() > limit;
        entries.truncate(limit);
        Self { entries, more }
    }
}
