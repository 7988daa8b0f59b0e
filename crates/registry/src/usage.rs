//! Counts of pulls. A request adds to a map in memory; a task writes the map to the database, so
//! counts are at most [`WRITE_EVERY`] late and a pull costs no write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use berth_oci::Tag;
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::Registry;

const WRITE_EVERY: Duration = Duration::from_secs(30);
/// With so many things counted they are written early, so that the map stays small.
const COUNTED: usize = 10_000;

/// So many are written in one piece of work.
const PART: usize = 500;

/// Something that was pulled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pulled {
    Manifest { id: i64 },
    Tag { repository_id: i64, tag: Tag },
    Blob { repository_id: i64, id: i64 },
}

#[derive(Default)]
pub(crate) struct Usage {
    counted: Mutex<HashMap<Pulled, Pulls>>,
    many: Notify,
}

#[derive(Clone, Copy)]
struct Pulls {
    count: u64,
    last_at: Timestamp,
}

impl Usage {
    pub(crate) fn count(&self, pulled: Pulled, now: Timestamp) {
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
    }

    fn take(&self) -> HashMap<Pulled, Pulls> {
        std::mem::take(&mut *self.counted())
    }

    /// Takes up what could not be written, for the next time.
    fn put_back(&self, unwritten: impl Iterator<Item = (Pulled, Pulls)>) {
        let mut counted = self.counted();
        for (pulled, earlier) in unwritten {
            let pulls = counted.entry(pulled).or_insert(Pulls {
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
        let mut counted = self.usage.take().into_iter().peekable();
        // A part at a time, so that pushes do not wait long.
        while counted.peek().is_some() {
            let part: Arc<[_]> = counted.by_ref().take(PART).collect();
            let written = Arc::clone(&part);
            let outcome = self
                .db
                .write_relaxed(move |tx| {
                    async move {
                        for (pulled, pulls) in &*written {
                            db::usage::add(tx, pulled, pulls.count, pulls.last_at).await?;
                        }
                        Ok::<_, DbError>(())
                    }
                    .boxed()
                })
                .await;
            if let Err(error) = outcome {
                self.usage.put_back(part.iter().cloned().chain(counted));
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
