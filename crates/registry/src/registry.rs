use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use berth_oci::ProjectName;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Auth, Place, SecretKeys};
use crate::cache::{CacheLimits, CacheSpace};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, DbError, WriterMetrics};
use crate::health::HealthCheck;
use crate::retention::Requested;
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
    /// How long what nothing needs any longer is kept, and what was deleted can be restored.
    pub grace: Duration,
    /// The most rows of the audit log; the oldest go first.
    pub audit_rows: u64,
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
    pub(crate) auth: Auth,
    pub(crate) cache_space: CacheSpace,
    /// Held by the collection that is running.
    pub(crate) collecting: Mutex<()>,
    pub(crate) requested_retention: Requested,
    pub(crate) reserved: ArcSwap<HashMap<ProjectName, &'static str>>,
    hosted: Arc<Hosted>,
    /// The same, as others see it.
    source: Arc<dyn Source>,
    tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
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
        cache_limits: CacheLimits,
        secrets: SecretKeys,
        place: Place,
    ) -> Result<Arc<Self>, OpenError> {
        let usage = Arc::new(Usage::default());
        let auth = Auth::open(
            db.clone(),
            Arc::clone(&clock),
            secrets,
            place,
            limits.upload_expiry,
        )
        .await?;
        let hosted = Arc::new(Hosted::new(
            db.clone(),
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&usage),
            limits.grace,
        ));
        let registry = Arc::new(Self {
            source: Arc::clone(&hosted) as _,
            hosted,
            cache_space: CacheSpace::new(cache_limits),
            collecting: Mutex::default(),
            requested_retention: Requested::default(),
            reserved: ArcSwap::default(),
            health: HealthCheck::default(),
            auth,
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
        registry.take_stock_of_caches().await?;
        registry.interrupt_retention().await?;
        let stopping = &registry.stopping;
        let this = || Arc::clone(&registry);
        let tasks = &registry.tasks;
        tasks.spawn(this().sweep_until(stopping.clone()));
        tasks.spawn(this().collect_until(stopping.clone()));
        tasks.spawn(this().evict_unused_until(stopping.clone()));
        tasks.spawn(this().write_usage_until(stopping.clone()));
        tasks.spawn(this().write_audit_until(stopping.clone()));
        tasks.spawn(this().retain_until(stopping.clone()));
        tasks.spawn(this().follow_changes_until(stopping.clone()));
        Ok(registry)
    }

    async fn follow_changes_until(self: Arc<Self>, stopping: CancellationToken) {
        tokio::join!(
            self.db.follow_until(stopping.clone()),
            self.auth.follow_keys_until(stopping.clone()),
            self.auth.tend_keys_until(stopping),
        );
    }

    /// Until when a blob is kept that nothing names.
    pub(crate) fn collect_at(&self, now: Timestamp) -> Timestamp {
        now.plus(self.limits.grace)
    }

    /// What is kept here, whatever it comes from.
    pub fn hosted(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// For the parts of Berth that keep rows of their own.
    pub fn db(&self) -> &Db {
        &self.db
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Runs work that has to come to its end even if the client that asked for it goes away.
    ///
    /// # Panics
    /// When the work does.
    pub async fn to_the_end<T: Send + 'static>(
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

    /// How often requests have taken a reader of the database.
    pub fn database_reads(&self) -> u64 {
        self.db.reads()
    }

    pub fn password_hashes(&self) -> u64 {
        self.auth.password_hashes()
    }

    /// Gives back the memory of what was read, which is read again when it is asked for.
    pub async fn give_back(&self) -> Result<(), DbError> {
        self.hosted.forget();
        self.db.give_back().await
    }

    /// Ends the background tasks, waits for the work under way, and closes the database.
    pub async fn close(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }
}
