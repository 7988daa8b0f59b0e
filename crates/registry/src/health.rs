use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::db::{DatabaseDetails, DbError};
use crate::registry::Registry;
use crate::sentence;
use crate::store::{StoreError, StoreSpace};

/// A check that was made so shortly ago is good enough: whoever asks costs at most one a second.
const FRESH: Duration = Duration::from_secs(1);
/// Something that takes longer is as good as broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the database and the store can be read and written, as just tried.
#[derive(Clone, Debug)]
pub struct Health {
    pub database_reads: Probe,
    pub database_writes: Probe,
    pub store_reads: Probe,
    pub store_writes: Probe,
}

/// `Err` says what went wrong, without the causes, which may name places.
pub type Probe = Result<(), String>;

impl Health {
    /// Pulls can be served. A full disk stops pushes only.
    pub fn ready(&self) -> bool {
        self.database_reads.is_ok() && self.store_reads.is_ok()
    }
}

/// What everything is kept in. What does not answer is `None`.
#[derive(Clone, Debug)]
pub struct Storage {
    pub database: Option<DatabaseDetails>,
    pub store_kind: &'static str,
    pub store_space: Option<StoreSpace>,
}

#[derive(Default)]
pub(crate) struct HealthCheck {
    last: Mutex<Option<(Instant, Arc<Health>)>>,
}

impl Registry {
    pub async fn health(&self) -> Arc<Health> {
        let mut last = self.health.last.lock().await;
        match &*last {
            Some((at, health)) if at.elapsed() < FRESH => Arc::clone(health),
            _ => {
                let health = Arc::new(self.probe().await);
                *last = Some((Instant::now(), Arc::clone(&health)));
                health
            }
        }
    }

    pub async fn storage(&self) -> Storage {
        let database = timeout(PATIENCE, self.database_details());
        let space = timeout(PATIENCE, self.store.space());
        let (database, space) = tokio::join!(database, space);
        Storage {
            database: database.ok().and_then(Result::ok),
            store_kind: self.store.kind(),
            store_space: space.ok().and_then(Result::ok).flatten(),
        }
    }

    async fn database_details(&self) -> Result<DatabaseDetails, DbError> {
        let mut connection = self.db.read().await?;
        DatabaseDetails::of(&mut connection).await
    }

    async fn probe(&self) -> Health {
        let (database_reads, database_writes, store_reads, store_writes) = tokio::join!(
            outcome(self.probe_database_read()),
            outcome(self.probe_database_write()),
            outcome(self.store.probe_read()),
            outcome(self.store.probe_write()),
        );
        Health {
            database_reads,
            database_writes,
            store_reads,
            store_writes,
        }
    }

    async fn probe_database_read(&self) -> Result<(), DbError> {
        let mut connection = self.db.read().await?;
        sqlx::query("SELECT at FROM write_probe")
            .fetch_optional(&mut *connection)
            .await?;
        Ok(())
    }

    async fn probe_database_write(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        self.db
            .write(move |tx| {
                async move {
                    sqlx::query(
                        "INSERT INTO write_probe (id, at) VALUES (1, $1)
                         ON CONFLICT (id) DO UPDATE SET at = excluded.at",
                    )
                    .bind(now.0)
                    .execute(tx)
                    .await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

trait Describe {
    fn describe(&self) -> String;
}

impl Describe for DbError {
    fn describe(&self) -> String {
        if self.full() {
            sentence("no space is left for the database").to_owned()
        } else {
            self.to_string()
        }
    }
}

impl Describe for StoreError {
    fn describe(&self) -> String {
        self.to_string()
    }
}

async fn outcome<E: Describe>(probe: impl Future<Output = Result<(), E>>) -> Probe {
    match timeout(PATIENCE, probe).await {
        Ok(outcome) => outcome.map_err(|error| error.describe()),
        Err(_) => Err(sentence!("no answer within {} seconds", PATIENCE.as_secs())),
    }
}
