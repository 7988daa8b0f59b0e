//! One thread owns the one connection that writes. It takes all the work that is waiting, runs each
//! piece in a savepoint of one transaction, and commits once: pushes in parallel share the cost of
//! making a commit durable.
//!
//! A statement runs on a thread of the database, and whoever waits for it is woken. A thread of our own
//! is woken at once; a task would be by way of the scheduler, which wakes one more thread to look for
//! work, and with some dozens of statements an image that was a third of what a push cost.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::{Connection as _, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::error;

use super::DbError;
use super::changes::{self, Changes};
use super::feed::Feed;

/// Most pieces of work in one commit.
const BATCH: usize = 256;
/// Work that may wait before a writer has to.
const QUEUE: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    Full,
    Relaxed,
}

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    counters: Arc<Counters>,
}

enum Message {
    Work(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

#[derive(Default)]
struct Counters {
    commits: AtomicU64,
    writes: AtomicU64,
}

/// How many writes shared how many commits since the start.
#[derive(Clone, Copy, Debug)]
pub struct WriterMetrics {
    pub commits: u64,
    pub writes: u64,
}

impl Writer {
    /// `feed` takes in what is committed, before anybody is answered for it.
    pub(super) fn start(connection: SqliteConnection, feed: Arc<Feed>) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let counters = Arc::new(Counters::default());
        let writer = Thread {
            connection,
            feed,
            synchronous: Durability::Full,
            counters: Arc::clone(&counters),
        };
        let runtime = Handle::current();
        // Ends when it is told to close or the last sender is gone.
        thread::Builder::new()
            .name("berth-writer".to_owned())
            .spawn(move || runtime.block_on(writer.run(receiver)))
            .expect("a thread can be started");
        Self { queue, counters }
    }

    pub(super) async fn submit<T, E, F>(&self, durability: Durability, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let job = TypedJob {
            durability,
            work: Some(work),
            outcome: None,
            reply,
        };
        self.queue
            .send(Message::Work(Box::new(job)))
            .await
            .map_err(|_| DbError::Closed)?;
        outcome.await.map_err(|_| DbError::Closed)?
    }

    pub(super) fn metrics(&self) -> WriterMetrics {
        WriterMetrics {
            commits: self.counters.commits.load(Ordering::Relaxed),
            writes: self.counters.writes.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            // An error means that the thread is gone already.
            let _ = closed.await;
        }
    }
}

trait Job: Send {
    fn durability(&self) -> Durability;
    /// Does the work and keeps its outcome; tells whether it is to be kept.
    fn run<'t>(&'t mut self, connection: &'t mut SqliteConnection) -> BoxFuture<'t, bool>;
    /// Hands the outcome out, once it is known whether the commit went through.
    fn answer(self: Box<Self>, commit: Result<(), DbError>);
}

struct TypedJob<F, T, E> {
    durability: Durability,
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for TypedJob<F, T, E>
where
    F: for<'t> FnOnce(&'t mut SqliteConnection) -> BoxFuture<'t, Result<T, E>> + Send,
    T: Send,
    E: From<DbError> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn run<'t>(&'t mut self, connection: &'t mut SqliteConnection) -> BoxFuture<'t, bool> {
        async move {
            if let Some(work) = self.work.take() {
                // A panic undoes this piece of work alone; its caller finds the reply dropped.
                self.outcome = AssertUnwindSafe(work(connection)).catch_unwind().await.ok();
            }
            matches!(self.outcome, Some(Ok(_)))
        }
        .boxed()
    }

    fn answer(self: Box<Self>, commit: Result<(), DbError>) {
        let answer = match (self.outcome, commit) {
            (Some(Ok(_)), Err(error)) => Err(error.into()),
            (Some(outcome), _) => outcome,
            (None, Err(error)) => Err(error.into()),
            (None, Ok(())) => return,
        };
        // The caller may have gone; its work is done all the same.
        let _ = self.reply.send(answer);
    }
}

struct Thread {
    connection: SqliteConnection,
    feed: Arc<Feed>,
    synchronous: Durability,
    counters: Arc<Counters>,
}

impl Thread {
    async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut waiting = Vec::with_capacity(BATCH);
        let mut closing = None;
        while closing.is_none() && queue.recv_many(&mut waiting, BATCH).await > 0 {
            let mut jobs = Vec::with_capacity(waiting.len());
            for message in waiting.drain(..) {
                match message {
                    Message::Work(job) => jobs.push(job),
                    Message::Close(done) => closing = Some(done),
                }
            }
            if !jobs.is_empty() {
                let commit = self.commit(&mut jobs).await;
                jobs.into_iter().for_each(|job| job.answer(commit.clone()));
            }
        }
        if let Err(error) = self.connection.close().await {
            error!(
                error = &error as &dyn std::error::Error,
                "could not close the database"
            );
        }
        if let Some(done) = closing {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }

    async fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), DbError> {
        let begun = Instant::now();
        let outcome = match self.transaction(jobs).await {
            Ok(changes) => {
                if let Some(changes) = changes {
                    self.feed.take_in(&changes, begun);
                }
                Ok(())
            }
            Err(error) => {
                // SQLite has undone the transaction itself after some errors; then this one fails.
                let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
                Err(error)
            }
        };
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.writes.fetch_add(
            u64::try_from(jobs.len()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        outcome
    }

    /// Runs the jobs and commits, and says what has changed; `None` when nothing was to be kept.
    async fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Option<Changes>, DbError> {
        let full = jobs.iter().any(|job| job.durability() == Durability::Full);
        self.set_durability(if full {
            Durability::Full
        } else {
            Durability::Relaxed
        })
        .await?;
        let connection = &mut self.connection;
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut *connection)
            .await?;
        if let [job] = jobs {
            if !job.run(connection).await {
                sqlx::query("ROLLBACK").execute(connection).await?;
                return Ok(None);
            }
        } else {
            let mut savepoint = "SAVEPOINT job";
            for job in jobs {
                sqlx::query(savepoint).execute(&mut *connection).await?;
                // The commit releases the last.
                savepoint = "RELEASE job; SAVEPOINT job";
                if !job.run(connection).await {
                    sqlx::query("ROLLBACK TO job")
                        .execute(&mut *connection)
                        .await?;
                }
            }
        }
        // Those of other processes too, which were committed before this transaction began.
        let changes = changes::since(connection, self.feed.seen()).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(Some(changes))
    }

    /// With FULL, SQLite syncs its log at each commit; with NORMAL, only before a checkpoint.
    async fn set_durability(&mut self, durability: Durability) -> Result<(), DbError> {
        if self.synchronous != durability {
            let pragma = match durability {
                Durability::Full => "PRAGMA synchronous = FULL",
                Durability::Relaxed => "PRAGMA synchronous = NORMAL",
            };
            sqlx::query(pragma).execute(&mut self.connection).await?;
            self.synchronous = durability;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
