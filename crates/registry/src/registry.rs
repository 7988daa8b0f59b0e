use std::sync::Arc;
use std::time::Duration;

use berth_oci::RepositoryName;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::db::{Db, DbError, WriterMetrics};
use crate::health::HealthCheck;
use crate::source::{Hosted, Source};
use crate::store::{BlobStore, StoreError};
use crate::upload::UploadLocks;
use crate::usage::Usage;

/// What a client may take, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest manifest; the specification asks for at least 4 MiB.
    pub manifest_bytes: usize,
    /// The most entries of a list in one answer.
    pub page_entries: usize,
    /// How long a request body may bring nothing.
    pub idle: Duration,
    /// How long an upload session that nobody works on is kept.
    pub upload_expiry: Duration,
}

/// The registry: what every request and every background task works on.
pub struct Registry {
    pub(crate) db: Db,
    pub(crate) store: Arc<dyn BlobStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) locks: UploadLocks,
    pub(crate) usage: Arc<Usage>,
    pub(crate) health: HealthCheck,
    hosted: Arc<dyn Source>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("could not clean up after the last run")]
    Db(#[from] DbError),
    #[error("could not clean up after the last run")]
    Store(#[from] StoreError),
}

impl Registry {
    /// Takes up the database and the store, removes what a crash has left, and starts the
    /// background tasks.
    pub async fn open(
        db: Db,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Arc<Self>, OpenError> {
        let usage = Arc::new(Usage::default());
        let registry = Arc::new(Self {
            hosted: Arc::new(Hosted::new(
                db.clone(),
                Arc::clone(&store),
                Arc::clone(&clock),
                Arc::clone(&usage),
            )),
            health: HealthCheck::default(),
            db,
            store,
            clock,
            limits,
            locks: UploadLocks::default(),
            usage,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        });
        registry.sweep_leftovers().await?;
        registry
            .tasks
            .spawn(Arc::clone(&registry).sweep_until(registry.stopping.clone()));
        registry
            .tasks
            .spawn(Arc::clone(&registry).write_usage_until(registry.stopping.clone()));
        Ok(registry)
    }

    /// Where reads of this repository go.
    pub(crate) fn source(&self, _repository: &RepositoryName) -> &dyn Source {
        &*self.hosted
    }

    /// Runs work that has to come to its end even if the client that asked for it goes away.
    ///
    /// # Panics
    /// When the work does.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        match self.tasks.spawn(work).await {
            Ok(outcome) => outcome,
            // Tasks are never aborted.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    pub fn writer_metrics(&self) -> WriterMetrics {
        self.db.writer_metrics()
    }

    /// Ends the background tasks, waits for the work under way, and closes the database.
    pub async fn close(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }
}
