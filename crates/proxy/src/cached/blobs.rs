use std::fs::File;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use berth_oci::{Digest, RepositoryName};
use berth_registry::cache::KnownBlob;
use berth_registry::source::{Blob, BlobContent, Content, SourceError};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::Cached;
use crate::fill::{FillError, Joined, Proof, Wanted};
use crate::trouble;
use crate::upstream::UpstreamError;

/// How long one upstream may take to say whether it has a blob.
const DEADLINE: Duration = Duration::from_secs(10);

/// A blob that a repository lacked.
pub(super) enum Found {
    /// Another one had it.
    Here(Blob),
    Coming(Joined),
}

impl Cached {
    pub(super) async fn size_of_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        self.here.there(repository)?;
        let hosted = self.here.hosted();
        if let Some(size) = hosted.describe_blob(repository, digest).await? {
            return Ok(Some(size));
        }
        let known = self.here.registry.known_blob(repository, digest).await?;
        let size = self.size(repository, digest, known).await?;
        Ok(size.map(|(size, _)| size))
    }

    /// The blob, from here or by a download. What the repository has not had yet comes from its
    /// upstream, or is given from here once the upstream has said that the repository has it.
    pub(super) async fn find_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Blob>, SourceError> {
        self.here.there(repository)?;
        if let Some(blob) = self.here.hosted().blob(repository, digest).await? {
            return Ok(Some(self.warm(repository, digest, blob)));
        }
        let found = self.find_missing(repository, digest).await?;
        Ok(found.map(|found| match found {
            Found::Here(blob) => self.warm(repository, digest, blob),
            Found::Coming(joined) => Blob::new(joined.size_bytes(), Box::new(joined)),
        }))
    }

    /// A blob that the repository does not have yet.
    pub(super) async fn find_missing(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Found>, SourceError> {
        let registry = &self.here.registry;
        let mut told = None;
        let mut alone = false;
        loop {
            let known = registry.known_blob(repository, digest).await?;
            let (size_bytes, proof) = match told {
                Some(size) => (size, Proof::Told),
                None => match self.size(repository, digest, known).await? {
                    Some(found) => found,
                    None => return Ok(None),
                },
            };
            if known.stored.is_some() && registry.link_blob(repository, digest).await? {
                let linked = self.here.hosted().blob(repository, digest).await?;
                if let Some(blob) = linked {
                    return Ok(Some(Found::Here(blob)));
                }
            }
            if self.here.offline() {
                return Ok(None);
            }
            let wanted = Wanted {
                remote: self.here.remote.clone(),
                repository: repository.clone(),
                there: self.here.there(repository)?,
                digest: digest.clone(),
                size_bytes,
            };
            let Some(mut joined) = self.fills.join(wanted, proof) else {
                told = self.ask_size(repository, digest).await?;
                if told.is_none() {
                    return Ok(None);
                }
                continue;
            };
            match joined.opened().await {
                Ok(()) => return Ok(Some(Found::Coming(joined))),
                Err(FillError::Stored) => {}
                // What another repository's upstream lacks, this one's may have.
                Err(_) if !alone && !joined.is_of(&self.here.remote, size_bytes) => alone = true,
                Err(error) => return trouble::of_fill(&error).map_or(Ok(None), Err),
            }
        }
    }

    /// How large a blob is, if the repository has it, here or at the upstream. A manifest that names
    /// it shows nothing where its bytes are here already: its author may never have had them.
    async fn size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        known: KnownBlob,
    ) -> Result<Option<(u64, Proof)>, SourceError> {
        if let Some(named) = known.named {
            if let Some(size) = known.stored
                && known.beside
                && self.here.remote.public()
            {
                return Ok(Some((size, Proof::Told)));
            }
            if let Some(size) = named.size_bytes.filter(|_| known.stored.is_none()) {
                return Ok(Some((size, Proof::None)));
            }
        }
        if self.here.offline() || (self.cautious && !self.pulled(repository, known).await?) {
            return Ok(None);
        }
        let size = self.ask_size(repository, digest).await?;
        Ok(size.map(|size| (size, Proof::Told)))
    }

    /// Asks the upstreams whether the repository has the blob.
    async fn ask_size(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        let there = self.here.there(repository)?;
        let mut failed = None;
        for upstream in self.here.remote.pulling(digest) {
            match upstream.describe_blob(&there, digest, DEADLINE).await {
                Ok(size) => return Ok(Some(size)),
                Err(UpstreamError::NotFound { .. }) => {}
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        let failed = failed.and_then(|error| trouble::answer(&error, trouble::Wanted::Blob));
        failed.map_or(Ok(None), Err)
    }

    /// Whether a manifest of the repository was pulled through here.
    async fn pulled(
        &self,
        repository: &RepositoryName,
        known: KnownBlob,
    ) -> Result<bool, SourceError> {
        Ok(known.named.is_some()
            || self.here.seen.get(repository).is_some()
            || self.here.registry.has_repository(repository).await?)
    }

    fn warm(&self, repository: &RepositoryName, digest: &Digest, blob: Blob) -> Blob {
        let size_bytes = blob.size_bytes;
        let warm = Warm {
            cached: self.clone(),
            repository: repository.clone(),
            digest: digest.clone(),
            blob,
        };
        Blob::new(size_bytes, Box::new(warm))
    }
}

/// A blob that is here, unless it is evicted before it is read.
struct Warm {
    cached: Cached,
    repository: RepositoryName,
    digest: Digest,
    blob: Blob,
}

#[async_trait]
impl BlobContent for Warm {
    async fn read(self: Box<Self>, range: Range<u64>) -> Result<Content, SourceError> {
        let remote = self.cached.here.remote.clone();
        let content = match self.blob.read(range.clone()).await {
            Err(gone @ SourceError::Gone(_)) => {
                let found = self.cached.find_missing(&self.repository, &self.digest);
                let found = found.await?.ok_or(gone)?;
                return match found {
                    Found::Here(blob) => blob.read(range).await,
                    Found::Coming(joined) => Box::new(joined).read(range).await,
                };
            }
            content => content?,
        };
        remote.counters.hits.add(1);
        Ok(content
            .inspect_ok(move |piece| remote.counters.served_bytes.add(piece.len() as u64))
            .boxed())
    }

    async fn file(&mut self, bytes: u64) -> Result<Option<File>, SourceError> {
        let file = self.blob.file(bytes).await?;
        if file.is_some() {
            let counters = &self.cached.here.remote.counters;
            counters.hits.add(1);
            counters.served_bytes.add(bytes);
        }
        Ok(file)
    }
}
