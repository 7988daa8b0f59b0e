//! Uploads of blobs.
//!
//! - Bytes are hashed as they are written; the state of the hash is saved with the offset, so a
//!   session goes on after a restart and no byte is read twice. (The one exception: a client that
//!   names SHA-512 only when it closes a session has its bytes read once more.)
//! - A session's row never says more than is durable: the bytes are synced before it is saved, or a
//!   power cut could keep the state of a hash and lose what it was made of. What was written and
//!   not said is cut off when the session goes on.
//! - A blob is visible by its row, which is written after the digest was proved and the store has
//!   made the bytes durable. 201 comes after the row.
//! - One request at a time works on a session.

use berth_oci::{
    Algorithm, ContentRange, Digest, Hasher, Mount, ProjectName, RepositoryName, UploadId,
};
use futures_util::{FutureExt as _, TryStreamExt as _};
use tracing::{info, warn};
use uuid::Uuid;

use crate::body::{Body, BodyError};
use crate::clock::Timestamp;
use crate::db::{self, DbError, uploads::UploadRow};
use crate::pusher::{AdmitError, Pusher};
use crate::quota::{self, ChargeError, OverQuota, Room};
use crate::registry::Registry;
use crate::store::StoreError;

mod append;
mod locks;
mod pipe;

use append::{AppendError, Appender};

pub(crate) use locks::{UploadLock, UploadLocks};
pub use pipe::Pipe;

/// So much comes within any grace time.
const SMALL_BYTES: u64 = 16 * 1024 * 1024;

/// What a request says of the bytes it brings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) range: Option<ContentRange>,
    pub(crate) length: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("upload session {0} does not exist in this repository, or has expired")]
    UnknownSession(UploadId),
    #[error("another request is working on upload session {0}")]
    Busy(UploadId),
    #[error("the chunk begins at byte {first}, but the upload goes on at byte {offset}")]
    OutOfOrder { first: u64, offset: u64 },
    #[error("the chunk has {actual} bytes, but Content-Range says {declared}")]
    ChunkLength { declared: u64, actual: u64 },
    #[error("the content has digest {actual}, but the request says {declared}")]
    DigestMismatch { declared: Digest, actual: Digest },
    #[error("the right to push to {0} has gone meanwhile")]
    Refused(RepositoryName),
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ChargeError> for UploadError {
    fn from(error: ChargeError) -> Self {
        match error {
            ChargeError::Over(error) => error.into(),
            ChargeError::Db(error) => error.into(),
        }
    }
}

impl From<AdmitError> for UploadError {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Refused(repository) => Self::Refused(repository),
            AdmitError::Db(error) => Self::Db(error),
        }
    }
}

/// What a request for a mount came to.
pub(crate) enum Mounted {
    Blob,
    /// Nothing to mount; the client sends the bytes.
    Session(UploadId),
}

/// Bytes that came whole.
struct Staged {
    upload: UploadId,
    declared: Digest,
    actual: Digest,
    size_bytes: u64,
}

impl Registry {
    pub(crate) async fn start_upload(
        &self,
        repository: &RepositoryName,
        algorithm: Algorithm,
    ) -> Result<UploadId, UploadError> {
        let upload = UploadId::from(Uuid::new_v4());
        let now = self.clock.now();
        let expires_at = now.plus(self.limits.upload_expiry);
        let repository = repository.clone();
        self.db
            .write_relaxed(move |tx| {
                async move {
                    let hasher = Hasher::new(algorithm);
                    db::uploads::insert(tx, upload, &repository, &hasher, now, expires_at).await
                }
                .boxed()
            })
            .await?;
        Ok(upload)
    }

