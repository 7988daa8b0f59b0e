use std::hash::Hash;

use berth_oci::RepositoryName;
use equivalent::Equivalent;
use moka::sync::Cache;

use crate::db::ContentEpoch;

/// What an entry takes beside its content.
const ENTRY_BYTES: u32 = 512;

/// What was read of repositories lately, each with the epoch in which that was: what was read in an
/// earlier one is read again. `N` is what names it in its repository.
pub(super) struct Recent<N, T>(Cache<Key<N>, Known<T>>);

#[derive(PartialEq, Eq, Hash)]
struct Key<N> {
    repository: RepositoryName,
    name: N,
}

/// A [`Key`] to look for, of which nothing has to be copied.
#[derive(Hash)]
struct Asked<'a, N> {
    repository: &'a RepositoryName,
    name: &'a N,
}

impl<N: Eq> Equivalent<Key<N>> for Asked<'_, N> {
    fn equivalent(&self, key: &Key<N>) -> bool {
        *self.repository == key.repository && *self.name == key.name
    }
}

#[derive(Clone)]
struct Known<T> {
    epoch: ContentEpoch,
    what: T,
}

impl<N, T> Recent<N, T>
where
    N: Clone + Eq + Hash + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Holds so many bytes, of content that has as many as `bytes` says.
    pub(super) fn new(capacity: u64, bytes: impl Fn(&T) -> usize + Send + Sync + 'static) -> Self {
        let cache = Cache::builder()
            .max_capacity(capacity)
            .weigher(move |_, known: &Known<T>| {
                let bytes = u32::try_from(bytes(&known.what)).unwrap_or(u32::MAX);
                bytes.saturating_add(ENTRY_BYTES)
            })
            .build();
        Self(cache)
    }

    pub(super) fn get(
        &self,
        repository: &RepositoryName,
        name: &N,
        epoch: ContentEpoch,
    ) -> Option<T> {
        let known = self.0.get(&Asked { repository, name })?;
        (known.epoch == epoch).then_some(known.what)
    }

    /// Keeps what was read after the epoch was asked for.
    pub(super) fn keep(&self, repository: &RepositoryName, name: &N, epoch: ContentEpoch, what: T) {
        let key = Key {
            repository: repository.clone(),
            name: name.clone(),
        };
        self.0.insert(key, Known { epoch, what });
    }
}
