//! The bytes of a blob that is being fetched. They are staged like an upload's, so that the end of
//! a fill is that of a push: nothing is copied.
//!
//! A fill of more than [`NOTED_BYTES`] has a row, so that a restart finds what it has. That row says
//! nothing of how much: the staged file does, and it is hashed again. A power cut may leave rubbish
//! at its end; then the digest does not fit, and the fill starts over.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use berth_oci::{Digest, Hasher, RepositoryName, UploadId};
use bytes::Bytes;
use futures_util::{FutureExt as _, TryStreamExt as _};
use tracing::{info, warn};
use uuid::Uuid;

use crate::db::fills::FillRow;
use crate::db::{self, DbError};
use crate::registry::Registry;
use crate::store::{ByteStream, Key, StoreError};
use crate::upload::{Pipe, UploadLock};

/// Less than this is fetched again sooner than its row is written.
const NOTED_BYTES: u64 = 1024 * 1024;

#[derive(Clone, Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("the content has digest {actual}, not {expected}")]
    DigestMismatch { expected: Digest, actual: Digest },
    #[error(transparent)]
    Store(Arc<StoreError>),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SpoolError {
    /// Whether the disk has no space for it.
    pub fn full(&self) -> bool {
        match self {
            Self::DigestMismatch { .. } => false,
            Self::Store(error) => matches!(**error, StoreError::Full),
            Self::Db(error) => error.full(),
        }
    }
}

impl From<StoreError> for SpoolError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// A blob on its way into the store. Dropped, it stays for a later fill to go on with.
pub struct Spool {
    registry: Arc<Registry>,
    digest: Digest,
    size_bytes: u64,
    upload: UploadId,
    pipe: Pipe,
    written: u64,
    /// Whether its beginning is of an earlier run of the process.
    inherited: bool,
    reader: SpoolReader,
    _lock: UploadLock,
}

impl Registry {
    /// Takes up what an earlier fill of the blob has left, or begins with nothing.
    pub async fn open_spool(
        self: &Arc<Self>,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<Spool, SpoolError> {
        let mut connection = self.db.read().await?;
        let earlier = db::fills::find(&mut connection, digest).await?;
        drop(connection);
        if let Some(row) = &earlier
            && row.size_bytes == size_bytes
            && let Some(lock) = self.locks.try_acquire(row.upload)
            && let Some(staged) = self.store.staged_bytes(row.upload).await?
            && staged <= size_bytes
        {
            let mut hasher = Hasher::new(digest.algorithm());
            let mut pieces = self.store.read_staged(row.upload, 0..staged).await?;
            while let Some(piece) = pieces.try_next().await? {
                hasher.update(&piece);
            }
            let found = (row.upload, staged, hasher);
            return self.spool(digest, size_bytes, found, lock).await;
        }
        if let Some(row) = earlier
            && let Some(_lock) = self.locks.try_acquire(row.upload)
        {
            self.forget_fill(row.upload).await?;
        }
        let upload = UploadId::from(Uuid::new_v4());
        let lock = self.locks.try_acquire(upload).expect("the id is new");
        if size_bytes > NOTED_BYTES {
            let (digest, now) = (digest.clone(), self.clock.now());
            let row = FillRow { upload, size_bytes };
            self.db
                .write_relaxed(move |tx| {
                    async move { db::fills::put(tx, &digest, &row, now).await }.boxed()
                })
                .await?;
        }
        let nothing = (upload, 0, Hasher::new(digest.algorithm()));
        self.spool(digest, size_bytes, nothing, lock).await
    }

    async fn spool(
        self: &Arc<Self>,
        digest: &Digest,
        size_bytes: u64,
        (upload, written, hasher): (UploadId, u64, Hasher),
        lock: UploadLock,
    ) -> Result<Spool, SpoolError> {
        let staging = self.store.stage(upload, written).await?;
        Ok(Spool {
            registry: Arc::clone(self),
            digest: digest.clone(),
            size_bytes,
            upload,
            pipe: Pipe::new(staging, hasher),
            written,
            inherited: written > 0,
            reader: SpoolReader {
                registry: Arc::clone(self),
                upload,
                place: Arc::default(),
            },
            _lock: lock,
        })
    }
}

impl Spool {
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Whether its beginning is of an earlier run of the process, which nobody has proved.
    pub fn inherited(&self) -> bool {
        self.inherited
    }

    pub fn reader(&self) -> SpoolReader {
        self.reader.clone()
    }

    /// The hash of all that was written.
    pub fn hasher(&self) -> &Hasher {
        self.pipe.hasher()
    }

