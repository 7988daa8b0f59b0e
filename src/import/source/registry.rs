use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use berth_oci::{Digest, EdgeRole, Manifest, RepositoryName, Tag};
use berth_proxy::{RemoteBlob, RemoteError, RemoteRegistry, RemoteSettings};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::kind::media_type;
use super::{BlobReader, Listing, SourceError, SourceManifest};
use crate::import::image::lock;
use crate::import::patience::{Patience, patiently};

/// A registry that runs. What fails for a while is asked for again.
pub(crate) struct RegistrySource {
    remote: Arc<RemoteRegistry>,
    /// Repositories that were seen to have no referrers API, so that it is not asked for each
    /// manifest. One registry may stand before several.
    no_referrers_api: Mutex<HashSet<RepositoryName>>,
}

impl RegistrySource {
    pub(crate) fn new(settings: RemoteSettings) -> anyhow::Result<Self> {
        Ok(Self {
            remote: Arc::new(RemoteRegistry::new(settings)?),
            no_referrers_api: Mutex::default(),
        })
    }

    pub(super) async fn repositories(&self) -> Result<Vec<String>, SourceError> {
        patiently(|| async { Ok(self.remote.repositories().await?) }).await
    }

    pub(super) async fn list(&self, repository: &RepositoryName) -> Result<Listing, SourceError> {
        let tags =
            patiently(|| async { Ok::<_, SourceError>(self.remote.tags(repository).await?) });
        let mut tags = tags.await?;
        tags.sort();
        tags.dedup();
        Ok(Listing {
            tags,
            ..Listing::default()
        })
    }

    pub(super) async fn resolve(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Digest, SourceError> {
        patiently(|| async { Ok(self.remote.resolve(repository, tag).await?) }).await
    }

    pub(super) async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<SourceManifest, SourceError> {
        let fetched = patiently(|| async {
            Ok::<_, SourceError>(self.remote.manifest(repository, digest).await?)
        });
        let fetched = fetched.await?;
        Ok(SourceManifest {
            media_type: media_type(fetched.content_type.as_deref(), &fetched.bytes),
            bytes: fetched.bytes,
        })
    }

    /// By the referrers API, or else what the tag that stands in for it names.
    pub(super) async fn referrers(
        &self,
        repository: &RepositoryName,
        tags: &[Tag],
        subject: &Digest,
    ) -> Result<Vec<Digest>, SourceError> {
        let known = lock(&self.no_referrers_api).contains(repository);
        if !known {
            let asked = patiently(|| async {
                match self.remote.referrers(repository, subject).await {
                    Err(error) if error.missing() || error.unsupported() => Ok(None),
                    found => Ok::<_, SourceError>(found?),
                }
            });
            match asked.await? {
                Some(found) => return Ok(found),
                None => {
                    lock(&self.no_referrers_api).insert(repository.clone());
                }
            }
        }
        let Some(tag) = fallback_tag(subject).filter(|tag| tags.binary_search(tag).is_ok()) else {
            return Ok(Vec::new());
        };
        let digest = self.resolve(repository, &tag).await?;
        let fetched = self.manifest(repository, &digest).await?;
        // What can not be read is told where the tag itself is copied.
        let index = Manifest::parse(fetched.media_type.as_deref(), &fetched.bytes).ok();
        let edges = index.map(|index| index.edges).unwrap_or_default();
        let children = edges
            .into_iter()
            .filter(|edge| edge.role == EdgeRole::Child);
        Ok(children.map(|edge| edge.digest).collect())
    }

    pub(super) async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: u64,
    ) -> Result<BlobReader, SourceError> {
        let mut download = Download {
            remote: Arc::clone(&self.remote),
            repository: repository.clone(),
            digest: digest.clone(),
            at: from,
            patience: Patience::default(),
            answer: None,
        };
        let total_bytes = download.open().await?;
        let body = stream::try_unfold(download, async |mut download| {
            let next = download.next().await?;
            Ok(next.map(|bytes| (bytes, download)))
        });
        Ok(BlobReader::new(
            digest.clone(),
            from,
            total_bytes,
            body.boxed(),
        ))
    }
}

/// Distribution specification, "Referrers Tag Schema".
fn fallback_tag(subject: &Digest) -> Option<Tag> {
    let hex: String = subject.hex().chars().take(64).collect();
    format!("{}-{hex}", subject.algorithm()).parse().ok()
}

/// A blob under way, which goes on where it was cut.
struct Download {
    remote: Arc<RemoteRegistry>,
    repository: RepositoryName,
    digest: Digest,
    /// The place of the next byte.
    at: u64,
    patience: Patience,
    answer: Option<RemoteBlob>,
}

impl Download {
    /// Asks for the rest, and says how long the whole is.
    async fn open(&mut self) -> Result<Option<u64>, SourceError> {
        loop {
            let asked = self.remote.blob(&self.repository, &self.digest, self.at);
            match asked.await {
                Ok(answer) => {
                    let total_bytes = answer.total_bytes;
                    self.answer = Some(answer);
                    return Ok(total_bytes);
                }
                Err(error) => self.endure(error).await?,
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        loop {
            let Some(answer) = &mut self.answer else {
                self.open().await?;
                continue;
            };
            match answer.body.next().await {
                None => return Ok(None),
                Some(Ok(mut bytes)) => {
                    // One that gives the whole, though a part was asked for.
                    let before = self.at.saturating_sub(answer.start);
                    let before = bytes
                        .len()
                        .min(usize::try_from(before).unwrap_or(usize::MAX));
                    answer.start += bytes.len() as u64;
                    let _ = bytes.split_to(before);
                    if bytes.is_empty() {
                        continue;
                    }
                    self.at += bytes.len() as u64;
                    self.patience.progress();
                    return Ok(Some(bytes));
                }
                Some(Err(error)) => {
                    self.answer = None;
                    self.endure(error).await?;
                }
            }
        }
    }

    /// Waits until it may be asked again, or gives the error back.
    async fn endure(&mut self, error: RemoteError) -> Result<(), SourceError> {
        if error.transient() && self.patience.wait(error.retry_after()).await {
            Ok(())
        } else {
            Err(error.into())
        }
    }
}
