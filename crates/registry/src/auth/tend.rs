use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::token::ACCESS_LIFE;
use super::{Auth, SigningKeys, keys};
use crate::db::{self, DbError};

const TEND_EVERY: Duration = Duration::from_secs(60 * 60);

impl Auth {
    /// Makes the signing key that is due, removes those whose last token has ended, and seals anew
    /// what the secret key before this one sealed.
    pub(crate) async fn tend_keys(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let mut connection = self.db.read_unasked().await?;
        let rows = db::signing_keys::list(&mut connection).await?;
        // An upload is finished with the token that opened it.
        let used = ACCESS_LIFE + self.upload_expiry;
        let due = keys::due(&rows, &self.secrets, used, now);
        if due == keys::Due::default() {
            self.keys
                .store(Arc::new(SigningKeys::of_rows(&rows, &self.secrets)?));
            return Ok(());
        }
        drop(connection);
        let new = due.generate.then(|| keys::generate(&self.secrets, now));
        if let Some(key) = &new {
            info!(key = key.id, "made signing key {}", key.id);
        }
        self.db
            .write(move |tx| {
                async move {
                    for id in &due.delete {
                        db::signing_keys::delete(tx, id).await?;
                    }
                    for (id, sealed) in &due.reseal {
                        db::signing_keys::set_sealed(tx, id, sealed).await?;
                    }
                    if let Some(key) = &new {
                        db::signing_keys::insert(tx, key).await?;
                    }
                    db::changes::record(tx, db::changes::SIGNING_KEYS, "", now).await
                }
                .boxed()
            })
            .await?;
        self.load_keys().await
    }

    /// Takes up the keys as they are now; tokens are checked again with them.
    async fn load_keys(&self) -> Result<(), DbError> {
        let mut connection = self.db.read_unasked().await?;
        let rows = db::signing_keys::list(&mut connection).await?;
        let keys = SigningKeys::of_rows(&rows, &self.secrets)?;
        self.keys.store(Arc::new(keys));
        self.tokens.clear();
        Ok(())
    }

    /// Takes up keys that other processes have made.
    pub(crate) async fn follow_keys_until(&self, stopping: CancellationToken) {
        let mut changes = self.db.feed().follow();
        let mut loaded = self.db.feed().signing_keys();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = stopping.cancelled() => return,
            }
            let now = self.db.feed().signing_keys();
            if now == loaded {
                continue;
            }
            match self.load_keys().await {
                Ok(()) => loaded = now,
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "could not load the signing keys"
                ),
            }
        }
    }

    pub(crate) async fn tend_keys_until(&self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(TEND_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Err(error) = self.tend_keys().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not tend the signing keys"
                );
            }
        }
    }
}
