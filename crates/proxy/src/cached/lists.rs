use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Digest, Page, RepositoryName};
use berth_registry::source::{Listing, SourceError};
use tokio::time::timeout;
use tracing::debug;

use super::Here;
use super::manifests::Manifests;
use super::memory::Memory;
use crate::flight::Flights;
use crate::group::merged;
use crate::trouble::{Wanted, answer};
use crate::upstream::{TagPage, UpstreamError};

const BELIEVED_FOR: Duration = Duration::from_secs(60);
/// How long one upstream may take for a list.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a client waits for referrers: without them it has an answer too.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pages of tags that are remembered; one has up to some hundred KiB.
const PAGES: usize = 256;
/// The most referrers of one manifest that are fetched.
const REFERRERS: usize = 100;

type PageKey = (RepositoryName, Option<u64>, Option<String>);
type Upstreams = Result<Option<Listing<String>>, UpstreamError>;

/// Lists of the upstreams, and what is cached beside them.
pub(super) struct Lists {
    here: Here,
    manifests: Arc<Manifests>,
    pages: Memory<PageKey, Arc<Upstreams>>,
    tags: Flights<PageKey, Arc<Upstreams>>,
    referrers: Flights<(RepositoryName, Digest), ()>,
    refreshed: Memory<(RepositoryName, Digest), ()>,
}

impl Lists {
    pub(super) fn new(here: Here, manifests: Arc<Manifests>) -> Self {
        Self {
            pages: Memory::holding(PAGES, BELIEVED_FOR),
            tags: here.flights(),
            referrers: here.flights(),
            refreshed: Memory::of(BELIEVED_FOR),
            here,
            manifests,
        }
    }

    /// The tags of the upstream, and those that are cached. Without the upstream, the latter alone.
    pub(super) async fn tags(
        self: &Arc<Self>,
        repository: &RepositoryName,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Listing<String>>, SourceError> {
        let there = self.here.there(repository)?;
        let cached = self.here.hosted().tags(repository, page, limit).await?;
        if self.here.offline() {
            return Ok(cached);
        }
        let asked = Page {
            n: Some(limit as u64),
            last: page.last.clone(),
        };
        let key = (repository.clone(), asked.n, asked.last.clone());
        let known = match self.pages.get(&key) {
            Some(known) => known,
            None => {
                let flight = self.tags.join(key.clone(), || {
                    let this = Arc::clone(self);
                    async move {
                        let outcome = Arc::new(this.ask_tags(&there, &asked).await);
                        if outcome.is_ok() {
                            this.pages.put(key, Arc::clone(&outcome));
                        }
                        outcome
                    }
                });
                flight.await
            }
        };
        match (&*known, cached) {
            (Ok(Some(upstream)), cached) => {
                let pages = [Some(upstream.clone()), cached].into_iter().flatten();
                Ok(Some(merged(pages.collect(), limit)))
            }
            (Ok(None), cached) => Ok(cached),
            (Err(_), Some(cached)) => Ok(Some(cached)),
            (Err(error), None) => answer(error, Wanted::Manifest).map_or(Ok(None), Err),
        }
    }

    async fn ask_tags(&self, there: &RepositoryName, page: &Page) -> Upstreams {
        let mut failed = None;
        for upstream in self.here.remote.resolving() {
            match upstream.tags(there, page, DEADLINE).await {
                Ok(found) => return Ok(Some(within(page, found))),
                Err(UpstreamError::NotFound { .. }) => {}
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Caches what refers to a manifest at the upstream, if it can be asked in time.
    pub(super) async fn refresh_referrers(
        self: &Arc<Self>,
        repository: &RepositoryName,
        subject: &Digest,
    ) {
        let key = (repository.clone(), subject.clone());
        if self.here.offline() || self.refreshed.get(&key).is_some() {
            return;
        }
        let Ok(there) = self.here.there(repository) else {
            return;
        };
        let flight = self.referrers.join(key.clone(), || {
            let this = Arc::clone(self);
            async move {
                match this.fetch_referrers(&key, &there).await {
                    Ok(()) => this.refreshed.put(key, ()),
                    Err(error) => debug!(
                        repository = %key.0,
                        error = &error as &dyn std::error::Error,
                        "could not ask for referrers"
                    ),
                }
            }
        });
        // What has not come by then is in the next answer.
        let _ = timeout(PATIENCE, flight).await;
    }

    async fn fetch_referrers(
        &self,
        (repository, subject): &(RepositoryName, Digest),
        there: &RepositoryName,
    ) -> Result<(), UpstreamError> {
        let Some(upstream) = self.here.remote.resolving().next() else {
            return Ok(());
        };
        let referrers = match upstream.referrers(there, subject, DEADLINE).await {
            Err(UpstreamError::NotFound { .. }) => return Ok(()),
            referrers => referrers?,
        };
        for referrer in referrers.iter().take(REFERRERS) {
            let Ok(digest) = referrer.digest().to_string().parse() else {
                continue;
            };
            // What it is can only be known from itself; an error has been told by then.
            let _ = self.manifests.ensure(repository, &digest).await;
        }
        Ok(())
    }
}

/// What of a list is the page that was asked for: some registries give all, and in their own order.
fn within(page: &Page, found: TagPage) -> Listing<String> {
    let mut tags = found.tags;
    tags.retain(|tag| page.last.as_ref().is_none_or(|last| tag > last));
    tags.sort_unstable();
    let limit = page.n.and_then(|n| usize::try_from(n).ok());
    let mut listing = Listing::of(tags, limit.unwrap_or(usize::MAX));
    listing.more |= found.more && !listing.entries.is_empty();
    listing
}
