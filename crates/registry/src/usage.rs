//! Counts of pulls. A request adds to a map in memory; a task writes the map to the database, so
//! counts are at most [`WRITE_EVERY`] late and a pull costs no write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use berth_oci::Tag;
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::Registry;

const WRITE_EVERY: Duration = Duration::from_secs(30);
/// With so many things counted they are written early, so that the map stays small.
const COUNTED: usize = 10_000;
/// With so many a pull waits until they are on their way to the database: things may be pulled faster than
/// their counts can be written.
const MOST_COUNTED: usize = 40_000;

/// So many are written in one piece of work.
const PART: usize = 500;

/// Something that was pulled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Pulled {
    Manifest { id: i64 },
    Tag { repository_id: i64, tag: Tag },
    Blob { repository_id: i64, id: i64 },
}

#[derive(Default)]
pub(crate) struct Usage {
    counted: Mutex<HashMap<Pulled, Pulls>>,
    many: Notify,
    taken: Notify,
}

#[derive(Clone, Copy)]
pub(crate) struct Pulls {
    pub(crate) count: u64,
    pub(crate) last_at: Timestamp,
}

impl Usage {
    pub(crate) async fn count(&self, pulled: Pulled, now: Timestamp) {
        if let Some(taken) = self.add(pulled, now) {
            taken.await;
        }
    }

    /// Counts one more, and says what to wait for.
    fn add(&self, pulled: Pulled, now: Timestamp) -> Option<Notified<'_>> {
        let mut counted = self.counted();
        let pulls = counted.entry(pulled).or_insert(Pulls {
            count: 0,
            last_at: now,
        });
        pulls.count += 1;
        pulls.last_at = now;
        if counted.len() >= COUNTED {
            self.many.notify_one();
        }
        // It hears of all that are taken once the map is free again.
        (counted.len() >= MOST_COUNTED).then(|| self.taken.notified())
    }

    /// Neighbours in the database are neighbours here, so that writing a part writes few of its pages.
    fn take(&self) -> Vec<(Pulled, Pulls)> {
        let counted = std::mem::take(&mut *self.counted());
        self.taken.notify_waiters();
        let mut counted: Vec<_> = counted.into_iter().collect();
        counted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        counted
    }

    /// Takes up what could not be written, for the next time.
    fn put_back(&self, unwritten: &[(Pulled, Pulls)]) {
        let mut counted = self.counted();
        for (pulled, earlier) in unwritten {
            let pulls = counted.entry(pulled.clone()).or_insert(Pulls {
                count: 0,
                last_at: earlier.last_at,
            });
            pulls.count += earlier.count;
            pulls.last_at = pulls.last_at.max(earlier.last_at);
        }
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<Pulled, Pulls>> {
        self.counted
            .lock()
            .expect("nothing panics while it holds the map")
    }
}

impl Registry {
    pub(crate) async fn write_usage_until(self: Arc<Self>, stopping: CancellationToken) {
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => false,
                () = self.usage.many.notified() => false,
                () = stopping.cancelled() => true,
            };
            if let Err(error) = self.write_usage().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not write the counts of pulls"
                );
            }
            if stop {
                return;
            }
        }
    }

    pub(crate) async fn write_usage(&self) -> Result<(), DbError> {
        let counted = Arc::new(self.usage.take());
        // A part at a time, so that pushes do not wait long.
        for start in (0..counted.len()).step_by(PART) {
            let part = start..counted.len().min(start + PART);
            let written = Arc::clone(&counted);
            let outcome = self
                .db
                .write_relaxed(move |tx| {
                    async move { db::usage::add(tx, &written[part]).await }.boxed()
                })
                .await;
            if let Err(error) = outcome {
                self.usage.put_back(&counted[start..]);
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
