//! Gives space back while everything runs. Each transaction that takes the last reference to a blob
//! away, or gives a repository a blob that nothing names yet, says when that is to be looked at. Then it
//! is asked again, in the transaction that removes the row; the bytes go after it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_oci::{Digest, RepositoryName};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::audit::Entry;
use crate::auth::Caller;
use crate::clock::Timestamp;
use crate::db::repository_blobs::{Needed, Taken};
use crate::db::{self, DbError};
use crate::registry::Registry;
use crate::sentence;
use crate::store::{Key, StoreError};

/// The longest time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The shortest, so that what comes due one by one is collected together.
const REST: Duration = Duration::from_secs(1);
/// Blobs, or manifests, that are looked at in one transaction: pushes wait for its end.
const PART: i64 = 32;
/// How long collection rests after a part while others write, as a multiple of the time that the part
/// took. While nobody does, it is once.
const REST_AMONG_OTHERS: u32 = 5;

#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a collection has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs that nobody has any longer.
    pub blobs: u64,
    pub bytes: u64,
    /// Manifests that were deleted, and can not be restored now.
    pub manifests: u64,
}

/// A blob that nothing in its repository names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collectable {
    pub repository: RepositoryName,
    pub digest: Digest,
    pub size_bytes: u64,
    pub due_at: Timestamp,
    /// Whether its space comes back with it: no other repository has it.
    pub alone: bool,
}

/// A place in the list of what would be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) due_at: Timestamp,
    pub(crate) repository_id: i64,
    pub(crate) blob_id: i64,
}

impl Place {
    const START: Self = Self {
        due_at: Timestamp(0),
        repository_id: 0,
        blob_id: 0,
    };
}

/// A text that is no place.
#[derive(Debug)]
pub struct InvalidPlace;

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let numbers: Result<Vec<i64>, _> = text.split('-').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[at, repository_id, blob_id]) => Ok(Self {
                due_at: Timestamp(at),
                repository_id,
                blob_id,
            }),
            Ok(_) | Err(_) => Err(InvalidPlace),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, repository, blob) = (self.due_at.0, self.repository_id, self.blob_id);
        write!(f, "{at}-{repository}-{blob}")
    }
}

/// How much a collection would free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectableTotals {
    /// Whose time is over.
    pub due_blobs: u64,
    pub due_bytes: u64,
    /// That are kept for a while yet.
    pub later_blobs: u64,
    pub later_bytes: u64,
}

/// The times of a collection.
#[derive(Clone, Copy)]
struct Times {
    now: Timestamp,
    /// When what is kept for an upload is looked at again.
    later: Timestamp,
    /// Sessions that expire after this were worked on within the grace time.
    working: Timestamp,
}

/// What one transaction has removed, and what of the store goes after it.
#[derive(Default)]
struct Part {
    looked_at: usize,
    manifests: u64,
    taken: Taken,
}