    /// Gives the repository a blob that another one has; `from` is one that the caller may read.
    pub(crate) async fn mount_blob(
        &self,
        repository: &RepositoryName,
        mount: &Mount,
        from: Option<RepositoryName>,
        pusher: Pusher,
    ) -> Result<Mounted, UploadError> {
        let Some(from) = from else {
            let upload = self.start_upload(repository, mount.algorithm).await?;
            return Ok(Mounted::Session(upload));
        };
        let admitted = self.admit(pusher, repository).await?;
        let now = self.clock.now();
        let collect_at = self.collect_at(now);
        let (target, digest) = (repository.clone(), mount.digest.clone());
        let mounted = self
            .db
            .write(move |tx| {
                async move {
                    let found = db::blobs::find_in_repository(tx, &from, &digest).await?;
                    let Some(found) = found else {
                        return Ok(false);
                    };
                    let repository_id = admitted.ensure(tx, &target, now).await?;
                    quota::give_blob(tx, repository_id, &found.blob, now, collect_at).await?;
                    Ok::<_, UploadError>(true)
                }
                .boxed()
            })
            .await?;
        if mounted {
            info!(repository = %repository, digest = %mount.digest, "mounted blob {} in {repository}", mount.digest);
            Ok(Mounted::Blob)
        } else {
            Ok(Mounted::Session(
                self.start_upload(repository, mount.algorithm).await?,
            ))
        }
    }

    /// Some repositories that have the blob, those of the project first.
    pub(crate) async fn repositories_with_blob(
        &self,
        digest: &Digest,
        project: &ProjectName,
    ) -> Result<Vec<RepositoryName>, UploadError> {
        /// Each of them is asked for the caller's right.
        const ASKED: i64 = 100;
        let mut connection = self.db.read().await?;
        Ok(db::blobs::repositories_with(&mut connection, digest, project, ASKED).await?)
    }

    /// Whether the session was opened at this time or before.
    pub(crate) async fn upload_opened_before(
        &self,
        repository: &RepositoryName,
        upload: UploadId,
        time: Timestamp,
    ) -> Result<bool, UploadError> {
        let mut connection = self.db.read().await?;
        let opened = db::uploads::started_at(&mut connection, upload, repository).await?;
        Ok(opened.is_some_and(|opened| opened <= time))
    }

    /// How many bytes the session has.
    pub(crate) async fn upload_offset(
        &self,
        repository: &RepositoryName,
        upload: UploadId,
    ) -> Result<u64, UploadError> {
        Ok(self.upload_session(repository, upload).await?.offset)
    }

    /// Appends a chunk and gives the new offset. Of a body that is cut, what arrived is kept.
    pub(crate) async fn append_upload(
        &self,
        repository: &RepositoryName,
        upload: UploadId,
        chunk: Chunk,
        body: &mut Body,
    ) -> Result<u64, UploadError> {
        let _lock = self
            .locks
            .acquire(upload)
            .await
            .ok_or(UploadError::Busy(upload))?;
        let session = self.upload_session(repository, upload).await?;
        let start = session.offset;
        check_chunk(chunk, start)?;
        let foreseen = start.saturating_add(chunk.length.unwrap_or_default());
        let room = self.foresee(&repository.project(), foreseen).await?;
        let opened = self.open_staged(upload, start, session.hasher, room);
        let mut appender = opened.await?;
        let received = self.work_on(upload, appender.append(body)).await;
        let synced = appender.sync().await;
        // This closes the file: while it is open, removing it gives no space back.
        let (offset, hasher) = match appender.finish().await {
            Ok(finished) => finished,
            Err(error) => return Err(self.give_up(upload, error).await),
        };
        let cut = match (received, synced) {
            (Ok(()), Ok(())) => {
                check_length(chunk, offset - start)?;
                None
            }
            (Err(AppendError::Body(cut)), Ok(())) => Some(cut),
            (Err(AppendError::OverQuota(refused)), _) => {
                self.abandon(upload).await;
                return Err(refused.into());
            }
            (Err(AppendError::Store(error)), _) | (_, Err(error)) => {
                return Err(self.give_up(upload, error).await);
            }
        };
        self.save_upload(upload, offset, hasher).await?;
        cut.map_or(Ok(offset), |cut| Err(cut.into()))
    }

