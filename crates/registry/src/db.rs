//! The database: SQLite in WAL mode, one writer that shares commits, and a pool of readers.
//!
//! Statements keep to what SQLite and PostgreSQL have in common (`$1`, `ON CONFLICT`,
//! `RETURNING`), but for those of [`usage`]. Functions of the modules below borrow a connection:
//! the caller owns the transaction, and `now` is an argument.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, QueryBuilder, Sqlite, SqliteConnection, SqlitePool};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) mod accounts;
pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod blobs;
pub(crate) mod browse;
pub(crate) mod cached_blobs;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod collectable;
pub(crate) mod copy;
pub(crate) mod deletions;
mod details;
mod feed;
pub(crate) mod fills;
pub(crate) mod held_manifests;
pub(crate) mod immutable_tags;
pub(crate) mod manifests;
pub(crate) mod members;
mod migrations;
pub(crate) mod object_holds;
pub(crate) mod personal_tokens;
pub(crate) mod project_usage;
pub(crate) mod projects;
pub(crate) mod referrers;
pub(crate) mod repositories;
pub(crate) mod repository_blobs;
pub(crate) mod restored;
pub(crate) mod retention;
pub(crate) mod robots;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod sources;
pub(crate) mod tags;
pub(crate) mod unlinked_objects;
pub(crate) mod uploads;
pub(crate) mod upstream_hours;
pub(crate) mod usage;
pub(crate) mod users;
mod writer;

use crate::release::Release;
pub use copy::CopyError;
pub use details::DatabaseDetails;
pub(crate) use feed::ContentEpoch;
use feed::{Feed, LOOK_EVERY};
pub use writer::WriterMetrics;
use writer::{Durability, Writer};

/// Readers that run beside each other; a read takes some tens of microseconds.
const READERS: u32 = 4;
/// A page of a list, so that the thread that reads it need not wait for who takes its rows.
const ROWS_AHEAD: usize = 1024;
/// What a reader keeps of the file, 1 MiB: the inner pages of its trees, of which a read of a million
/// manifests needs a few. The kernel keeps the others. (Negative: KiB, <https://sqlite.org/pragma.html>.)
const READER_CACHE: &str = "-1024";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// What is behind the name of a database that is being restored.
pub(crate) const RESTORING: &str = ".restoring";

#[derive(Clone)]
pub struct Db {
    readers: SqlitePool,
    /// How often a reader was taken for a request.
    reads: Arc<AtomicU64>,
    writer: Writer,
    feed: Arc<Feed>,
}

impl Db {
    /// What kind of database this is.
    pub const KIND: &str = "sqlite";

    /// Opens the file, makes it if it is not there, and brings its schema up to date, unless this
    /// release is too old for it. Only the process that holds the data folder may do so.
    pub async fn open(file: &Path, release: &Release) -> Result<Self, OpenDbError> {
        let restoring = copy::with_suffix(file, RESTORING);
        if restoring.exists() {
            return Err(OpenDbError::Restoring(restoring));
        }
        let options = options(file).create_if_missing(true);
        let mut writer = options.connect().await.map_err(DbError::from)?;
        migrations::run(&mut writer, file, release).await?;
        Ok(Self::started(writer, options).await?)
    }

    /// Opens a file that is there as it is, beside a server that may be running.
    pub async fn attach(file: &Path, release: &Release) -> Result<Self, OpenDbError> {
        if !file.exists() {
            return Err(OpenDbError::Missing(file.to_owned()));
        }
        let options = options(file);
        let mut writer = options.connect().await.map_err(DbError::from)?;
        migrations::check(&mut writer, file, release).await?;
        Ok(Self::started(writer, options).await?)
    }

    async fn started(
        mut writer: SqliteConnection,
        options: SqliteConnectOptions,
    ) -> Result<Self, DbError> {
        let feed = Arc::new(Feed::behind(changes::last(&mut writer).await?));
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(1)
            .test_before_acquire(false)
            .connect_with(
                options
                    .read_only(true)
                    .create_if_missing(false)
                    .pragma("cache_size", READER_CACHE),
            )
            .await?;
        Ok(Self {
            readers,
            reads: Arc::default(),
            writer: Writer::start(writer, Arc::clone(&feed)),
            feed,
        })
    }

