//! What is written of deployments. Whoever follows one is woken after each write.

use std::sync::Arc;

use berth_registry::{Clock, Db, DbError, Registry, Timestamp};
use futures_util::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::sync::watch;

use crate::db;
use crate::history::{LineKind, State};

#[derive(Clone)]
pub(crate) struct Journal {
    db: Db,
    clock: Arc<dyn Clock>,
    news: Arc<watch::Sender<u64>>,
}

impl Journal {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            db: registry.db().clone(),
            clock: Arc::clone(registry.clock()),
            news: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Writes what has to survive a power cut.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let outcome = self.db.write(work).await;
        self.news.send_modify(|number| *number += 1);
        outcome
    }

    /// Writes what a power cut may take: lines of logs.
    pub(crate) async fn write_relaxed<T, F>(&self, work: F) -> Result<T, DbError>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, DbError>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        let outcome = self.db.write_relaxed(work).await;
        self.news.send_modify(|number| *number += 1);
        outcome
    }
}

/// Moves a deployment to another state and says so in its log. `false` when it is in another state
/// than it was thought to be.
pub(crate) async fn move_to(
    tx: &mut SqliteConnection,
    deployment: i64,
    (from, to): (State, State),
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    if !db::deployments::set_state(tx, deployment, from, to, reason, now).await? {
        return Ok(false);
    }
    let text = match reason {
        Some(reason) => format!("{}: {reason}", to.as_str()),
        None => to.as_str().to_owned(),
    };
    let kind = if to.ended() {
        LineKind::End
    } else {
        LineKind::State
    };
    db::lines::insert(tx, deployment, kind, None, &text, now).await?;
    Ok(true)
}
