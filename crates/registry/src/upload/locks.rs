use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_oci::UploadId;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

/// How long a request waits for the one before it, which may be ending just now: a client that
/// lost its connection asks again before we have noticed.
const WAIT: Duration = Duration::from_secs(10);

/// Keeps two requests from writing to one session. Sessions stand here only while one is worked on.
#[derive(Clone, Default)]
pub(crate) struct UploadLocks {
    held: Arc<Mutex<HashMap<UploadId, Arc<tokio::sync::Mutex<()>>>>>,
}

pub(crate) struct UploadLock {
    locks: UploadLocks,
    upload: UploadId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl UploadLocks {
    /// Waits for the session to be free; `None` when it is not for a while.
    pub(crate) async fn acquire(&self, upload: UploadId) -> Option<UploadLock> {
        let lock = Arc::clone(self.held().entry(upload).or_default());
        // Made before the wait, so that a waiter that gives up tidies up as well.
        let mut acquired = UploadLock {
            locks: self.clone(),
            upload,
            guard: None,
        };
        acquired.guard = timeout(WAIT, lock.lock_owned()).await.ok();
        acquired.guard.is_some().then_some(acquired)
    }

    /// Takes the session if it is free now.
    pub(crate) fn try_acquire(&self, upload: UploadId) -> Option<UploadLock> {
        let lock = Arc::clone(self.held().entry(upload).or_default());
        let mut acquired = UploadLock {
            locks: self.clone(),
            upload,
            guard: None,
        };
        acquired.guard = lock.try_lock_owned().ok();
        acquired.guard.is_some().then_some(acquired)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<UploadId, Arc<tokio::sync::Mutex<()>>>> {
        self.held
            .lock()
            .expect("nothing panics while it holds the map")
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        let mut held = self.locks.held();
        self.guard = None;
        // Clones are made only under the map's own lock: one left means that nobody waits.
        if held
            .get(&self.upload)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            held.remove(&self.upload);
        }
    }
}
