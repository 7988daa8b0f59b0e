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
        Self::holding(ENTRIES, life)
    }

    /// Of larger entries. What is no longer known stays until others need its place.
    pub(super) fn holding(entries: usize, life: Duration) -> Self {
        Self {
            life,
            known: Cache::new(entries),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_its_life_is_not_known() {
        for (life, known) in [(Duration::ZERO, None), (Duration::MAX, Some(1))] {
            let memory = Memory::of(life);
            memory.put("one", 1);
            assert_eq!(memory.get(&"one"), known);
        }
    }
}
