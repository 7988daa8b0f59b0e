//! Room for what caches hold: the least recently pulled goes first. A row goes before its bytes, and
//! the bytes are noted in between, so that a crash loses none of them.
//!
//! What is being read can still be read to its end, since it is open. What is being fetched is in no
//! row yet. A blob that a hosted repository has too is only taken from the caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::auth::RepositoryGlob;
use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::Registry;

const LOOK_EVERY: Duration = Duration::from_secs(10 * 60);
/// Blobs that are looked at in one go.
const PART: usize = 100;
/// Pinned ones in a row after which a search ends.
const PINNED: usize = 2000;

/// How much caches may hold, and for how long.
#[derive(Clone, Debug, Default)]
pub struct CacheLimits {
    /// All blobs together; what is being fetched counts.
    pub bytes: Option<u64>,
    /// What was not pulled for so long goes.
    pub unused: Option<Duration>,
    /// Repositories whose blobs stay.
    pub pins: Vec<RepositoryGlob>,
}

/// What caches hold now.
#[derive(Default)]
pub(crate) struct CacheSpace {
    limits: CacheLimits,
    held: AtomicU64,
    /// For what is being fetched.
    reserved: AtomicU64,
    evicting: Mutex<()>,
}

/// Room for a blob that is being fetched; given back when it is dropped.
pub struct Room {
    registry: Arc<Registry>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        let reserved = &self.registry.cache_space.reserved;
        reserved.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl CacheSpace {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    pub(crate) fn holds(&self, more: u64) {
        self.held.fetch_add(more, Ordering::AcqRel);
    }

    pub(crate) fn lets_go(&self, bytes: u64) {
        let less = |held: u64| Some(held.saturating_sub(bytes));
        // It always has a value to give.
        let _ = self
            .held
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }

    /// How much is too much, if so many bytes are to come.
    fn excess(&self, bytes: u64, limit: u64) -> u64 {
        let held = self.held.load(Ordering::Acquire);
        let reserved = self.reserved.load(Ordering::Acquire);
        (held + reserved + bytes).saturating_sub(limit)
    }
}

impl Registry {
    /// The bytes of all blobs that caches hold.
    pub fn cached_bytes(&self) -> u64 {
        self.cache_space.held.load(Ordering::Acquire)
    }

    /// Makes room for a blob that is to be fetched; `None` when there is none to be had.
    pub async fn make_room(self: &Arc<Self>, bytes: u64) -> Result<Option<Room>, DbError> {
        let space = &self.cache_space;
        let reserve = || {
            space.reserved.fetch_add(bytes, Ordering::AcqRel);
            Some(Room {
                registry: Arc::clone(self),
                bytes,
            })
        };
        let Some(limit) = space.limits.bytes else {
            return Ok(reserve());
        };
        if bytes > limit {
            return Ok(None);
        }
        // One at a time: each sees what the one before has freed, and taken.
        let _evicting = space.evicting.lock().await;
        let more = || space.excess(bytes, limit) > 0;
        if more() {
            // What was pulled a moment ago is only counted yet.
            self.write_usage().await?;
            let everything = Timestamp(i64::MAX);
            self.evict(everything, more).await?;
        }
        Ok(if more() { None } else { reserve() })
    }

    /// Evicts what was last pulled before a time, the longest unused first, while more has to go.
    async fn evict(
        &self,
        before: Timestamp,
        more: impl Fn() -> bool + Send,
    ) -> Result<(), DbError> {
        let mut pinned = 0;
        while more() {
            let mut connection = self.db.read_unasked().await?;
            let least = db::cached_blobs::least_used(&mut connection, before, PART).await?;
            drop(connection);
            if least.is_empty() {
                return Ok(());
            }
            for blob in least {
                if !more() {
                    return Ok(());
                }
                if self.evict_blob(blob).await? {
                    pinned = 0;
                } else {
                    pinned += 1;
                    if pinned > PINNED {
                        warn!("all that caches hold is pinned: nothing can be evicted");
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// `false` when it is pinned: it is asked about again last.
    async fn evict_blob(&self, id: i64) -> Result<bool, DbError> {
        let now = self.clock.now();
        let pins = self.cache_space.limits.pins.clone();
        let evicted = self
            .db
            .write(move |tx| {
                async move {
                    if is_pinned(tx, id, &pins).await? {
                        db::cached_blobs::used(tx, id, now).await?;
                        return Ok::<_, DbError>(None);
                    }
                    Ok(Some(db::cached_blobs::evict(tx, id, now).await?))
                }
                .boxed()
            })
            .await?;
        match evicted {
            Some(taken) => {
                self.dispose(taken).await;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Counts what caches hold.
    pub(crate) async fn take_stock_of_caches(&self) -> Result<(), DbError> {
        let mut connection = self.db.read_unasked().await?;
        let held = db::cached_blobs::total_bytes(&mut connection).await?;
        self.cache_space.held.store(held, Ordering::Release);
        Ok(())
    }

    pub(crate) async fn evict_unused_until(self: Arc<Self>, stopping: CancellationToken) {
        let Some(unused) = self.cache_space.limits.unused else {
            return;
        };
        loop {
            let before = self.clock.now().minus(unused);
            let evicting = self.cache_space.evicting.lock().await;
            match self.evict(before, || true).await {
                Ok(()) => {}
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "could not evict what is not used"
                ),
            }
            drop(evicting);
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
        }
    }
}

/// Whether the blob is in a repository that is pinned, or of an image that something runs.
async fn is_pinned(
    tx: &mut SqliteConnection,
    blob_id: i64,
    pins: &[RepositoryGlob],
) -> Result<bool, DbError> {
    if !pins.is_empty() {
        let repositories = db::cached_blobs::repositories(tx, blob_id).await?;
        let pinned = |name| pins.iter().any(|pin| pin.matches(name));
        if repositories.iter().any(pinned) {
            return Ok(true);
        }
    }
    if !db::held_manifests::any(tx).await? {
        return Ok(false);
    }
    for (repository, digest) in db::cached_blobs::manifests_naming(tx, blob_id).await? {
        let reason = db::held_manifests::reason(tx, &repository, &digest).await?;
        if reason.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
