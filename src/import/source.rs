use std::collections::HashMap;
use std::time::Duration;

use berth_oci::{Digest, RepositoryName, Tag};
use berth_proxy::RemoteError;
use bytes::Bytes;

mod folder;
mod kind;
mod reader;
mod registry;

pub(crate) use folder::{Folder, FolderError};
pub(super) use reader::BlobReader;
pub(crate) use registry::RegistrySource;

use super::patience::Trouble;

/// Where images come from.
pub(crate) enum Source {
    Folder(Folder),
    Registry(RegistrySource),
}

/// What a repository of a source has, as far as it can be listed.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In order.
    pub(super) tags: Vec<Tag>,
    /// All manifests. Of a folder only: no registry lists them.
    pub(super) revisions: Vec<Digest>,
    /// What refers to a manifest. Of a folder only: a registry is asked for it.
    referrers: HashMap<Digest, Vec<Digest>>,
}

/// A manifest whose bytes have the digest that was asked for.
pub(super) struct SourceManifest {
    pub(super) media_type: Option<String>,
    pub(super) bytes: Bytes,
}

impl Source {
    /// The names of all repositories, as the source writes them.
    pub(super) async fn repositories(&self) -> Result<Vec<String>, SourceError> {
        match self {
            Self::Folder(folder) => Ok(folder.repositories().await?),
            Self::Registry(registry) => registry.repositories().await,
        }
    }

    pub(super) async fn list(&self, repository: &RepositoryName) -> Result<Listing, SourceError> {
        match self {
            Self::Folder(folder) => Ok(folder.list(repository).await?),
            Self::Registry(registry) => registry.list(repository).await,
        }
    }

    pub(super) async fn resolve(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Digest, SourceError> {
        match self {
            Self::Folder(folder) => Ok(folder.resolve(repository, tag).await?),
            Self::Registry(registry) => registry.resolve(repository, tag).await,
        }
    }

    pub(super) async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<SourceManifest, SourceError> {
        match self {
            Self::Folder(folder) => Ok(folder.manifest(repository, digest).await?),
            Self::Registry(registry) => registry.manifest(repository, digest).await,
        }
    }

    /// What refers to a manifest; `listing` is that of the repository.
    pub(super) async fn referrers(
        &self,
        repository: &RepositoryName,
        listing: &Listing,
        subject: &Digest,
    ) -> Result<Vec<Digest>, SourceError> {
        match self {
            Self::Folder(_) => Ok(listing.referrers.get(subject).cloned().unwrap_or_default()),
            Self::Registry(registry) => {
                registry.referrers(repository, &listing.tags, subject).await
            }
        }
    }

    /// A blob from one of its bytes on.
    pub(super) async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: u64,
    ) -> Result<BlobReader, SourceError> {
        match self {
            Self::Folder(folder) => folder.blob(digest, from).await,
            Self::Registry(registry) => registry.blob(repository, digest, from).await,
        }
    }
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(transparent)]
    Registry(#[from] RemoteError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the source ends {digest} after {actual} bytes of {expected}")]
    Short {
        digest: Digest,
        expected: u64,
        actual: u64,
    },
}

impl SourceError {
    pub(super) fn missing(&self) -> bool {
        match self {
            Self::Registry(error) => error.missing(),
            Self::Folder(error) => error.missing(),
            Self::Short { .. } => false,
        }
    }
}

impl Trouble for SourceError {
    fn transient(&self) -> bool {
        match self {
            Self::Registry(error) => error.transient(),
            Self::Folder(_) | Self::Short { .. } => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Registry(error) => error.retry_after(),
            Self::Folder(_) | Self::Short { .. } => None,
        }
    }
}
