use std::hash::Hash;

use berth_oci::RepositoryName;
use equivalent::Equivalent;

use crate::db::ContentEpoch;
use crate::known::{Known, Weighed};

/// What was read of repositories lately. `N` is what names it in its repository.
pub(super) struct Recent<N, T>(Known<Key<N>, ContentEpoch, T>);

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

impl<N, T> Recent<N, T>
where
    N: Clone + Eq + Hash,
    T: Weighed + Clone,
{
    pub(super) fn new(bytes: u64) -> Self {
        Self(Known::new(bytes))
    }

    pub(super) fn get(
        &self,
        repository: &RepositoryName,
        name: &N,
        epoch: Option<ContentEpoch>,
    ) -> Option<T> {
        self.0.get(&Asked { repository, name }, epoch)
    }

    pub(super) fn keep(
        &self,
        repository: &RepositoryName,
        name: &N,
        epoch: Option<ContentEpoch>,
        what: T,
    ) {
        let key = Key {
            repository: repository.clone(),
            name: name.clone(),
        };
        self.0.keep(key, epoch, what);
    }

    pub(super) fn forget(&self) {
        self.0.forget();
    }
}
