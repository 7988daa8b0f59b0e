//! A project that caches a registry elsewhere: answered from what is here, and what is missing is
//! fetched first.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use berth_oci::{Digest, ErrorCode, Page, Reference, RepositoryName};
use berth_registry::source::{
    Blob, Listing, ManifestDescription, Referrer, Source, SourceError, StoredManifest,
};
use berth_registry::{Registry, sentence};
use http::StatusCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fill::Fills;
use crate::flight::Flights;
use crate::remote::Remote;

mod blobs;
mod lists;
mod manifests;
mod memory;
mod tags;
mod warm;

use lists::Lists;
use manifests::Manifests;
use memory::Memory;
use tags::{Resolved, Tags};
pub use warm::Warmed;

/// Reads a project through its [`Remote`].
#[derive(Clone)]
pub(crate) struct Cached {
    here: Here,
    tags: Arc<Tags>,
    manifests: Arc<Manifests>,
    lists: Arc<Lists>,
    fills: Arc<Fills>,
    /// Whether a blob is asked for only where an image was pulled.
    cautious: bool,
}

/// What every part of the cache of one registry works with.
#[derive(Clone)]
struct Here {
    registry: Arc<Registry>,
    remote: Arc<Remote>,
    /// Repositories whose manifests have come lately, if the disk is too full to keep them.
    seen: Arc<Memory<RepositoryName, ()>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// How long a pull may take from its manifest to its last blob.
const PULL: Duration = Duration::from_secs(60 * 60);

impl Cached {
    pub(crate) fn new(
        registry: &Arc<Registry>,
        remote: &Arc<Remote>,
        fills: &Arc<Fills>,
        tasks: &TaskTracker,
        stopping: &CancellationToken,
    ) -> Self {
        let here = Here {
            registry: Arc::clone(registry),
            remote: Arc::clone(remote),
            seen: Arc::new(Memory::of(PULL)),
            tasks: tasks.clone(),
            stopping: stopping.clone(),
        };
        let manifests = Arc::new(Manifests::new(here.clone()));
        Self {
            tags: Arc::new(Tags::new(here.clone(), Arc::clone(&manifests))),
            lists: Arc::new(Lists::new(here.clone(), Arc::clone(&manifests))),
            manifests,
            fills: Arc::clone(fills),
            here,
            cautious: false,
        }
    }

    pub(crate) fn cautious(&self) -> Self {
        Self {
            cautious: true,
            ..self.clone()
        }
    }
}

/// What came of a look for a manifest.
enum Seen {
    /// It should be here.
    Here { stale: bool },
    /// It has been fetched and not kept, or is nowhere.
    Fetched(Option<StoredManifest>),
}

impl Cached {
    /// Sees to it that a tag is where the upstream has it.
    async fn see_to(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Seen, SourceError> {
        let Reference::Tag(tag) = reference else {
            self.here.there(repository)?;
            return Ok(Seen::Here { stale: false });
        };
        Ok(match self.tags.resolve(repository, tag).await? {
            None => Seen::Fetched(None),
            Some(Resolved {
                fetched: None,
                stale,
            }) => Seen::Here { stale },
            Some(Resolved { fetched, .. }) => Seen::Fetched(fetched),
        })
    }

    /// Fetches what is not here after all: a digest that nobody has asked for, or a tag that has
    /// been deleted here.
    async fn see_again(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, SourceError> {
        match reference {
            Reference::Digest(digest) => self.manifests.fetch(repository, digest).await,
            Reference::Tag(tag) => {
                self.tags.forget(repository, tag);
                match self.see_to(repository, reference).await? {
                    Seen::Here { .. } => self.here.hosted().manifest(repository, reference).await,
                    Seen::Fetched(fetched) => Ok(fetched),
                }
            }
        }
    }
}

impl Here {
    /// What the repository is called at the registry, if it may be pulled.
    fn there(&self, repository: &RepositoryName) -> Result<RepositoryName, SourceError> {
        let there = repository.in_project();
        let there = there.expect("a repository of a cache has a name within its project");
        if self.remote.allows(&there) {
            return Ok(there);
        }
        Err(SourceError::Elsewhere {
            status: StatusCode::FORBIDDEN,
            code: ErrorCode::Denied,
            message: sentence!("{there} may not be pulled through {}", self.remote.project),
            retry_after_seconds: None,
        })
    }

    fn hosted(&self) -> &dyn Source {
        &**self.registry.hosted()
    }

    fn flights<K, V>(&self) -> Flights<K, V>
    where
        K: Clone + Eq + Hash + Send + 'static,
        V: Clone + Send + Sync + 'static,
    {
        Flights::new(self.tasks.clone(), self.stopping.clone())
    }

    fn offline(&self) -> bool {
        self.remote.lead().offline
    }
}

#[async_trait]
impl Source for Cached {
    async fn describe_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<ManifestDescription>, SourceError> {
        let fetched = match self.see_to(repository, reference).await? {
            Seen::Here { stale } => {
                let hosted = self.here.hosted();
                let found = hosted.describe_manifest(repository, reference).await?;
                if let Some(found) = found {
                    return Ok(Some(ManifestDescription { stale, ..found }));
                }
                self.see_again(repository, reference).await?
            }
            Seen::Fetched(fetched) => fetched,
        };
        Ok(fetched.map(|manifest| manifest.description))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, SourceError> {
        match self.see_to(repository, reference).await? {
            Seen::Here { stale } => {
                let found = self.here.hosted().manifest(repository, reference).await?;
                let Some(mut found) = found else {
                    return self.see_again(repository, reference).await;
                };
                found.description.stale = stale;
                Ok(Some(found))
            }
            Seen::Fetched(fetched) => Ok(fetched),
        }
    }

    async fn describe_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        self.size_of_blob(repository, digest).await
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Blob>, SourceError> {
        self.find_blob(repository, digest).await
    }

    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Listing<String>>, SourceError> {
        self.lists.tags(repository, page, limit).await
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Listing<Referrer>, SourceError> {
        self.lists.refresh_referrers(repository, subject).await;
        self.here
            .hosted()
            .referrers(repository, subject, artifact_type, after, limit)
            .await
    }
}
