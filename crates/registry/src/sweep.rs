//! Removes what nobody will ask for again: what a crash has left of uploads, sessions that have
//! expired, and notes of changes that every cache has seen.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::{OpenError, Registry};
use crate::upload::UploadError;

const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Sessions, or notes, removed at a time.
const BATCH: i64 = 100;
/// Caches follow changes within seconds.
const CHANGES_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

impl Registry {
    /// Looks at every staged upload: one with a session stays, one whose key is in the database is
    /// settled, and any other was never acknowledged and goes.
    pub(crate) async fn sweep_leftovers(&self) -> Result<(), OpenError> {
        let staged = self.store.staged().await?;
        let mut connection = self.db.read().await?;
        let mut removed = 0_usize;
        for upload in staged {
            if db::uploads::exists(&mut connection, upload).await?
                || db::fills::exists(&mut connection, upload).await?
            {
                continue;
            }
            if db::blobs::key_exists(&mut connection, &self.store.key(upload)).await? {
                self.store.settle(upload).await?;
            } else {
                self.store.discard(upload).await?;
            }
            removed += 1;
        }
        if removed > 0 {
            info!(
                uploads = removed,
                "tidied up after {removed} uploads of the last run"
            );
        }
        Ok(())
    }

    pub(crate) async fn sweep_until(self: Arc<Self>, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(SWEEP_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Err(error) = self.sweep().await {
                warn!(error = &error as &dyn std::error::Error, "could not sweep");
            }
            if let Err(error) = self.expire_fills().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not remove unfinished fills"
                );
            }
            if let Err(error) = self.trim().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not trim the audit log, sessions and the notes of changes"
                );
            }
        }
    }

    async fn sweep(&self) -> Result<(), UploadError> {
        let now = self.clock.now();
        loop {
            let mut connection = self.db.read().await?;
            let expired = db::uploads::expired(&mut connection, now, BATCH).await?;
            drop(connection);
            let mut removed = 0;
            for upload in expired {
                if self.expire_upload(upload, now).await? {
                    removed += 1;
                    info!(upload = %upload, "removed expired upload session {upload}");
                }
            }
            // The rest, if there is any, is being worked on just now.
            if removed == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn trim(&self) -> Result<(), DbError> {
        self.trim_audit().await?;
        self.forget_sessions(self.clock.now()).await?;
        self.forget_changes(self.clock.now()).await
    }

    /// Those of the page that have ended.
    async fn forget_sessions(&self, now: Timestamp) -> Result<(), DbError> {
        loop {
            let deleted = self
                .db
                .write_relaxed(move |tx| {
                    async move { db::sessions::delete_expired(tx, now, BATCH).await }.boxed()
                })
                .await?;
            if deleted == 0 {
                return Ok(());
            }
        }
    }

    /// A part at a time, so that pushes do not wait long.
    async fn forget_changes(&self, now: Timestamp) -> Result<(), DbError> {
        let before = now.minus(CHANGES_KEPT);
        loop {
            let deleted = self
                .db
                .write_relaxed(move |tx| {
                    async move { db::changes::delete_oldest(tx, before, BATCH).await }.boxed()
                })
                .await?;
            if deleted == 0 {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
