//! Caches that hold so many bytes.

use std::convert::Infallible;
use std::hash::Hash;

use equivalent::Equivalent;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What an entry takes beside its content.
const ENTRY_BYTES: u64 = 512;

/// What can be kept.
pub(crate) trait Content {
    /// So many bytes belong to it, about.
    fn bytes(&self) -> usize;
}

/// Something that is kept for as long as it is among what was asked for most.
pub(crate) type Kept<K, V> = Cache<K, V, ByBytes>;

#[derive(Clone)]
pub(crate) struct ByBytes;

impl<K, V: Content> Weighter<K, V> for ByBytes {
    fn weight(&self, _: &K, value: &V) -> u64 {
        ENTRY_BYTES + value.bytes() as u64
    }
}

/// A cache of so many bytes.
pub(crate) fn kept<K: Eq + Hash, V: Content + Clone>(bytes: u64) -> Kept<K, V> {
    let entries = usize::try_from(bytes / ENTRY_BYTES).unwrap_or(usize::MAX);
    Cache::with_weighter(entries, bytes, ByBytes)
}

/// What is there, or what is made for it now: once, whoever asks at the same time.
pub(crate) fn or_made<K, Q, V>(cache: &Cache<K, V>, key: &Q, make: impl FnOnce() -> V) -> V
where
    K: Eq + Hash,
    Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    V: Clone,
{
    let made = cache.get_or_insert_with(key, || Ok(make()));
    made.unwrap_or_else(|never: Infallible| match never {})
}

/// What was read of the database, each with the epoch of the feed in which that was: what was read in
/// an earlier one is read again.
pub(crate) struct Known<K, E, V>(Kept<K, Read<E, V>>);

#[derive(Clone)]
struct Read<E, V> {
    epoch: E,
    what: V,
}

impl<E, V: Content> Content for Read<E, V> {
    fn bytes(&self) -> usize {
        self.what.bytes()
    }
}

impl<K, E, V> Known<K, E, V>
where
    K: Eq + Hash,
    E: Copy + Eq,
    V: Content + Clone,
{
    pub(crate) fn new(bytes: u64) -> Self {
        Self(kept(bytes))
    }

    /// Nothing without an epoch: then nobody knows what has changed.
    pub(crate) fn get<Q>(&self, key: &Q, epoch: Option<E>) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let read = self.0.get(key)?;
        (Some(read.epoch) == epoch).then_some(read.what)
    }

    /// Keeps what was read after the epoch was asked for.
    pub(crate) fn keep(&self, key: K, epoch: Option<E>, what: V) {
        if let Some(epoch) = epoch {
            self.0.insert(key, Read { epoch, what });
        }
    }
}
