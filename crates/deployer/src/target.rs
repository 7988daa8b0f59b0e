use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use berth_registry::Timestamp;
use tokio::sync::Notify;

use crate::causes::with_causes;
use crate::engine::{Engine, EngineError};

/// A place that services run in, and that this process reaches.
pub(crate) struct Target {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) engine: Arc<dyn Engine>,
    /// Whose pushes deploy there by themselves; everybody's if `None`.
    pub(crate) triggers: Option<Vec<String>>,
    /// Woken when there is something to do.
    pub(crate) wake: Notify,
    trouble: Mutex<Option<String>>,
    /// Whether what it holds in the registry is to be looked at again.
    holds_are_stale: AtomicBool,
    /// Deployments that wait for something, and when they are looked at again.
    looks: Mutex<HashMap<i64, Timestamp>>,
}

impl Target {
    pub(crate) fn new(
        id: i64,
        name: String,
        engine: Arc<dyn Engine>,
        triggers: Option<Vec<String>>,
    ) -> Self {
        Self {
            id,
            name,
            engine,
            triggers,
            wake: Notify::new(),
            trouble: Mutex::default(),
            holds_are_stale: AtomicBool::new(true),
            looks: Mutex::default(),
        }
    }

    /// Why the engine could not be asked the last time, if it could not.
    pub(crate) fn trouble(&self) -> Option<String> {
        locked(&self.trouble).clone()
    }

    /// Notes whether the engine could be asked; `true` if that is news.
    pub(crate) fn note(&self, trouble: Option<&EngineError>) -> bool {
        let trouble = trouble.map(|error| with_causes(error));
        let mut noted = locked(&self.trouble);
        let news = noted.is_some() != trouble.is_some();
        *noted = trouble;
        news
    }

    /// Has the worker look at what runs, and hold that in the registry.
    pub(crate) fn look_at_holds(&self) {
        self.leave_holds_stale();
        self.wake.notify_one();
    }

    /// Has it look again in its own time.
    pub(crate) fn leave_holds_stale(&self) {
        self.holds_are_stale.store(true, Ordering::Release);
    }

    /// Whether that was asked for since the last time.
    pub(crate) fn holds_are_stale(&self) -> bool {
        self.holds_are_stale.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn look_again(&self, deployment: i64, at: Timestamp) {
        locked(&self.looks).insert(deployment, at);
    }

    pub(crate) fn may_look_at(&self, deployment: i64, now: Timestamp) -> bool {
        let looks = locked(&self.looks);
        looks.get(&deployment).is_none_or(|at| *at <= now)
    }

    /// Lets a deployment be looked at at once.
    pub(crate) fn forget(&self, deployment: i64) {
        locked(&self.looks).remove(&deployment);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("nothing panics while it holds the lock")
}
