use std::collections::{BTreeMap, HashSet};

use berth_oci::{Digest, Reference, RepositoryName};
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use self::config::ImageConfig;
use self::document::Document;
use super::images::{ImageSummary, summaries};
use crate::browse::SourceError;
use crate::damage;
use crate::db::blobs::{BlobRow, LinkedBlob};
use crate::db::{self, DbError};
use crate::registry::Registry;

mod config;
mod document;

pub use config::is_image_config;

/// The largest config that is read: as large as a manifest can be.
const CONFIG_BYTES: u64 = 4 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDetail {
    pub summary: ImageSummary,
    pub annotations: BTreeMap<String, String>,
    pub subject: Option<Digest>,
    pub content: Content,
    /// The manifest as it was pushed.
    pub bytes: Bytes,
}

/// What a manifest names, by what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Image(Box<ImageParts>),
    Index(Vec<Child>),
}

/// A config and layers, and what the config says if it is that of an image, is here and can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageParts {
    pub config: Descriptor,
    pub layers: Vec<Layer>,
    pub platform: Option<Platform>,
    /// RFC 3339, as whoever built the image wrote it.
    pub created: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    pub env: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub digest: Digest,
    pub media_type: String,
    pub size_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub descriptor: Descriptor,
    /// The command that made it, where the config has as many that made a layer as there are layers.
    pub created_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// An entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub descriptor: Descriptor,
    pub platform: Option<Platform>,
    /// Whether the repository has it.
    pub present: bool,
    /// BuildKit's statement about another entry, which is no image.
    pub attestation: bool,
    pub annotations: BTreeMap<String, String>,
}

impl Registry {
    /// A manifest with all that is known of it. A config that is damaged or of another kind is no
    /// error; what it would say is left out.
    pub async fn browse_image(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<ImageDetail>, SourceError> {
        let mut connection = self.db.read().await?;
        let Some((manifest, bytes)) =
            db::manifests::read(&mut connection, repository, reference).await?
        else {
            return Ok(None);
        };
        let Some(row) = db::browse::images::find(&mut connection, manifest.id).await? else {
            return Ok(None);
        };
        let rows = vec![row];
        let found = summaries(&mut connection, manifest.repository_id, rows).await?;
        let present = db::browse::images::present(&mut connection, manifest.id).await?;
        // The store may be slow, and readers are few.
        drop(connection);
        let document = Document::read(&bytes)?;
        let subject = document.subject()?;
        let content = match &document.config {
            Some(config) => {
                let config = document::descriptor(config)?;
                let parts = self.parts(repository, config, document.layers()?).await?;
                Content::Image(Box::new(parts))
            }
            None => Content::Index(document.children(&present)?),
        };
        Ok(found.into_iter().next().map(|summary| ImageDetail {
            summary,
            annotations: document.annotations.unwrap_or_default(),
            subject,
            content,
            bytes: bytes.into(),
        }))
    }

    async fn parts(
        &self,
        repository: &RepositoryName,
        config: Descriptor,
        layers: Vec<Descriptor>,
    ) -> Result<ImageParts, SourceError> {
        let read = self.config(repository, &config).await?.unwrap_or_default();
        Ok(ImageParts {
            platform: read.platform(),
            layers: read.made(layers),
            config,
            created: read.created,
            labels: read.config.labels,
            env: read.config.env,
            entrypoint: read.config.entrypoint,
            cmd: read.config.cmd,
        })
    }

    async fn config(
        &self,
        repository: &RepositoryName,
        descriptor: &Descriptor,
    ) -> Result<Option<ImageConfig>, SourceError> {
        if !config::is_image_config(&descriptor.media_type) {
            return Ok(None);
        }
        let found = {
            let mut connection = self.db.read().await?;
            db::blobs::find_in_repository(&mut connection, repository, &descriptor.digest).await?
        };
        match found {
            Some(LinkedBlob { blob, .. }) => self.read_config(&descriptor.digest, &blob).await,
            None => Ok(None),
        }
    }

    /// What the config of an image says, unless its bytes are too many, or no config, or gone. They are
    /// read past the source, which would count a pull.
    pub(super) async fn read_config(
        &self,
        digest: &Digest,
        blob: &BlobRow,
    ) -> Result<Option<ImageConfig>, SourceError> {
        if blob.size_bytes > CONFIG_BYTES {
            return Ok(None);
        }
        let read = async {
            let pieces = self.store.read(&blob.key, 0..blob.size_bytes).await?;
            let joined = pieces.try_fold(Vec::new(), |mut bytes, piece| async move {
                bytes.extend_from_slice(&piece);
                Ok(bytes)
            });
            joined.await
        };
        match read.await {
            // Bytes that have changed on the disk say nothing; whoever pulls them notes the damage.
            Ok(bytes) => {
                let right = Digest::of(digest.algorithm(), &bytes) == *digest;
                Ok(right.then(|| config::read(&bytes)).flatten())
            }
            Err(error) => {
                let now = self.clock.now();
                if damage::note(&self.db, &*self.store, digest, blob, &error, now).await? {
                    Ok(None)
                } else {
                    Err(error.into())
                }
            }
        }
    }
}

/// What says on what the image of a manifest runs.
pub(super) enum RunsOn {
    /// The manifest: none if it is no image.
    These(Vec<Platform>),
    /// Its config.
    Config(Digest),
}

pub(super) fn runs_on(manifest: &[u8]) -> Result<RunsOn, DbError> {
    let document = Document::read(manifest)?;
    let Some(config) = &document.config else {
        let children = document.children(&HashSet::new())?.into_iter();
        let images = children.filter(|child| !child.attestation);
        return Ok(RunsOn::These(
            images.filter_map(|child| child.platform).collect(),
        ));
    };
    let config = document::descriptor(config)?;
    Ok(if config::is_image_config(&config.media_type) {
        RunsOn::Config(config.digest)
    } else {
        RunsOn::These(Vec::new())
    })
}

#[cfg(test)]
mod tests;
