use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use berth_oci::{Digest, Page, Reference, RepositoryName};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future, stream};

use super::recent::Recent;
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
use crate::db::{self, ContentEpoch, Db, DbError, signed};
use crate::known::Weighed;
use crate::store::{BlobStore, StoreError};
use crate::usage::{Pulled, Usage};

/// Bytes of manifests, and of blobs, that are kept in memory.
const RECENT_BYTES: u64 = 4 * 1024 * 1024;
/// Larger ones are read each time: many more are small, such as the configs of images.
const SMALL_BYTES: u64 = 32 * 1024;

/// What was pushed here.
pub(crate) struct Hosted {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    usage: Arc<Usage>,
    manifests: Recent<Reference, RecentManifest>,
    blobs: Arc<Recent<Digest, RecentBlob>>,
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
            manifests: Recent::new(RECENT_BYTES),
            blobs: Arc::new(Recent::new(RECENT_BYTES)),
            grace,
        }
    }

    /// Forgets what is in memory: it is in the database and in the store.
    pub(crate) fn forget(&self) {
        self.manifests.forget();
        self.blobs.forget();
    }

    /// The manifest as it is now, with its bytes if they are `wanted`.
    async fn find_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        wanted: bool,
    ) -> Result<Option<RecentManifest>, SourceError> {
        let epoch = self.db.feed().content(repository.as_str());
        if let Some(known) = self.manifests.get(repository, reference, epoch)
            && (known.bytes.is_some() || !wanted)
        {
            return Ok(Some(known));
        }
        let mut connection = self.db.read().await?;
        let found = if wanted {
            db::manifests::read(&mut connection, repository, reference)
                .await?
                .map(|(row, bytes)| (row, Some(bytes.into())))
        } else {
            db::manifests::find(&mut connection, repository, reference)
                .await?
                .map(|row| (row, None))
        };
        let Some((row, bytes)) = found else {
            return Ok(None);
        };
        let row = Arc::new(row);
        let manifest = RecentManifest { row, bytes };
        if manifest.row.size_bytes <= SMALL_BYTES {
            self.manifests
                .keep(repository, reference, epoch, manifest.clone());
        }
        Ok(Some(manifest))
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
    async fn count_tag(&self, row: &ManifestRow, reference: &Reference) {
        if let Reference::Tag(tag) = reference {
            let pulled = Pulled::Tag {
                repository_id: row.repository_id,
                tag: tag.clone(),
            };
            self.usage.count(pulled, self.clock.now()).await;
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
        let manifest = self.find_manifest(repository, reference, false).await?;
        let Some(RecentManifest { row, .. }) = manifest else {
            return Ok(None);
        };
        self.count_tag(&row, reference).await;
        Ok(Some(ManifestDescription::from(&*row)))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, SourceError> {
        let manifest = self.find_manifest(repository, reference, true).await?;
        let Some(RecentManifest { row, bytes }) = manifest else {
            return Ok(None);
        };
        self.count_tag(&row, reference).await;
        let pulled = Pulled::Manifest { id: row.id };
        self.usage.count(pulled, self.clock.now()).await;
        Ok(bytes.map(|bytes| StoredManifest {
            description: ManifestDescription::from(&*row),
            bytes,
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
        let epoch = self.db.feed().content(repository.as_str());
        let known = self.blobs.get(repository, digest, epoch);
        if let Some(RecentBlob { pulled, bytes }) = known {
            let size_bytes = bytes.len() as u64;
            let content = BlobInMemory {
                bytes,
                pulled,
                usage: Arc::clone(&self.usage),
                clock: Arc::clone(&self.clock),
            };
            return Ok(Some(Blob::new(size_bytes, Box::new(content))));
        }
        let mut connection = self.db.read().await?;
        let found = db::blobs::find_in_repository(&mut connection, repository, digest).await?;
        Ok(found.map(|found| {
            let size_bytes = found.blob.size_bytes;
            let keep = (size_bytes <= SMALL_BYTES).then(|| Keep {
                recent: Arc::clone(&self.blobs),
                repository: repository.clone(),
                epoch,
            });
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
                keep,
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
        let tags = db::tags::list_in(&mut connection, repository, page, one_more(limit)).await?;
        if tags.is_empty() {
            let there = db::repositories::find(&mut connection, repository).await?;
            return Ok(there.map(|_| Listing::of(tags, limit)));
        }
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

#[derive(Clone)]
struct RecentManifest {
    row: Arc<ManifestRow>,
    /// Once they were asked for.
    bytes: Option<Bytes>,
}

#[derive(Clone)]
struct RecentBlob {
    pulled: Pulled,
    bytes: Bytes,
}

impl Weighed for RecentManifest {
    fn bytes(&self) -> usize {
        self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

impl Weighed for RecentBlob {
    fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// A blob whose bytes are in memory, and what to count when they are asked for.
struct BlobInMemory {
    bytes: Bytes,
    pulled: Pulled,
    usage: Arc<Usage>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl BlobContent for BlobInMemory {
    async fn read(self: Box<Self>, range: Range<u64>) -> Result<Content, SourceError> {
        self.usage.count(self.pulled, self.clock.now()).await;
        Ok(part(&self.bytes, range))
    }
}

/// A part of what is in memory.
fn part(bytes: &Bytes, range: Range<u64>) -> Content {
    let place = |at: u64| usize::try_from(at).expect("a place in memory");
    let part = bytes.slice(place(range.start)..place(range.end));
    stream::once(future::ready(Ok(part))).boxed()
}

/// A blob whose bytes are in the store, and what to count when they are asked for.
struct StoredBlob {
    object: Object,
    pulled: Pulled,
    usage: Arc<Usage>,
    keep: Option<Keep>,
}

/// Where the bytes of a small blob are kept once they are read.
struct Keep {
    recent: Arc<Recent<Digest, RecentBlob>>,
    repository: RepositoryName,
    epoch: Option<ContentEpoch>,
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
        let wanted = match self.keep {
            Some(_) => 0..object.row.size_bytes,
            None => range.clone(),
        };
        let bytes = match object.store.read(&object.row.key, wanted).await {
            Ok(bytes) => bytes,
            Err(error) if object.damaged(&error).await? => {
                return Err(SourceError::Gone(object.digest));
            }
            Err(error) => return Err(error.into()),
        };
        let now = object.clock.now();
        self.usage.count(self.pulled.clone(), now).await;
        let object = Arc::new(object);
        let digest = object.digest.clone();
        let noted = move |error: StoreError| {
            let object = Arc::clone(&object);
            async move {
                object.damaged(&error).await?;
                Err(SourceError::from(error))
            }
        };
        let bytes = bytes.or_else(noted).boxed();
        let Some(keep) = self.keep else {
            return Ok(bytes);
        };
        let bytes: Vec<u8> = bytes.map_ok(Vec::from).try_concat().await?;
        let bytes = Bytes::from(bytes);
        let blob = RecentBlob {
            pulled: self.pulled,
            bytes: bytes.clone(),
        };
        keep.recent
            .keep(&keep.repository, &digest, keep.epoch, blob);
        Ok(part(&bytes, range))
    }

    async fn file(&mut self, _: u64) -> Result<Option<File>, SourceError> {
        let Object {
            store, clock, row, ..
        } = &self.object;
        let file = store.file(&row.key, row.size_bytes).await?;
        if file.is_some() {
            self.usage.count(self.pulled.clone(), clock.now()).await;
        }
        Ok(file)
    }
}

/// Asked for, so that a list knows whether it goes on.
fn one_more(limit: usize) -> i64 {
    signed(limit as u64).saturating_add(1)
}

impl From<&ManifestRow> for ManifestDescription {
    fn from(row: &ManifestRow) -> Self {
        Self {
            digest: row.digest.clone(),
            media_type: row.media_type.clone(),
            size_bytes: row.size_bytes,
            stale: false,
        }
    }
}

#[cfg(test)]
mod tests;
