use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use berth_registry::cache::CacheWork;

/// What the cache of one registry has done since the start.
#[derive(Default)]
pub(crate) struct Counters {
    /// Blobs that were here.
    pub(crate) hits: Count,
    /// Downloads that were begun.
    pub(crate) fills: Count,
    /// Clients that joined a download.
    pub(crate) joins: Count,
    /// Bytes of blobs that clients were given.
    pub(crate) served_bytes: Count,
    /// Bytes of blobs that came from upstreams.
    pub(crate) fetched_bytes: Count,
    /// What of it is in the database.
    written: Mutex<CacheWork>,
}

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn all(&self) -> CacheWork {
        CacheWork {
            hits: self.hits.get(),
            fills: self.fills.get(),
            joins: self.joins.get(),
            served_bytes: self.served_bytes.get(),
            fetched_bytes: self.fetched_bytes.get(),
        }
    }

    /// What has come since this was asked last; `None` where that is nothing.
    pub(crate) fn take(&self) -> Option<CacheWork> {
        let all = self.all();
        let mut written = self.written.lock().expect("nothing panics in there");
        let more = all - *written;
        *written = all;
        (more != CacheWork::default()).then_some(more)
    }
}
