use std::hash::Hash;
use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

/// Things that are known for a while.
pub(super) struct Memory<K, V> {
    life: Duration,
    known: Cache<K, (Instant, V)>,
}

/// Enough for what a cluster pulls in a minute; an entry has some hundred bytes.
const ENTRIES: usize = 20_000;

impl<K, V> Memory<K, V>
where
    K: Hash + Eq,
    V: Clone,
{
    pub(super) fn of(life: Duration) -> Self {
        Self {
            life,
            known: Cache::new(ENTRIES),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let (since, value) = self.known.get(key)?;
        (since.elapsed() < self.life).then_some(value)
    }

    pub(super) fn put(&self, key: K, value: V) {
        self.known.insert(key, (Instant::now(), value));
    }

    pub(super) fn forget(&self, key: &K) {
        self.known.remove(key);
    }
}
