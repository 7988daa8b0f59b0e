use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use berth_oci::{Digest, Page, Reference, RepositoryName};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};

use super::{
    Blob, BlobContent, Content, Listing, ManifestDescription, Referrer, Source, SourceError,
    StoredManifest,
};
use crate::clock::Clock;
use crate::damage;
use crate::db::blobs::{BlobRow, LinkedBlob};
use crate::db::manifests::ManifestRow;
use crate::db::referrers::ReferrersOf;
use crate::db::repository_blobs::Link;
use crate::db::{self, Db, DbError, signed};
use crate::store::{BlobStore, StoreError};
use crate::usage::{Pulled, Usage};

/// What was pushed here.
pub(crate) struct Hosted {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    usage: Arc<Usage>,
    /// How long a blob that nothing names stays once somebody was told that it is here.
    grace: Duration,
}

impl Hosted {
    pub(crate) fn new(
        db: Db,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        usage: Arc<Usage>,
        grace: Duration,
    ) -> Self {
        Self {
            db,
            store,
            clock,
            usage,
            grace,
        }
    }

    /// Sees to it that a blob which nothing names stays for the grace time, before somebody is told
    /// that it is here; `false` when it has just gone. A power cut may lose this, as it does the push
    /// that was about to rely on it.
    async fn promise(&self, found: &LinkedBlob) -> Result<bool, SourceError> {
        let promised = self.clock.now().plus(self.grace);
        if found.collect_at.is_none_or(|at| at >= promised) {
            return Ok(true);
        }
        let link = Link {
            repository_id: found.repository_id,
            blob_id: found.blob.id,
        };
        // For a little longer, so that not each of many questions is a write.
        let collect_at = promised.plus(self.grace / 8);
        let there = self
            .db
            .write_relaxed(move |tx| {
                async move { db::repository_blobs::renew(tx, link, collect_at).await }.boxed()
            })
            .await?;
        Ok(there)
    }

    /// Counts the pull of a tag, also for HEAD: containerd and BuildKit resolve a tag that way, and
    /// then pull by digest.
    fn count_tag(&self, row: &ManifestRow, reference: &Reference) {
        if let Reference::Tag(tag) = reference {
            let pulled = Pulled::Tag {
                repository_id: row.repository_id,
                tag: tag.clone(),
            };
            self.usage.count(pulled, self.clock.now());
        }
    }
}

#[async_trait]
impl Source for Hosted {
    async fn describe_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<ManifestDescription>, SourceError> {
        let mut connection = self.db.read().await?;
        let row = db::manifests::find(&mut connection, repository, reference).await?;
        if let Some(row) = &row {
            self.count_tag(row, reference);
        }
        Ok(row.map(ManifestDescription::from))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, SourceError> {
        let mut connection = self.db.read().await?;
        let Some((row, bytes)) =
            db::manifests::read(&mut connection, repository, reference).await?
        else {
            return Ok(None);
        };
        self.count_tag(&row, reference);
        self.usage
            .count(Pulled::Manifest { id: row.id }, self.clock.now());
        Ok(Some(StoredManifest {
            description: row.into(),
            bytes: bytes.into(),
        }))
    }

    async fn describe_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        let mut connection = self.db.read().await?;
        let found = db::blobs::find_in_repository(&mut connection, repository, digest).await?;
        drop(connection);
        let Some(found) = found else {
            return Ok(None);
        };
        let there = self.promise(&found).await?;
        Ok(there.then_some(found.blob.size_bytes))
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Blob>, SourceError> {
        let mut connection = self.db.read().await?;
        let found = db::blobs::find_in_repository(&mut connection, repository, digest).await?;
        Ok(found.map(|found| {
            let size_bytes = found.blob.size_bytes;
            let stored = StoredBlob {
                pulled: Pulled::Blob {
                    repository_id: found.repository_id,
                    id: found.blob.id,
                },
                usage: Arc::clone(&self.usage),
                object: Object {
                    db: self.db.clone(),
                    store: Arc::clone(&self.store),
                    clock: Arc::clone(&self.clock),
                    digest: digest.clone(),
                    row: found.blob,
                },
            };
            Blob::new(size_bytes, Box::new(stored))
        }))
    }

    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Listing<String>>, SourceError> {
        let mut connection = self.db.read().await?;
        let Some(repository_id) = db::repositories::find(&mut connection, repository).await? else {
            return Ok(None);
        };
        let tags = db::tags::list(&mut connection, repository_id, page, one_more(limit)).await?;
        Ok(Some(Listing::of(tags, limit)))
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Listing<Referrer>, SourceError> {
        let mut connection = self.db.read().await?;
        let Some(repository_id) = db::repositories::find(&mut connection, repository).await? else {
            return Ok(Listing::of(Vec::new(), limit));
        };
        let of = ReferrersOf {
            repository_id,
            subject,
            artifact_type,
            after: signed(after),
            limit,
        };
        let (entries, more) = db::referrers::list(&mut connection, &of).await?;
        Ok(Listing { entries, more })
    }
}

/// A blob whose bytes are in the store, and what to count when they are asked for.
struct StoredBlob {
    object: Object,
    pulled: Pulled,
    usage: Arc<Usage>,
}

struct Object {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    digest: Digest,
    row: BlobRow,
}

impl Object {
    async fn damaged(&self, error: &StoreError) -> Result<bool, DbError> {
        let now = self.clock.now();
        damage::note(&self.db, &*self.store, &self.digest, &self.row, error, now).await
    }
}

#[async_trait]
impl BlobContent for StoredBlob {
    async fn read(self: Box<Self>, range: Range<u64>) -> Result<Content, SourceError> {
        let object = self.object;
        let bytes = match object.store.read(&object.row.key, range).await {
            Ok(bytes) => bytes,
            Err(error) if object.damaged(&error).await? => {
                return Err(SourceError::Gone(object.digest));
            }
            Err(error) => return Err(error.into()),
        };
        self.usage.count(self.pulled, object.clock.now());
        let object = Arc::new(object);
        let noted = move |error: StoreError| {
            let object = Arc::clone(&object);
            async move {
                object.damaged(&error).await?;
                Err(SourceError::from(error))
            }
        };
        Ok(bytes.or_else(noted).boxed())
    }
}

/// Asked for, so that a list knows whether it goes on.
fn one_more(limit: usize) -> i64 {
    signed(limit as u64).saturating_add(1)
}

impl From<ManifestRow> for ManifestDescription {
    fn from(row: ManifestRow) -> Self {
        Self {
            digest: row.digest,
            media_type: row.media_type,
            size_bytes: row.size_bytes,
            stale: false,
        }
    }
}
