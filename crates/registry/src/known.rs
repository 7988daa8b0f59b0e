//! Caches that hold so many bytes.

use std::convert::Infallible;
use std::hash::Hash;

use equivalent::Equivalent;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// What an entry takes beside its content.
const ENTRY_BYTES: u64 = 512;
/// Parts with a lock each. One has to hold the largest entry, however many processors there are.
const SHARDS: usize = 8;

/// What can be kept.
pub(crate) trait Weighed {
    /// So many bytes belong to it beside itself, about.
    fn bytes(&self) -> usize {
        0
    }
}

/// Something that is kept for as long as it is among what was asked for most.
pub(crate) type Kept<K, V> = Cache<K, V, ByBytes>;

#[derive(Clone)]
pub(crate) struct ByBytes;

impl<K, V: Weighed> Weighter<K, V> for ByBytes {
    fn weight(&self, _: &K, value: &V) -> u64 {
        ENTRY_BYTES + value.bytes() as u64
    }
}

/// A cache of so many bytes.
pub(crate) fn kept<K: Eq + Hash, V: Weighed + Clone>(bytes: u64) -> Kept<K, V> {
    let entries = usize::try_from(bytes / ENTRY_BYTES).unwrap_or(usize::MAX);
    let options = OptionsBuilder::new()
        .shards(SHARDS)
        .estimated_items_capacity(entries)
        .weight_capacity(bytes)
        .build()
        .expect("what it needs is given");
    let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
    Cache::with_options(options, ByBytes, hash, lifecycle)
}

/// What is there, or what is made for it now: once, whoever asks at the same time.
pub(crate) fn or_made<K, Q, V>(cache: &Cache<K, V>, key: &Q, make: impl FnOnce() -> V) -> V
where
    K: Eq + Hash,
    Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    V: Clone,
{
    let Ok(made) = cache.get_or_insert_with(key, || Ok::<_, Infallible>(make()));
    made
}

/// What was read of the database, each with the epoch of the feed in which that was: what was read in
/// an earlier one is read again.
pub(crate) struct Known<K, E, V>(Kept<K, Read<E, V>>);

#[derive(Clone)]
struct Read<E, V> {
    epoch: E,
    what: V,
}

impl<E, V: Weighed> Weighed for Read<E, V> {
    fn bytes(&self) -> usize {
        self.what.bytes()
    }
}

impl<K, E, V> Known<K, E, V>
where
    K: Eq + Hash,
    E: Copy + Eq,
    V: Weighed + Clone,
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

    pub(crate) fn forget(&self) {
        self.0.clear();
    }
}
