use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Digest, ProjectName, Reference, RepositoryName, Tag};
use berth_registry::SystemClock;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::Url;

use crate::settings::{Capabilities, Credentials, Profile, UpstreamSettings, WarmSettings};
use crate::upstream::{BlobRange, OpenUpstreamError, Upstream, UpstreamError};

const MANIFEST: Duration = Duration::from_secs(60);

/// A registry that is read from its first repository to its last, and of which nothing is cached.
pub struct RemoteRegistry(Upstream);

#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Scheme, host, port, and a path before `/v2/` if it has one.
    pub url: Url,
    pub credentials: Credentials,
    /// PEM file with authorities that are believed beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Hosts beyond its own that a redirection or a token service may lead to.
    pub allow_hosts: Vec<String>,
}

/// A manifest whose bytes have the digest that was asked for.
#[derive(Clone, Debug)]
pub struct RemoteManifest {
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

/// The bytes of a blob, of which nothing is proved.
pub struct RemoteBlob {
    /// The place of the first byte: 0 where the registry gives the whole though a part was asked for.
    pub start: u64,
    pub total_bytes: Option<u64>,
    pub body: BoxStream<'static, Result<Bytes, RemoteError>>,
}

/// Why the registry gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct RemoteError(UpstreamError);

impl RemoteError {
    /// Whether the registry says that it has no such thing.
    pub fn missing(&self) -> bool {
        matches!(self.0, UpstreamError::NotFound { .. })
    }

    /// Whether it does not give, or do, such a thing with these credentials.
    pub fn refused(&self) -> bool {
        matches!(
            self.0,
            UpstreamError::NotFound { .. }
                | UpstreamError::Forbidden { .. }
                | UpstreamError::Unauthorized { .. }
                | UpstreamError::Unsupported { .. }
        )
    }

    /// Whether it does not know what it was asked to do.
    pub fn unsupported(&self) -> bool {
        matches!(self.0, UpstreamError::Unsupported { .. })
    }

    /// Whether the same request may be answered in a while.
    pub fn transient(&self) -> bool {
        match self.0 {
            UpstreamError::Unreachable { .. }
            | UpstreamError::Timeout { .. }
            | UpstreamError::Stalled { .. }
            | UpstreamError::Cut { .. }
            | UpstreamError::TooManyRequests { .. }
            | UpstreamError::Server { .. }
            | UpstreamError::ExpiredUrl { .. } => true,
            UpstreamError::Offline { .. }
            | UpstreamError::Unauthorized { .. }
            | UpstreamError::Forbidden { .. }
            | UpstreamError::NotFound { .. }
            | UpstreamError::Unsupported { .. }
            | UpstreamError::Refused { .. }
            | UpstreamError::Invalid { .. } => false,
        }
    }

    /// How long it wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.0 {
            UpstreamError::TooManyRequests { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

impl RemoteRegistry {
    pub fn new(settings: RemoteSettings) -> Result<Self, OpenUpstreamError> {
        let host = settings.url.host_str().unwrap_or_default().to_owned();
        let profile = Profile::of_host(&host);
        // docker.io is what Docker Hub is called, and not where it is asked.
        let elsewhere = profile.url().and_then(|url| url.parse().ok());
        // Messages call it by its host, if that can be a name.
        let named = |text: &str| text.parse::<ProjectName>();
        let name = named(&host).or_else(|_| named("source"));
        let settings = UpstreamSettings {
            name: name.expect("a word is a name"),
            profile,
            registry: host,
            url: elsewhere.unwrap_or(settings.url),
            credentials: settings.credentials,
            order: 0,
            capabilities: Capabilities::ALL,
            proxy: None,
            ca_file: settings.ca_file,
            allow_hosts: settings.allow_hosts,
            allow: Vec::new(),
            deny: Vec::new(),
            bytes_per_second: None,
            fresh: Duration::ZERO,
            immutable_tags: Vec::new(),
            stale: Duration::ZERO,
            offline: false,
            public: false,
            warm: WarmSettings {
                images: Vec::new(),
                platforms: Vec::new(),
                every: Duration::ZERO,
            },
        };
        Upstream::new(settings, Arc::new(SystemClock)).map(Self)
    }

    /// The names of all repositories that the credentials show, as the registry writes them.
    pub async fn repositories(&self) -> Result<Vec<String>, RemoteError> {
        match self.0.catalog().await.map_err(RemoteError) {
            Err(error) if error.refused() => {
                // What its catalog said says more than that it is no Harbor.
                self.0.harbor_catalog().await.map_err(|_| error)
            }
            names => names,
        }
    }

    pub async fn tags(&self, repository: &RepositoryName) -> Result<Vec<Tag>, RemoteError> {
        self.0.all_tags(repository).await.map_err(RemoteError)
    }

    /// The digest that a tag points at.
    pub async fn resolve(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Digest, RemoteError> {
        let reference = Reference::Tag(tag.clone());
        let described = self.0.describe_manifest(repository, &reference, MANIFEST);
        Ok(described.await.map_err(RemoteError)?.digest)
    }

    pub async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<RemoteManifest, RemoteError> {
        let reference = Reference::Digest(digest.clone());
        let fetched = self.0.manifest(repository, &reference, MANIFEST).await;
        let fetched = fetched.map_err(RemoteError)?;
        Ok(RemoteManifest {
            content_type: fetched.content_type,
            bytes: fetched.bytes,
        })
    }

    /// The digests of what refers to a manifest; `None` where there is no referrers API.
    pub async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<Option<Vec<Digest>>, RemoteError> {
        let found = self.0.all_referrers(repository, subject).await;
        let digests = found.map_err(RemoteError)?.map(|descriptors| {
            let digests = descriptors.iter().map(|found| found.digest().to_string());
            digests.filter_map(|text| text.parse().ok()).collect()
        });
        Ok(digests)
    }

    /// A blob from one of its bytes on.
    pub async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: u64,
    ) -> Result<RemoteBlob, RemoteError> {
        let range = BlobRange { from, to: None };
        let answer = self.0.blob(repository, digest, range).await;
        let answer = answer.map_err(RemoteError)?;
        Ok(RemoteBlob {
            start: answer.start,
            total_bytes: answer.total_bytes,
            body: answer.body.map(|piece| piece.map_err(RemoteError)).boxed(),
        })
    }
}
