use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use berth_oci::{Digest, MediaType, Page, Reference, RepositoryName};
use bytes::Bytes;

use crate::clock::Clock;
use crate::db::DbError;
pub(crate) use crate::db::referrers::ReferrerRow as Referrer;
use crate::store::{BlobStore, ByteStream, Key, StoreError};
use crate::usage::{Pulled, Usage};

mod hosted;

pub(crate) use hosted::Hosted;

/// Where the content of a project is read from: what is hosted here, and in time an upstream
/// through its cache, or a group of both. The HTTP layer does not know which it has.
///
/// Absence is `None`; an error means that the source could not say.
#[async_trait]
pub(crate) trait Source: Send + Sync {
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
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) struct ManifestDescription {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) size_bytes: u64,
}

pub(crate) struct StoredManifest {
    pub(crate) description: ManifestDescription,
    pub(crate) bytes: Bytes,
}

/// A blob that can be read: its size and its place.
pub(crate) struct Blob {
    pub(crate) size_bytes: u64,
    store: Arc<dyn BlobStore>,
    key: Key,
    pull: PullOfBlob,
}

/// What to count when the bytes are asked for.
struct PullOfBlob {
    pulled: Pulled,
    usage: Arc<Usage>,
    clock: Arc<dyn Clock>,
}

impl Blob {
    /// The bytes of the range. Counts as a pull.
    pub(crate) async fn read(self, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let bytes = self.store.read(&self.key, range).await?;
        self.pull
            .usage
            .count(self.pull.pulled, self.pull.clock.now());
        Ok(bytes)
    }
}

/// A part of a list, and whether there is more behind it.
pub(crate) struct Listing<T> {
    pub(crate) entries: Vec<T>,
    pub(crate) more: bool,
}

impl<T> Listing<T> {
    /// Of entries that were asked for as one more than the limit.
    pub(crate) fn of(mut entries: Vec<T>, limit: usize) -> Self {
        let more = entries.len() > limit;
        entries.truncate(limit);
        Self { entries, more }
    }
}
