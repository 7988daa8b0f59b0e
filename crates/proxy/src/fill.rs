//! One download for each blob, however many clients wait for it and whenever they come.
//!
//! A fill belongs to nobody who reads it: it is a task of its own that writes a spool, and each
//! reader follows the spool up to what may be read. A reader knows no more of a fill than the size, how
//! far it may read, and how to read a range. The last [`HELD_BACK`] bytes may be read once the digest
//! is proved, so nobody ever has the whole of something else.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use berth_oci::{Digest, Hasher, ProjectName, RepositoryName};
use berth_registry::cache::{SpoolError, SpoolReader};
use berth_registry::{DbError, Registry};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::remote::Remote;
use crate::status::FillStatus;
use crate::upstream::UpstreamError;

mod alone;
mod download;
mod reader;
mod run;

/// What of a blob is kept from readers until its digest is proved.
const HELD_BACK: u64 = 64 * 1024;
/// Of a blob up to this size nothing is shown before: a wrong one can then be replaced.
const PROVED_FIRST: u64 = 1024 * 1024;

/// A blob that is asked for.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) remote: Arc<Remote>,
    /// What the repository is called here.
    pub(crate) repository: RepositoryName,
    /// What it is called at the upstream.
    pub(crate) there: RepositoryName,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
}

/// What shows that a repository has a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing yet: the download itself will.
    None,
    /// The upstream has said so.
    Told,
}

pub(crate) struct Fills {
    registry: Arc<Registry>,
    under_way: Mutex<HashMap<Digest, Arc<Fill>>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

struct Fill {
    wanted: Wanted,
    stage: watch::Sender<Stage>,
    /// Who gets the blob when it is there.
    repositories: Mutex<BTreeSet<RepositoryName>>,
    readers: AtomicUsize,
    /// Nobody reads any more.
    unread: Notify,
}

/// Whether a blob that is proved is in the store.
#[derive(Clone, Copy)]
enum Kept {
    NotYet,
    Yes,
    No,
}

/// How far a fill has come.
#[derive(Clone)]
enum Stage {
    /// No upstream has answered yet.
    Opening,
    /// So much may be read.
    Flowing {
        readable: u64,
        spool: SpoolReader,
    },
    /// The whole is proved.
    Proved {
        spool: SpoolReader,
        kept: Kept,
    },
    /// There is no space to keep it: each reader fetches what comes next, whose hash begins here.
    Alone {
        spooled: u64,
        hasher: Box<Hasher>,
        spool: Option<SpoolReader>,
    },
    Failed(FillError),
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum FillError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("could not keep what came")]
    Spool(#[from] SpoolError),
    #[error("could not make room")]
    Db(#[from] DbError),
    #[error("what {upstream} gave for {expected} is not that")]
    Wrong {
        upstream: String,
        expected: Digest,
        #[source]
        source: SpoolError,
    },
    #[error("what {upstream} gave for {expected} is not that")]
    Passed { upstream: String, expected: Digest },
    #[error("{upstream} has {actual} bytes where the manifest says {expected}")]
    Size {
        upstream: String,
        actual: u64,
        expected: u64,
    },
    #[error("{upstream} gives no ranges, and the download has come too far to begin again")]
    NoRanges { upstream: String },
    #[error("no upstream gives content by digest")]
    NoUpstream,
    #[error("there is no room to keep it")]
    NoRoom,
    #[error("the answers end too early")]
    Short,
    /// By a download that ended between the look into the store and this one.
    #[error("the blob is here by now")]
    Stored,
    #[error("the download was given up, since nobody waited for it")]
    Abandoned,
    #[error("the server is stopping")]
    Stopping,
}

/// A reader's hold on a fill.
pub(crate) struct Joined {
    fill: Arc<Fill>,
    stage: watch::Receiver<Stage>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        if self.fill.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.fill.unread.notify_waiters();
        }
    }
}

impl Fills {
    pub(crate) fn new(
        registry: Arc<Registry>,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            registry,
            under_way: Mutex::default(),
            tasks,
            stopping,
        })
    }

    /// Joins the download of the blob that is under way, or begins it. One that another repository
    /// has begun is joined only if the upstream is known to have the blob in this one too; where it
    /// is asked for that first, this is `None`.
    pub(crate) fn join(self: &Arc<Self>, wanted: Wanted, proof: Proof) -> Option<Joined> {
        let mut under_way = self.lock();
        let fill = match under_way.get(&wanted.digest) {
            Some(fill) if proof == Proof::None && !fill.is_of(&wanted) => return None,
            Some(fill) => {
                wanted.remote.counters.joins.add(1);
                Arc::clone(fill)
            }
            None => {
                wanted.remote.counters.fills.add(1);
                let fill = Arc::new(Fill {
                    stage: watch::Sender::new(Stage::Opening),
                    repositories: Mutex::default(),
                    readers: AtomicUsize::new(0),
                    unread: Notify::new(),
                    wanted: wanted.clone(),
                });
                under_way.insert(wanted.digest.clone(), Arc::clone(&fill));
                // It tells its outcome to its readers.
                drop(self.tasks.spawn(Arc::clone(self).run(Arc::clone(&fill))));
                fill
            }
        };
        fill.repositories().insert(wanted.repository);
        // Under the lock, or the fill could be given up before.
        fill.readers.fetch_add(1, Ordering::AcqRel);
        Some(Joined {
            stage: fill.stage.subscribe(),
            fill,
        })
    }

    /// The downloads of one project that are under way.
    pub(crate) fn status(&self, project: &ProjectName) -> Vec<FillStatus> {
        let under_way = self.lock();
        let fills = under_way.values();
        fills
            .filter(|fill| fill.wanted.remote.project == *project)
            .map(|fill| FillStatus {
                repository: fill.wanted.repository.clone(),
                digest: fill.wanted.digest.clone(),
                size_bytes: fill.size(),
                come_bytes: fill.come(),
                readers: fill.readers.load(Ordering::Relaxed),
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Arc<Fill>>> {
        self.under_way
            .lock()
            .expect("nothing panics while it holds the map")
    }
}

impl Fill {
    /// Whether what this fetches may be given to the repository because it asks the same upstream
    /// for the same, or one where everything is everybody's.
    fn is_of(&self, wanted: &Wanted) -> bool {
        let same_remote = self.wanted.remote.project == wanted.remote.project;
        same_remote && (self.wanted.there == wanted.there || wanted.remote.public())
    }

    fn repositories(&self) -> MutexGuard<'_, BTreeSet<RepositoryName>> {
        self.repositories
            .lock()
            .expect("nothing panics while it holds the set")
    }

    /// Waits until nobody reads.
    async fn unread(&self) {
        loop {
            let unread = self.unread.notified();
            tokio::pin!(unread);
            unread.as_mut().enable();
            if self.readers.load(Ordering::Acquire) == 0 {
                return;
            }
            unread.await;
        }
    }

    /// How much may be read.
    fn come(&self) -> u64 {
        match &*self.stage.borrow() {
            Stage::Opening | Stage::Failed(_) => 0,
            Stage::Flowing { readable, .. } => *readable,
            Stage::Proved { .. } => self.size(),
            Stage::Alone { spooled, .. } => *spooled,
        }
    }

    fn size(&self) -> u64 {
        self.wanted.size_bytes
    }

    /// How much of `written` bytes may be read before the digest is proved.
    fn readable(&self, written: u64) -> u64 {
        if self.size() <= PROVED_FIRST {
            0
        } else {
            written.min(self.size() - HELD_BACK)
        }
    }
}