    /// Appends the closing chunk, proves the digest and publishes the blob.
    pub(crate) async fn finish_upload(
        &self,
        repository: &RepositoryName,
        upload: UploadId,
        digest: Digest,
        chunk: Chunk,
        body: &mut Body,
        pusher: Pusher,
    ) -> Result<(), UploadError> {
        let _lock = self
            .locks
            .acquire(upload)
            .await
            .ok_or(UploadError::Busy(upload))?;
        let session = self.upload_session(repository, upload).await?;
        let start = session.offset;
        check_chunk(chunk, start)?;
        let foreseen = start.saturating_add(chunk.length.unwrap_or_default());
        let room = self.foresee_blob(repository, &digest, foreseen).await?;
        let hasher = self.hasher_for(&digest, upload, session).await?;
        let mut appender = self.open_staged(upload, start, hasher, room).await?;
        let received = self.work_on(upload, appender.append(body)).await;
        // This closes the file: while it is open, removing it gives no space back.
        let (size_bytes, hasher) = match appender.finish().await {
            Ok(finished) => finished,
            Err(error) => return Err(self.give_up(upload, error).await),
        };
        match received {
            Ok(()) => {}
            Err(AppendError::Body(cut)) => return Err(cut.into()),
            Err(AppendError::OverQuota(refused)) => {
                self.abandon(upload).await;
                return Err(refused.into());
            }
            Err(AppendError::Store(error)) => return Err(self.give_up(upload, error).await),
        }
        check_length(chunk, size_bytes - start)?;
        let blob = Staged {
            upload,
            declared: digest,
            actual: hasher.finish(),
            size_bytes,
        };
        self.publish_blob(repository, blob, pusher).await
    }

    /// Stores a blob that came in one request. A small one has no session: what a crash leaves of it
    /// is swept at the next start. A large one has, since blobs that were pushed before it are kept for
    /// as long as something is being uploaded.
    pub(crate) async fn upload_blob(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        length: Option<u64>,
        body: &mut Body,
        pusher: Pusher,
    ) -> Result<(), UploadError> {
        let foreseen = length.unwrap_or_default();
        let room = self.foresee_blob(repository, &digest, foreseen).await?;
        let upload = match length {
            Some(0..=SMALL_BYTES) => UploadId::from(Uuid::new_v4()),
            Some(_) | None => self.start_upload(repository, digest.algorithm()).await?,
        };
        let hasher = Hasher::new(digest.algorithm());
        let mut appender = Appender::open(&*self.store, upload, 0, hasher, room).await?;
        let received = self.work_on(upload, appender.append(body)).await;
        let finished = appender.finish().await.map_err(AppendError::Store);
        let (size_bytes, hasher) = match received.and(finished) {
            Ok(finished) => finished,
            Err(error) => {
                self.abandon(upload).await;
                return Err(match error {
                    AppendError::Body(error) => error.into(),
                    AppendError::OverQuota(error) => error.into(),
                    AppendError::Store(error) => error.into(),
                });
            }
        };
        let blob = Staged {
            upload,
            declared: digest,
            actual: hasher.finish(),
            size_bytes,
        };
        let published = self.publish_blob(repository, blob, pusher).await;
        if let Err(UploadError::Db(error)) = &published
            && error.full()
        {
            // Nothing was committed, and nobody will go on with the bytes.
            self.abandon(upload).await;
        }
        published
    }

    pub(crate) async fn cancel_upload(
        &self,
        repository: &RepositoryName,
        upload: UploadId,
    ) -> Result<(), UploadError> {
        let _lock = self
            .locks
            .acquire(upload)
            .await
            .ok_or(UploadError::Busy(upload))?;
        self.upload_session(repository, upload).await?;
        self.drop_upload(upload).await
    }