    /// Writes the pieces behind what is there. After an error the spool is of no more use.
    pub async fn append(&mut self, pieces: Vec<Bytes>) -> Result<(), SpoolError> {
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.pipe.push(pieces).await?;
        self.written += length;
        Ok(())
    }

    /// Whether what was written is the blob.
    pub fn prove(&self) -> Result<(), SpoolError> {
        let actual = self.pipe.hasher().clone().finish();
        if actual == self.digest {
            Ok(())
        } else {
            Err(SpoolError::DigestMismatch {
                expected: self.digest.clone(),
                actual,
            })
        }
    }

    /// Makes the blob durable and gives it to the repositories. Invariant: it is proved again here,
    /// so that nothing else is ever visible.
    pub async fn commit(self, repositories: Vec<RepositoryName>) -> Result<(), SpoolError> {
        self.prove()?;
        let Self {
            registry,
            digest,
            size_bytes,
            upload,
            pipe,
            reader,
            ..
        } = self;
        pipe.finish().await?;
        let key = registry.store.publish(upload).await?;
        let now = registry.clock.now();
        let collect_at = registry.collect_at(now);
        let (stored, ours) = (digest.clone(), key.clone());
        let (place, more) = registry
            .db
            .write(move |tx| {
                async move {
                    let blob = db::blobs::ensure(tx, &stored, size_bytes, &ours, now).await?;
                    let mut more = 0;
                    for repository in &repositories {
                        if let Some(id) = super::ensure_repository(tx, repository, now).await? {
                            more += super::give_blob(tx, id, &blob, now, collect_at).await?;
                        }
                    }
                    db::fills::delete(tx, upload).await?;
                    Ok::<_, DbError>((blob.key, more))
                }
                .boxed()
            })
            .await?;
        let pushed_meanwhile = place != key;
        registry.cache_space.holds(more);
        // Before the staged name goes, so that readers know where to go on.
        let _ = reader.place.set(place);
        let end = if pushed_meanwhile {
            registry.store.discard(upload).await
        } else {
            registry.store.settle(upload).await
        };
        if let Err(error) = end {
            warn!(upload = %upload, error = &error as &dyn std::error::Error, "could not tidy up after fill {upload}");
        }
        info!(digest = %digest, size_bytes, "cached blob {digest}");
        Ok(())
    }

    /// Leaves what was written to a later fill, if there is enough of it to be gone on with.
    pub async fn leave(self) -> Result<(), SpoolError> {
        if self.size_bytes > NOTED_BYTES {
            Ok(())
        } else {
            self.discard().await
        }
    }

    /// Throws away what was written.
    pub async fn discard(self) -> Result<(), SpoolError> {
        let Self {
            registry,
            upload,
            pipe,
            ..
        } = self;
        // This closes the file: while it is open, removing it gives no space back.
        drop(pipe);
        registry.forget_fill(upload).await?;
        Ok(())
    }
}

impl Registry {
    /// The bytes first: on a full disk the row can only be written when they are gone, and a row
    /// without bytes is as good as none.
    async fn forget_fill(&self, upload: UploadId) -> Result<(), SpoolError> {
        self.store.discard(upload).await?;
        self.db
            .write_relaxed(move |tx| async move { db::fills::delete(tx, upload).await }.boxed())
            .await?;
        Ok(())
    }

    /// Throws away the beginnings of blobs that nobody has asked for again.
    pub(crate) async fn expire_fills(&self) -> Result<(), SpoolError> {
        const PART: i64 = 100;
        let before = self.clock.now().minus(self.limits.upload_expiry);
        let mut connection = self.db.read().await?;
        let expired = db::fills::started_before(&mut connection, before, PART).await?;
        drop(connection);
        for upload in expired {
            if let Some(_lock) = self.locks.try_acquire(upload) {
                self.forget_fill(upload).await?;
                info!(upload = %upload, "removed unfinished fill {upload}");
            }
        }
        Ok(())
    }
}

/// Reads what a fill has written so far, and the blob once it is stored.
#[derive(Clone)]
pub struct SpoolReader {
    registry: Arc<Registry>,
    upload: UploadId,
    place: Arc<OnceLock<Key>>,
}

impl SpoolReader {
    /// Bytes of a range that has been written.
    pub async fn read(&self, range: Range<u64>) -> Result<ByteStream, SpoolError> {
        let store = &self.registry.store;
        if let Some(key) = self.place.get() {
            return Ok(store.read(key, range).await?);
        }
        match store.read_staged(self.upload, range.clone()).await {
            Err(StoreError::Missing(_)) if self.place.get().is_some() => {
                let key = self.place.get().expect("it was there just now");
                Ok(store.read(key, range).await?)
            }
            opened => Ok(opened?),
        }
    }
}

#[cfg(test)]
mod tests;
