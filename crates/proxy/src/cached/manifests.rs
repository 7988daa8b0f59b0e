use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Digest, ErrorCode, Manifest, Reference, RepositoryName, Tag};
use berth_registry::cache::{CacheError, Fetched};
use berth_registry::sentence;
use berth_registry::source::{ManifestDescription, SourceError, StoredManifest};
use http::StatusCode;
use tokio::time::sleep;
use tracing::warn;

use super::Here;
use super::memory::Memory;
use crate::flight::Flights;
use crate::trouble::{Wanted, answer, worth_another_try};
use crate::upstream::{FetchedManifest, Upstream, UpstreamError};

/// How long it is believed that a manifest is not there.
pub(super) const ABSENT_FOR: Duration = Duration::from_secs(30);
/// How long one upstream may take for a manifest that nobody has.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

type Key = (RepositoryName, Digest);
type Outcome = Result<Option<StoredManifest>, SourceError>;

/// Manifests by digest.
pub(super) struct Manifests {
    here: Here,
    flights: Flights<Key, Outcome>,
    absent: Memory<Key, ()>,
}

impl Manifests {
    pub(super) fn new(here: Here) -> Self {
        Self {
            flights: here.flights(),
            here,
            absent: Memory::of(ABSENT_FOR),
        }
    }

    /// A manifest that is not here, from the first upstream that gives it.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Outcome {
        let key = (repository.clone(), digest.clone());
        if self.here.offline() || self.absent.get(&key).is_some() {
            return Ok(None);
        }
        let there = self.here.there(repository)?;
        let flight = self.flights.join(key.clone(), || {
            let this = Arc::clone(self);
            async move {
                let outcome = this.ask(&there, &key.1).await;
                match outcome {
                    Ok(Some(fetched)) => {
                        let (manifest, _) = this.here.keep(key.0, None, fetched).await?;
                        Ok(Some(manifest))
                    }
                    Ok(None) => {
                        this.absent.put(key, ());
                        Ok(None)
                    }
                    Err(error) => answer(&error, Wanted::Manifest).map_or(Ok(None), Err),
                }
            }
        });
        flight.await
    }

    /// Sees to it that a manifest is here.
    pub(super) async fn ensure(
        self: &Arc<Self>,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), SourceError> {
        let reference = Reference::Digest(digest.clone());
        let hosted = self.here.hosted();
        if hosted
            .describe_manifest(repository, &reference)
            .await?
            .is_none()
        {
            self.fetch(repository, digest).await?;
        }
        Ok(())
    }

    /// Asks the upstreams in their order; `None` when each of them says that it has none.
    pub(super) async fn ask(
        &self,
        there: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<FetchedManifest>, UpstreamError> {
        let reference = Reference::Digest(digest.clone());
        let mut failed = None;
        for upstream in self.here.remote.pulling(digest) {
            match fetch(&upstream, there, &reference).await {
                Ok(fetched) => return Ok(Some(fetched)),
                Err(UpstreamError::NotFound { .. }) => {}
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

/// A manifest that nobody has yet: a moment's trouble is not worth an error.
pub(super) async fn fetch(
    upstream: &Upstream,
    there: &RepositoryName,
    reference: &Reference,
) -> Result<FetchedManifest, UpstreamError> {
    let mut attempt = 1;
    loop {
        match upstream.manifest(there, reference, DEADLINE).await {
            Err(error) if worth_another_try(&error) && attempt < TRIES => attempt += 1,
            asked => return asked,
        }
        sleep(PAUSE).await;
    }
}

impl Here {
    /// Keeps a manifest, under the tag that it was asked by, and says whether it could. What can not
    /// be kept is served all the same.
    pub(super) async fn keep(
        &self,
        repository: RepositoryName,
        tag: Option<Tag>,
        fetched: FetchedManifest,
    ) -> Result<(StoredManifest, bool), SourceError> {
        let parsed = Manifest::parse(fetched.content_type.as_deref(), &fetched.bytes);
        let manifest = parsed.map_err(|error| SourceError::Elsewhere {
            status: StatusCode::BAD_GATEWAY,
            code: ErrorCode::ManifestInvalid,
            message: sentence!(
                "{} gives a manifest that is none: {error}",
                self.remote.registry
            ),
            retry_after_seconds: None,
        })?;
        let stored = StoredManifest {
            description: ManifestDescription {
                digest: fetched.digest.clone(),
                media_type: manifest.media_type,
                size_bytes: fetched.bytes.len() as u64,
                stale: false,
            },
            bytes: fetched.bytes.clone(),
        };
        self.seen.put(repository.clone(), ());
        let kept = self.registry.cache_manifest(Fetched {
            repository,
            digest: fetched.digest,
            content_type: fetched.content_type,
            bytes: fetched.bytes,
            tag,
        });
        let kept = kept.await;
        match &kept {
            Ok(()) => {}
            Err(CacheError::Db(error)) if error.full() => {
                warn!("no space is left to cache manifests");
            }
            Err(error) => {
                warn!(
                    error = error as &dyn std::error::Error,
                    "could not cache a manifest"
                );
            }
        }
        Ok((stored, kept.is_ok()))
    }
}
