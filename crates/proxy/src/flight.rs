use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Work that many wait for and that is done once. It goes on if all of them leave.
pub(crate) struct Flights<K, V> {
    under_way: Arc<Mutex<HashMap<K, Flight<V>>>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

type Flight<V> = Shared<BoxFuture<'static, V>>;

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(tasks: TaskTracker, stopping: CancellationToken) -> Self {
        Self {
            under_way: Arc::default(),
            tasks,
            stopping,
        }
    }

    /// Joins the work that is under way for the key, or begins it.
    pub(crate) fn join<F>(&self, key: K, work: impl FnOnce() -> F) -> Flight<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(flight) = under_way.get(&key) {
            return flight.clone();
        }
        let work = work();
        let landed = Landed {
            under_way: Arc::clone(&self.under_way),
            key: key.clone(),
        };
        let flight = async move {
            let _landed = landed;
            work.await
        }
        .boxed()
        .shared();
        under_way.insert(key, flight.clone());
        let (alone, stopping) = (flight.clone(), self.stopping.clone());
        // Its outcome is for those who wait.
        drop(self.tasks.spawn(async move {
            stopping.run_until_cancelled(alone).await;
        }));
        flight
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
        lock(&self.under_way)
    }
}

fn lock<K, V>(map: &Mutex<HashMap<K, Flight<V>>>) -> MutexGuard<'_, HashMap<K, Flight<V>>> {
    map.lock().expect("nothing panics while it holds the map")
}

/// Takes a flight from the map, however it ends.
struct Landed<K: Eq + Hash, V> {
    under_way: Arc<Mutex<HashMap<K, Flight<V>>>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Landed<K, V> {
    fn drop(&mut self) {
        // The flight owns this, so it is dropped after the lock is free again.
        let flight = lock(&self.under_way).remove(&self.key);
        drop(flight);
    }
}

#[cfg(test)]
mod tests;