    /// Does what may take long for a session, and notes meanwhile that it is being worked on.
    async fn work_on<T>(&self, upload: UploadId, work: impl Future<Output = T> + Send) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(self.limits.grace / 4) => {}
            }
            let expires_at = self.clock.now().plus(self.limits.upload_expiry);
            let noted = self
                .db
                .write_relaxed(move |tx| {
                    async move { db::uploads::extend(tx, upload, expires_at).await }.boxed()
                })
                .await;
            if let Err(error) = noted {
                warn!(upload = %upload, error = &error as &dyn std::error::Error, "could not note that upload {upload} goes on");
            }
        }
    }

    /// Removes a session with its bytes. The row first: bytes without a row are swept at the next
    /// start.
    async fn drop_upload(&self, upload: UploadId) -> Result<(), UploadError> {
        self.db
            .write_relaxed(move |tx| async move { db::uploads::delete(tx, upload).await }.boxed())
            .await?;
        self.store.discard(upload).await?;
        Ok(())
    }

    /// As [`Registry::drop_upload`], if nobody works on the session and it has expired.
    pub(crate) async fn expire_upload(
        &self,
        upload: UploadId,
        now: Timestamp,
    ) -> Result<bool, UploadError> {
        let Some(_lock) = self.locks.try_acquire(upload) else {
            return Ok(false);
        };
        let expired = self
            .db
            .write_relaxed(move |tx| {
                async move { db::uploads::delete_expired(tx, upload, now).await }.boxed()
            })
            .await?;
        if expired {
            self.store.discard(upload).await?;
        }
        Ok(expired)
    }

    async fn upload_session(
        &self,
        repository: &RepositoryName,
        upload: UploadId,
    ) -> Result<UploadRow, UploadError> {
        let now = self.clock.now();
        let mut connection = self.db.read().await?;
        let session = db::uploads::find(&mut connection, upload, repository, now).await?;
        session.ok_or(UploadError::UnknownSession(upload))
    }

    /// Opens what a session has staged. A session whose bytes are gone can not go on: the client is
    /// told that it is unknown, and starts again.
    async fn open_staged(
        &self,
        upload: UploadId,
        offset: u64,
        hasher: Hasher,
        room: Room,
    ) -> Result<Appender, UploadError> {
        match Appender::open(&*self.store, upload, offset, hasher, room).await {
            Err(StoreError::Missing(_) | StoreError::Short { .. }) => {
                warn!(upload = %upload, "the bytes of upload {upload} are gone");
                self.drop_upload(upload).await?;
                Err(UploadError::UnknownSession(upload))
            }
            opened => Ok(opened?),
        }
    }

    async fn save_upload(
        &self,
        upload: UploadId,
        offset: u64,
        hasher: Hasher,
    ) -> Result<(), UploadError> {
        let expires_at = self.clock.now().plus(self.limits.upload_expiry);
        let saved = self
            .db
            .write_relaxed(move |tx| {
                async move { db::uploads::save(tx, upload, offset, &hasher, expires_at).await }
                    .boxed()
            })
            .await?;
        if saved {
            Ok(())
        } else {
            Err(UploadError::UnknownSession(upload))
        }
    }

    /// The session's hash, or one of the algorithm that the closing request names, brought up to
    /// the session's offset.
    async fn hasher_for(
        &self,
        digest: &Digest,
        upload: UploadId,
        session: UploadRow,
    ) -> Result<Hasher, UploadError> {
        if session.hasher.algorithm() == digest.algorithm() {
            return Ok(session.hasher);
        }
        let mut hasher = Hasher::new(digest.algorithm());
        if session.offset > 0 {
            let mut staged = self.store.read_staged(upload, 0..session.offset).await?;
            while let Some(piece) = staged.try_next().await? {
                hasher.update(&piece);
            }
            // Saved at once, so that a client whose close is cut has its bytes read only this once.
            self.save_upload(upload, session.offset, hasher.clone())
                .await?;
        }
        Ok(hasher)
    }

    async fn publish_blob(
        &self,
        repository: &RepositoryName,
        blob: Staged,
        pusher: Pusher,
    ) -> Result<(), UploadError> {
        let Staged {
            upload,
            declared,
            actual,
            size_bytes,
        } = blob;
        if declared != actual {
            self.drop_upload(upload).await?;
            return Err(UploadError::DigestMismatch { declared, actual });
        }
        let admitted = match self.admit(pusher, repository).await {
            Ok(admitted) => admitted,
            Err(error) => {
                self.drop_upload(upload).await?;
                return Err(error.into());
            }
        };
        let key = match self.store.publish(upload).await {
            Ok(key) => key,
            Err(error) => return Err(self.give_up(upload, error).await),
        };
        let now = self.clock.now();
        let (collect_at, grace) = (self.collect_at(now), self.limits.grace);
        let (target, digest) = (repository.clone(), declared.clone());
        let stored = self
            .db
            .write(move |tx| {
                async move {
                    let repository_id = admitted.ensure(tx, &target, now).await?;
                    let blob = db::blobs::ensure(tx, &digest, size_bytes, &key, now).await?;
                    quota::give_blob(tx, repository_id, &blob, now, collect_at).await?;
                    let opened = db::uploads::delete(tx, upload).await?;
                    if opened.is_some_and(|opened| now.since(opened) > grace / 2) {
                        // What was pushed before it waits for the same manifest.
                        db::repository_blobs::renew_all(tx, repository_id, collect_at).await?;
                    }
                    Ok::<_, UploadError>(blob.key == key)
                }
                .boxed()
            })
            .await;
        if let Err(UploadError::Refused(_) | UploadError::OverQuota(_)) = &stored {
            self.drop_upload(upload).await?;
        }
        let ours = stored?;
        // The blob is stored. A staged name that stays behind is swept at the next start.
        let end = if ours {
            self.store.settle(upload).await
        } else {
            self.store.discard(upload).await
        };
        if let Err(error) = end {
            warn!(upload = %upload, error = &error as &dyn std::error::Error, "could not tidy up after upload {upload}");
        }
        info!(repository = %repository, digest = %declared, size_bytes, "stored blob {declared} in {repository}");
        Ok(())
    }

    /// After an error of the store. On a full disk the session goes, so that the space it took
    /// comes back; otherwise it goes on from what was last put aside.
    async fn give_up(&self, upload: UploadId, error: StoreError) -> UploadError {
        if matches!(error, StoreError::Full) {
            self.abandon(upload).await;
        }
        error.into()
    }

    /// Removes what there is of an upload, the bytes first: on a full disk the row can only go when
    /// they have.
    async fn abandon(&self, upload: UploadId) {
        self.discard_staged(upload).await;
        let removed = self
            .db
            .write_relaxed(move |tx| async move { db::uploads::delete(tx, upload).await }.boxed())
            .await;
        if let Err(error) = removed {
            warn!(upload = %upload, error = &error as &dyn std::error::Error, "the row of upload {upload} stays until it expires");
        }
    }

    async fn discard_staged(&self, upload: UploadId) {
        if let Err(error) = self.store.discard(upload).await {
            warn!(upload = %upload, error = &error as &dyn std::error::Error, "could not remove the bytes of upload {upload}");
        }
    }
}

fn check_chunk(chunk: Chunk, offset: u64) -> Result<(), UploadError> {
    let Some(range) = chunk.range else {
        return Ok(());
    };
    if range.first != offset {
        return Err(UploadError::OutOfOrder {
            first: range.first,
            offset,
        });
    }
    chunk
        .length
        .map_or(Ok(()), |length| check_length(chunk, length))
}

fn check_length(chunk: Chunk, actual: u64) -> Result<(), UploadError> {
    let Some(range) = chunk.range else {
        return Ok(());
    };
    match range.length() {
        Some(declared) if declared == actual => Ok(()),
        declared => Err(UploadError::ChunkLength {
            declared: declared.unwrap_or(u64::MAX),
            actual,
        }),
    }
}