    /// A reader for a request. What a request asks of one is what it costs.
    pub async fn read(&self) -> Result<PoolConnection<Sqlite>, DbError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_unasked().await
    }

    /// A reader for what nobody has asked for, which does not count.
    pub async fn read_unasked(&self) -> Result<PoolConnection<Sqlite>, DbError> {
        Ok(self.readers.acquire().await?)
    }

    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Runs `work` in a transaction; once this returns `Ok`, what it wrote survives a power cut.
    /// Writers that come at the same time share one commit. The work is done to its end even if
    /// the caller goes away; an error of its own undoes what it wrote.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.writer.submit(Durability::Full, work).await
    }

    /// As [`Db::write`], for what may be lost in a power cut, but not when the process is killed:
    /// the progress of an upload, counts of pulls.
    pub async fn write_relaxed<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.writer.submit(Durability::Relaxed, work).await
    }

    /// What caches go by.
    pub(crate) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Takes in what other processes have committed.
    async fn catch_up(&self) -> Result<(), DbError> {
        let begun = Instant::now();
        let mut connection = self.read_unasked().await?;
        let changes = changes::since(&mut connection, self.feed.seen()).await?;
        self.feed.take_in(&changes, begun);
        Ok(())
    }

    /// Keeps the feed true to what other processes change.
    pub(crate) async fn follow_until(&self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Err(error) = self.catch_up().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not follow the changes of other processes"
                );
            }
        }
    }

    pub fn writer_metrics(&self) -> WriterMetrics {
        self.writer.metrics()
    }

    /// Gives back the memory of what was read and of statements: all readers but one stay closed until
    /// they are asked for.
    pub(crate) async fn give_back(&self) -> Result<(), DbError> {
        // One at a time, so that others can be had meanwhile.
        for _ in 0..READERS {
            let Some(resting) = self.readers.try_acquire() else {
                break;
            };
            resting.close().await?;
        }
        self.write_relaxed(|tx| {
            async move {
                tx.clear_cached_statements().await?;
                sqlx::query("PRAGMA shrink_memory").execute(tx).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// Waits for the writes under way and closes the file, which empties its log.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Brings a database up to date that is a copy itself, so that no copy of it is made.
pub(crate) async fn upgrade(
    connection: &mut SqliteConnection,
    release: &Release,
) -> Result<(), OpenDbError> {
    migrations::run_without_copy(connection, release).await
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenDbError {
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    #[error(
        "the database is of an earlier release: `berth serve` upgrades it when it starts, after a \
         copy of it was made"
    )]
    Outdated,
    #[error(
        "berth {oldest} or newer is needed for this database, and this is berth {release}: start \
         a newer one, or go back to the copy from before the upgrade{}",
        listed(copies)
    )]
    TooOld {
        release: Release,
        oldest: Release,
        copies: Vec<PathBuf>,
    },
    #[error(
        "the database was not upgraded, and is as it was: {} has to be made first",
        copy.display()
    )]
    Copy {
        copy: PathBuf,
        #[source]
        source: CopyError,
    },
    #[error(
        "a restore was interrupted: run `berth restore` again, or remove {} to begin with an empty \
         registry",
        .0.display()
    )]
    Restoring(PathBuf),
    #[error(transparent)]
    Db(#[from] DbError),
}

fn listed(copies: &[PathBuf]) -> String {
    let names: Vec<_> = copies
        .iter()
        .map(|copy| copy.display().to_string())
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(", {}", names.join(", "))
}

/// A statement failed, or the writer is gone. Cheap to clone, since all writers of a commit that
/// fails get the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DbError {
    #[error("the database refused a statement")]
    Statement(#[source] Arc<sqlx::Error>),
    #[error("the database holds `{value}` where {expected} belongs")]
    Inconsistent {
        value: String,
        expected: &'static str,
    },
    #[error("the database is closed")]
    Closed,
}

impl DbError {
    /// Whether the disk has no space for what was to be written.
    pub fn full(&self) -> bool {
        const SQLITE_FULL: &str = "13";
        match self {
            Self::Statement(error) => error
                .as_database_error()
                .and_then(|error| error.code())
                .is_some_and(|code| code == SQLITE_FULL),
            Self::Inconsistent { .. } | Self::Closed => false,
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self::Statement(Arc::new(error))
    }
}

/// Adds the values to a statement, each as a parameter, with commas in between.
fn push_list<'q, T>(query: &mut QueryBuilder<Sqlite>, values: impl IntoIterator<Item = T>)
where
    T: sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite>,
{
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
}

/// Sizes and times are unsigned or checked in the code and signed in SQL.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Reads a name or a digest that was checked before it was stored.
pub fn checked<T: std::str::FromStr>(value: String, expected: &'static str) -> Result<T, DbError> {
    value
        .parse()
        .map_err(|_| DbError::Inconsistent { value, expected })
}

#[cfg(test)]
mod tests;
