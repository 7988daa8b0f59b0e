use std::hash::Hash;
use std::time::Duration;

use moka::sync::Cache;

/// Things that are known for a while.
pub(super) struct Memory<K, V>(Cache<K, V>);

/// Enough for what a cluster pulls in a minute; an entry has some hundred bytes.
const ENTRIES: u64 = 20_000;

impl<K, V> Memory<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn of(life: Duration) -> Self {
        let cache = Cache::builder().max_capacity(ENTRIES).time_to_live(life);
        Self(cache.build())
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.0.get(key)
    }

    pub(super) fn put(&self, key: K, value: V) {
        self.0.insert(key, value);
    }

    pub(super) fn forget(&self, key: &K) {
        self.0.invalidate(key);
    }
}
