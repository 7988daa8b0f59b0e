//! An image as the engine shows it, and the parts of a reference.

use berth_oci::Digest;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Image {
    pub(super) id: String,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    pub(super) config: Option<Map<String, Value>>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default)]
    manifests: Option<Vec<Manifest>>,
}

/// One manifest of an image that has several, as newer engines keep them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default)]
    available: bool,
    #[serde(default)]
    kind: String,
}

/// What Compose takes for the content of an image, in the label `com.docker.compose.image`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentId {
    /// The id of the image: before Compose 5.5, and with an engine before API 1.48.
    Image,
    /// The digest of the manifest of the platform.
    Manifest,
}

impl Image {
    /// By which digests the image is known in a repository.
    pub(super) fn digests(&self, repository: &str) -> Vec<Digest> {
        let all = self.repo_digests.iter().flatten();
        all.filter_map(|name| name.split_once('@'))
            .filter(|(name, _)| *name == repository)
            .filter_map(|(_, digest)| digest.parse().ok())
            .collect()
    }

    /// `linux/arm64/v8`
    pub(super) fn platform(&self) -> String {
        let mut platform = format!("{}/{}", self.os, self.architecture);
        if !self.variant.is_empty() {
            platform = format!("{platform}/{}", self.variant);
        }
        platform
    }

    /// Which kind of id this is, of this image. One that is neither is of an image that is gone, and
    /// [`ContentId::Image`] is what all engines have.
    pub(super) fn kind_of(&self, content: &str) -> ContentId {
        match self.manifest() {
            Some(manifest) if manifest == content && self.id != content => ContentId::Manifest,
            _ => ContentId::Image,
        }
    }

    pub(super) fn content(&self, kind: ContentId) -> &str {
        match kind {
            ContentId::Image => &self.id,
            ContentId::Manifest => self.manifest().unwrap_or(&self.id),
        }
    }

    fn manifest(&self) -> Option<&str> {
        let mut images = self.manifests.iter().flatten();
        images
            .find(|it| it.available && it.kind == "image")
            .map(|it| it.id.as_str())
    }
}

/// The repository of a reference, with its host: `registry:5000/shop/web` of
/// `registry:5000/shop/web:live`.
pub(super) fn repository(reference: &str) -> &str {
    let name = reference
        .split_once('@')
        .map_or(reference, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}
