use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use uuid::Uuid;

use super::BackupError;
use crate::clock::Clock;
use crate::db::{self, Db, DbError};

/// How long a hold lasts whose process has died.
const LASTS: Duration = Duration::from_secs(5 * 60);
const RENEW_EVERY: Duration = Duration::from_secs(60);

/// Keeps the bytes of what is deleted from now on.
pub(super) struct Hold {
    db: Db,
    clock: Arc<dyn Clock>,
    holder: Arc<str>,
}

impl Hold {
    pub(super) async fn take(db: &Db, clock: &Arc<dyn Clock>) -> Result<Self, DbError> {
        let hold = Self {
            db: db.clone(),
            clock: Arc::clone(clock),
            holder: format!("backup {}", Uuid::new_v4()).into(),
        };
        let (holder, now) = (Arc::clone(&hold.holder), clock.now());
        let until = now.plus(LASTS);
        db.write(move |tx| {
            async move { db::object_holds::take(tx, &holder, now, until).await }.boxed()
        })
        .await?;
        Ok(hold)
    }

    /// Does the work while the hold lasts, and is renewed.
    pub(super) async fn during<T>(
        &self,
        work: impl Future<Output = Result<T, BackupError>>,
    ) -> Result<T, BackupError> {
        tokio::select! {
            done = work => done,
            ended = self.renewed() => Err(ended),
        }
    }

    /// Comes when the hold has ended too early.
    async fn renewed(&self) -> BackupError {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.renew(LASTS).await {
                Ok(true) => {}
                Ok(false) => return BackupError::HoldEnded,
                Err(error) => return error.into(),
            }
        }
    }

    pub(super) async fn renew(&self, lasts: Duration) -> Result<bool, DbError> {
        let (holder, now) = (Arc::clone(&self.holder), self.clock.now());
        let until = now.plus(lasts);
        self.db
            .write(move |tx| {
                async move { db::object_holds::renew(tx, &holder, now, until).await }.boxed()
            })
            .await
    }

    pub(super) async fn end(self) -> Result<(), DbError> {
        let holder = self.holder;
        self.db
            .write(move |tx| async move { db::object_holds::end(tx, &holder).await }.boxed())
            .await
    }
}
