//! Follows the table `changes`. Every change of a right begins a new epoch, and what a cache learned
//! in an earlier one is asked again: changes are rare, and a wrong answer is never worth the query.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Auth, SigningKeys};
use crate::db::{self, DbError};

const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Without a look for so long nothing in a cache is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

pub(super) struct Feed {
    begun: Instant,
    epoch: AtomicU64,
    /// Milliseconds from `begun` to the last look that succeeded.
    looked_at: AtomicU64,
    /// Held by who looks.
    looking: Mutex<()>,
    /// The last change that was seen.
    seen: watch::Sender<i64>,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            epoch: AtomicU64::new(0),
            looked_at: AtomicU64::new(0),
            looking: Mutex::default(),
            seen: watch::Sender::new(0),
        }
    }

    /// `None` while the feed is lost, when caches are passed by.
    pub(super) fn epoch(&self) -> Option<u64> {
        let looked_at = Duration::from_millis(self.looked_at.load(Ordering::Acquire));
        let still = self.begun.elapsed().saturating_sub(looked_at);
        (still < BELIEVED_FOR).then(|| self.epoch.load(Ordering::Acquire))
    }

    pub(super) fn follow(&self) -> watch::Receiver<i64> {
        self.seen.subscribe()
    }
}

impl Auth {
    /// Takes in every change that is committed: once this returns, no cache contradicts them.
    pub(crate) async fn catch_up(&self) -> Result<(), DbError> {
        let _looking = self.feed.looking.lock().await;
        let seen = *self.feed.seen.borrow();
        let begun = self.feed.begun.elapsed();
        let mut connection = self.db.read_unasked().await?;
        let changes = db::changes::since(&mut connection, seen).await?;
        if changes.rights {
            self.feed.epoch.fetch_add(1, Ordering::AcqRel);
        }
        if changes.signing_keys {
            let rows = db::signing_keys::list(&mut connection).await?;
            let keys = SigningKeys::of_rows(&rows, &self.secrets)?;
            self.keys.store(std::sync::Arc::new(keys));
            self.tokens.invalidate_all();
        }
        if let Some(last) = changes.last {
            self.feed.seen.send_replace(last);
        }
        let looked_at = u64::try_from(begun.as_millis()).unwrap_or(u64::MAX);
        self.feed.looked_at.store(looked_at, Ordering::Release);
        Ok(())
    }

    pub(crate) async fn follow_until(&self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Err(error) = self.catch_up().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not follow changes of rights"
                );
            }
        }
    }
}
