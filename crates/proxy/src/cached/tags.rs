//! Which manifest a tag is on: believed for a while, then asked again. Trouble upstream never takes
//! away what is known.

use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Digest, Reference, RepositoryName, Tag};
use berth_registry::Timestamp;
use berth_registry::source::{SourceError, StoredManifest};
use http::StatusCode;
use tokio::time::timeout;
use tracing::warn;

use super::Here;
use super::manifests::{ABSENT_FOR, DEADLINE, Manifests, fetch};
use super::memory::Memory;
use crate::flight::Flights;
use crate::trouble::{Wanted, answer, passing};
use crate::upstream::{Upstream, UpstreamError};

/// How long a client waits for an upstream when there is an answer without it.
const PATIENCE: Duration = Duration::from_millis(900);
/// After trouble, what is known is given at once for so long.
const AT_ONCE_FOR: Duration = Duration::from_secs(5);
/// How much longer tags are believed while the upstream will soon allow no more.
const STRETCH: u32 = 10;

type Key = (RepositoryName, Tag);

/// A tag that has a manifest.
#[derive(Clone)]
pub(super) struct Resolved {
    /// Whether the upstream could not be asked.
    pub(super) stale: bool,
    /// The manifest, if it has just come and could not be kept, as when the disk is full.
    pub(super) fetched: Option<StoredManifest>,
}

impl Resolved {
    const KNOWN: Self = Self {
        stale: false,
        fetched: None,
    };
    const STALE: Self = Self {
        stale: true,
        fetched: None,
    };
}

/// What the upstreams say of a tag.
type Outcome = Result<Option<Resolved>, Trouble>;

/// Why they said nothing of use.
enum Trouble {
    Upstream(UpstreamError),
    /// What they gave is no manifest.
    Content(SourceError),
}

impl From<UpstreamError> for Trouble {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        Self::Content(error)
    }
}

impl Trouble {
    fn error(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Upstream(error) => error,
            Self::Content(error) => error,
        }
    }

    /// What a client is told that has no copy to be given.
    fn answer(&self) -> Option<SourceError> {
        match self {
            Self::Upstream(error) => answer(error, Wanted::Manifest),
            Self::Content(error) => Some(error.clone()),
        }
    }
}

pub(super) struct Tags {
    here: Here,
    manifests: Arc<Manifests>,
    flights: Flights<Key, Arc<Outcome>>,
    fresh: Memory<Key, Timestamp>,
    absent: Memory<Key, ()>,
    troubled: Memory<Key, ()>,
}

impl Tags {
    pub(super) fn new(here: Here, manifests: Arc<Manifests>) -> Self {
        Self {
            // Times are compared when they are read; this only bounds how long one is kept.
            fresh: Memory::of(Duration::from_secs(24 * 60 * 60)),
            absent: Memory::of(ABSENT_FOR),
            troubled: Memory::of(AT_ONCE_FOR),
            flights: here.flights(),
            here,
            manifests,
        }
    }