impl Registry {
    pub(crate) async fn collect_until(self: Arc<Self>, stopping: CancellationToken) {
        loop {
            match self.collect().await {
                Ok(Collected { blobs: 0, .. }) => {}
                Ok(Collected { blobs, bytes, .. }) => {
                    info!(blobs, bytes, "collected {blobs} blobs of {bytes} bytes");
                }
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "could not collect what is not needed"
                ),
            }
            let rest = self.rest().await;
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = stopping.cancelled() => return,
            }
        }
    }

    /// Until the next look.
    async fn rest(&self) -> Duration {
        let next = async {
            let mut connection = self.db.read_unasked().await?;
            let blob = db::repository_blobs::next_due(&mut connection).await?;
            let deletion = db::deletions::next_due(&mut connection).await?;
            Ok::<_, DbError>(blob.into_iter().chain(deletion).min())
        };
        match next.await {
            Ok(Some(next)) => next.since(self.clock.now()).clamp(REST, LOOK_EVERY),
            Ok(None) | Err(_) => LOOK_EVERY,
        }
    }

    fn times(&self) -> Times {
        let (now, limits) = (self.clock.now(), &self.limits);
        Times {
            now,
            later: now.plus(limits.grace),
            working: now.plus(limits.upload_expiry.saturating_sub(limits.grace)),
        }
    }

    /// Removes what is due.
    pub async fn collect(&self) -> Result<Collected, CollectError> {
        let _collecting = self.collecting.lock().await;
        // First, so that no row that can not be looked at keeps bytes from going.
        self.remove_unlinked().await?;
        let mut collected = Collected::default();
        while !self.stopping.is_cancelled() {
            let begun = Instant::now();
            let times = self.times();
            let part = self
                .db
                .write(move |tx| async move { collect_part(tx, times).await }.boxed())
                .await?;
            if part.looked_at == 0 {
                break;
            }
            collected.manifests += part.manifests;
            let taken = part.taken;
            self.cache_space.lets_go(taken.uncached_bytes);
            collected.blobs += taken.objects.len() as u64;
            collected.bytes += taken.objects.iter().map(|(_, bytes)| bytes).sum::<u64>();
            self.remove_objects(taken.into_keys()).await?;
            self.rest_after(begun.elapsed()).await;
        }
        Ok(collected)
    }

    /// Removes what is due, for somebody who has asked for that.
    pub async fn collect_for(&self, by: &Caller) -> Result<Collected, CollectError> {
        let collected = self.collect().await?;
        let Collected {
            blobs,
            bytes,
            manifests,
        } = collected;
        let entry = Entry::done(&by.actor(), "collection.run", "").with_detail(sentence!(
            "{blobs} blobs of {bytes} bytes, {manifests} manifests"
        ));
        let now = self.clock.now();
        self.db
            .write(move |tx| async move { entry.record(tx, now).await }.boxed())
            .await?;
        Ok(collected)
    }

    /// So that pushes have the writer and the disk most of the time.
    async fn rest_after(&self, work: Duration) {
        let before = self.db.writer_metrics().writes;
        tokio::time::sleep(work).await;
        if self.db.writer_metrics().writes != before {
            tokio::time::sleep(work * (REST_AMONG_OTHERS - 1)).await;
        }
    }

    /// Removes what went with blobs that were taken, whose rows are gone. What fails is tried again
    /// with the next collection.
    pub(crate) async fn dispose(&self, taken: Taken) {
        self.cache_space.lets_go(taken.uncached_bytes);
        if let Err(error) = self.remove_objects(taken.into_keys()).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "could not remove a blob whose row is gone"
            );
        }
    }

    /// Whether a backup that is being made may need bytes whose rows are gone. One that begins after
    /// this was asked copies its database later, and so names none of them.
    async fn objects_held(&self) -> Result<bool, DbError> {
        let mut connection = self.db.read_unasked().await?;
        db::object_holds::active(&mut connection, self.clock.now()).await
    }

    /// Removes the bytes of objects that were noted as unlinked, then the notes. While they are held
    /// both stay, for a later collection.
    async fn remove_objects(&self, objects: Vec<Key>) -> Result<(), CollectError> {
        if objects.is_empty() || self.objects_held().await? {
            return Ok(());
        }
        let mut removed = Vec::new();
        let mut failed = None;
        for key in objects {
            match self.store.remove(&key).await {
                Ok(()) => removed.push(key),
                // The others go all the same.
                Err(error) => failed = Some(error),
            }
        }
        self.db
            .write_relaxed(move |tx| {
                async move { db::unlinked_objects::forget(tx, &removed).await }.boxed()
            })
            .await?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Removes the bytes that a crash, or an error of the store, has left without a row. What can not
    /// be removed is tried again with the next collection.
    pub(crate) async fn remove_unlinked(&self) -> Result<(), CollectError> {
        let mut after = None;
        while !self.stopping.is_cancelled() && !self.objects_held().await? {
            let mut connection = self.db.read_unasked().await?;
            let unlinked = db::unlinked_objects::after(&mut connection, after.as_ref(), PART);
            let unlinked = unlinked.await?;
            drop(connection);
            let Some(last) = unlinked.last() else { break };
            after = Some(last.clone());
            match self.remove_objects(unlinked).await {
                Ok(()) => {}
                Err(CollectError::Db(error)) => return Err(error.into()),
                Err(CollectError::Store(error)) => warn!(
                    error = &error as &dyn std::error::Error,
                    "could not remove bytes whose row is gone"
                ),
            }
        }
        Ok(())
    }

    /// Blobs that nothing names, by when they are due; behind the place that the page before has
    /// come to, and the place that this one has, if there are more.
    pub async fn collectable(
        &self,
        after: Option<Place>,
        limit: usize,
    ) -> Result<(Vec<Collectable>, Option<Place>), DbError> {
        let mut connection = self.db.read().await?;
        let (after, asked) = (after.unwrap_or(Place::START), db::signed(limit as u64) + 1);
        let mut rows = db::collectable::list(&mut connection, after, asked).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(place, _)| *place);
        Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
    }

    pub async fn collectable_totals(&self) -> Result<CollectableTotals, DbError> {
        let mut connection = self.db.read().await?;
        db::collectable::totals(&mut connection, self.clock.now()).await
    }
}

/// A part of what is due: of deletions that can no longer be taken back, and of blobs.
async fn collect_part(tx: &mut SqliteConnection, times: Times) -> Result<Part, DbError> {
    let now = times.now;
    let mut part = Part::default();
    purge_part(tx, now, &mut part).await?;
    let (mut named, mut unneeded) = (Vec::new(), Vec::new());
    for due in db::repository_blobs::due(tx, now, times.working, PART).await? {
        part.looked_at += 1;
        match due.needed {
            Needed::Manifest => named.push(due.link),
            Needed::Upload => {
                db::repository_blobs::renew(tx, due.link, times.later).await?;
            }
            Needed::Nothing => unneeded.push(due.link),
        }
    }
    db::repository_blobs::keep(tx, &named).await?;
    let taken = db::repository_blobs::take(tx, &unneeded, now).await?;
    part.taken.append(taken);
    Ok(part)
}

async fn purge_part(
    tx: &mut SqliteConnection,
    now: Timestamp,
    part: &mut Part,
) -> Result<(), DbError> {
    let tags = db::deletions::purge_tags(tx, now, PART).await?;
    part.looked_at += tags;
    let mut left = PART - db::signed(tags as u64);
    while left > 0
        && let Some(deletion) = db::deletions::due(tx, now).await?
    {
        part.looked_at += 1;
        let manifests = db::deletions::purge_manifests(tx, deletion, left).await?;
        part.manifests += manifests;
        left -= db::signed(manifests) + 1;
        if left <= 0 {
            break;
        }
        let links = db::repository_blobs::of_deletion(tx, deletion, left).await?;
        left -= db::signed(links.len() as u64);
        let taken = db::repository_blobs::take(tx, &links, now).await?;
        part.taken.append(taken);
        if left > 0 {
            db::deletions::purge_rest(tx, deletion).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