    /// Sees to it that the tag is cached as the upstream has it, as far as that can be known.
    pub(super) async fn resolve(
        self: &Arc<Self>,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<Resolved>, SourceError> {
        let there = self.here.there(repository)?;
        let key = (repository.clone(), tag.clone());
        if self
            .fresh
            .get(&key)
            .is_some_and(|at| self.is_fresh(tag, at))
        {
            return Ok(Some(Resolved::KNOWN));
        }
        let copy = self.here.registry.cached_tag(repository, tag).await?;
        if let Some((_, at)) = &copy
            && self.is_fresh(tag, *at)
        {
            self.fresh.put(key, *at);
            return Ok(Some(Resolved::KNOWN));
        }
        if self.here.offline() {
            return Ok(copy.map(|_| Resolved::KNOWN));
        }
        if self.absent.get(&key).is_some() {
            return Ok(None);
        }
        let copy = copy.filter(|(_, at)| self.may_be_stale(*at));
        if copy.is_some() && self.troubled.get(&key).is_some() {
            return Ok(Some(Resolved::STALE));
        }
        let digest = copy.map(|(digest, _)| digest);
        let flight = self.flights.join(key.clone(), || {
            let this = Arc::clone(self);
            let (key, digest) = (key.clone(), digest.clone());
            async move { Arc::new(this.ask(key, there, digest).await) }
        });
        let outcome = if digest.is_some() {
            match timeout(PATIENCE, flight).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    self.troubled.put(key, ());
                    return Ok(Some(Resolved::STALE));
                }
            }
        } else {
            flight.await
        };
        match &*outcome {
            Ok(resolved) => Ok(resolved.clone()),
            Err(trouble) if digest.is_some() && self.prefers_copy(trouble) => {
                warn!(repository = %repository, tag = %tag, error = trouble.error(), "tag {tag} of {repository} is answered from what is cached");
                self.troubled.put(key, ());
                Ok(Some(Resolved::STALE))
            }
            Err(trouble) => trouble.answer().map_or(Ok(None), Err),
        }
    }

    /// What was believed of the tag is wrong: its row has been deleted here.
    pub(super) fn forget(&self, repository: &RepositoryName, tag: &Tag) {
        self.fresh.forget(&(repository.clone(), tag.clone()));
    }

    fn is_fresh(&self, tag: &Tag, at: Timestamp) -> bool {
        let lead = self.here.remote.lead();
        // A tag that was pushed here before it was ever asked for has no time.
        if at.0 == 0 {
            return false;
        }
        let scarce = self
            .here
            .remote
            .resolving()
            .all(|upstream| upstream.quota_low());
        let fresh = if scarce {
            lead.fresh * STRETCH
        } else {
            lead.fresh
        };
        let now = self.here.registry.clock().now();
        let immutable = |pattern: &regex::Regex| pattern.is_match(tag.as_str());
        now < at.plus(fresh) || lead.immutable_tags.iter().any(immutable)
    }

    fn may_be_stale(&self, at: Timestamp) -> bool {
        self.here.registry.clock().now() < at.plus(self.here.remote.lead().stale)
    }

    /// A refusal ends what somebody may read at a private upstream; at a public one it is trouble
    /// like any other.
    fn prefers_copy(&self, trouble: &Trouble) -> bool {
        let Trouble::Upstream(error) = trouble else {
            return true;
        };
        let refused = matches!(
            error,
            UpstreamError::Unauthorized { .. } | UpstreamError::Forbidden { .. }
        );
        passing(error) || (refused && self.here.remote.public())
    }

    async fn ask(
        self: Arc<Self>,
        key: Key,
        there: RepositoryName,
        copy: Option<Digest>,
    ) -> Outcome {
        let mut failed = None;
        for upstream in self.here.remote.resolving() {
            let asked = self.ask_one(upstream, &key, &there, copy.as_ref());
            match asked.await {
                Ok(Some(resolved)) => {
                    let now = self.here.registry.clock().now();
                    self.troubled.forget(&key);
                    if resolved.fetched.is_none() {
                        self.fresh.put(key, now);
                    }
                    return Ok(Some(resolved));
                }
                Ok(None) | Err(Trouble::Upstream(UpstreamError::NotFound { .. })) => {}
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => {
                self.fresh.forget(&key);
                self.absent.put(key, ());
                Ok(None)
            }
        }
    }

    async fn ask_one(
        &self,
        upstream: &Upstream,
        (repository, tag): &Key,
        there: &RepositoryName,
        copy: Option<&Digest>,
    ) -> Outcome {
        let reference = Reference::Tag(tag.clone());
        // HEAD is free where GET is counted, and content by digest may come from elsewhere.
        if copy.is_some() || self.here.remote.upstreams().len() > 1 {
            let described = match upstream
                .describe_manifest(there, &reference, DEADLINE)
                .await
            {
                // Some registries have no HEAD for what they do have.
                Err(error) if no_head(&error) => {
                    return self.fetch_by_tag(upstream, repository, tag, there).await;
                }
                described => described?,
            };
            let registry = &self.here.registry;
            let confirmed = registry.confirm_tag(repository, tag, &described.digest);
            if confirmed.await.unwrap_or(false) {
                return Ok(Some(Resolved::KNOWN));
            }
            let fetched = match described.manifest {
                Some(fetched) => Some(fetched),
                None => self.manifests.ask(there, &described.digest).await?,
            };
            if let Some(fetched) = fetched {
                return self.kept(repository, tag, fetched).await;
            }
        }
        self.fetch_by_tag(upstream, repository, tag, there).await
    }

    async fn fetch_by_tag(
        &self,
        upstream: &Upstream,
        repository: &RepositoryName,
        tag: &Tag,
        there: &RepositoryName,
    ) -> Outcome {
        let reference = Reference::Tag(tag.clone());
        let fetched = fetch(upstream, there, &reference).await?;
        self.kept(repository, tag, fetched).await
    }

    async fn kept(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        fetched: crate::upstream::FetchedManifest,
    ) -> Outcome {
        let keep = self
            .here
            .keep(repository.clone(), Some(tag.clone()), fetched);
        let (manifest, kept) = keep.await?;
        Ok(Some(Resolved {
            stale: false,
            fetched: (!kept).then_some(manifest),
        }))
    }
}

fn no_head(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::NotFound { .. } | UpstreamError::Unsupported { .. } => true,
        UpstreamError::Server { status, .. } => *status == StatusCode::NOT_IMPLEMENTED,
        _ => false,
    }
}
