use std::collections::BTreeMap;
use std::fmt;

use axum::extract::State;
use axum::http::StatusCode;
use berth_oci::Reference;
use berth_registry::auth::Action;
use berth_registry::browse::{
    Child as BrowsedChild, Content, Descriptor as Browsed, ImageDetail, ImageParts, ImageSummary,
    Layer as BrowsedLayer, Platform as BrowsedPlatform, ReferrerSummary, SourceError,
};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::names::{ImageDigestPath, ImagePath, Named, RepositoryPath};
use super::problem::{Problem, Refusals};
use super::repositories::{absent, require};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// A manifest: of an image, an index or an artifact.
#[derive(Serialize, ToSchema)]
pub(crate) struct Image {
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    /// Of the manifest and what it names
    pub(crate) size_bytes: u64,
    #[schema(format = DateTime)]
    pub(crate) pushed_at: String,
    pub(crate) pushed_by: Option<String>,
    pub(crate) pulls: u64,
    #[schema(format = DateTime)]
    pub(crate) last_pulled_at: Option<String>,
    /// The first hundred
    pub(crate) tags: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ImageWithParts {
    #[serde(flatten)]
    pub(crate) image: Image,
    pub(crate) annotations: BTreeMap<String, String>,
    /// The digest that this refers to
    #[schema(value_type = Option<texts::Digest>)]
    pub(crate) subject: Option<String>,
    pub(crate) config: Option<Descriptor>,
    pub(crate) platform: Option<Platform>,
    pub(crate) created: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) env: Vec<String>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) layers: Vec<Layer>,
    /// Of an index
    pub(crate) children: Vec<Child>,
    /// The manifest as it was pushed
    #[schema(value_type = Object)]
    pub(crate) manifest: Box<RawValue>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Descriptor {
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) size_bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) variant: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Layer {
    #[serde(flatten)]
    pub(crate) descriptor: Descriptor,
    /// The command that made it
    pub(crate) created_by: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Child {
    #[serde(flatten)]
    pub(crate) descriptor: Descriptor,
    pub(crate) platform: Option<Platform>,
    /// Whether the repository has it
    pub(crate) present: bool,
    /// Whether it says something of another child
    pub(crate) attestation: bool,
}

/// A manifest that refers to another one: a signature, an SBOM, an attestation.
#[derive(Serialize, ToSchema)]
#[schema(as = Referrer)]
pub(crate) struct ReferrerOf {
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) size_bytes: u64,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Which referrers are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this type
    pub(crate) artifact_type: Option<String>,
}

/// The manifests of a repository, newest push first, with and without tags
#[utoipa::path(get, path = "/api/v1/repositories/{repository}/images", tag = "images",
    params(RepositoryPath, PageQuery), responses((status = 200, body = List<Image>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RepositoryPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Image>>, Problem> {
    let (repository, limit) = (path.repository()?, page.limit()?);
    require(&console, &signed, Action::Pull, &repository).await?;
    let images = console
        .registry
        .browse_images(&repository, page.cursor()?, limit)
        .await?;
    let images = images.ok_or_else(|| absent(&repository))?;
    let next = images.next.map(|place| place.to_string());
    let items = images.items.into_iter().map(Image::from).collect();
    Ok(Document(List::new(items, next)))
}

/// An image with its parts
#[utoipa::path(get, path = "/api/v1/repositories/{repository}/images/{reference}", tag = "images",
    params(ImagePath), responses((status = 200, body = ImageWithParts), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ImagePath>,
) -> Result<Document<ImageWithParts>, Problem> {
    let (repository, reference) = (path.repository()?, path.reference()?);
    require(&console, &signed, Action::Pull, &repository).await?;
    let image = console
        .registry
        .browse_image(&repository, &reference)
        .await?;
    let image = image.ok_or_else(|| Problem::absent(sentence!("{reference} in {repository}")))?;
    ImageWithParts::of(image).map(Document)
}

/// Remove an image by its digest, with every tag on it
#[utoipa::path(delete, path = "/api/v1/repositories/{repository}/images/{reference}",
    tag = "images", params(ImageDigestPath),
    responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ImageDigestPath>,
) -> Result<StatusCode, Problem> {
    let (repository, digest) = (path.repository()?, path.reference()?);
    require(&console, &signed, Action::Delete, &repository).await?;
    console
        .registry
        .delete_manifest(&repository, &Reference::Digest(digest), &signed.0.actor())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What refers to an image: signatures, SBOMs, attestations
#[utoipa::path(get, path = "/api/v1/repositories/{repository}/images/{reference}/referrers",
    tag = "images", params(ImagePath, Wanted, PageQuery),
    responses((status = 200, body = List<ReferrerOf>), Refusals))]
pub(crate) async fn referrers(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ImagePath>,
    Parameters(wanted): Parameters<Wanted>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<ReferrerOf>>, Problem> {
    let (repository, limit) = (path.repository()?, page.limit()?);
    let reference = path.reference()?;
    let after = page.cursor()?;
    require(&console, &signed, Action::Pull, &repository).await?;
    let subject = match reference {
        Reference::Digest(digest) => digest,
        Reference::Tag(tag) => {
            let found = console.registry.browse_tag(&repository, &tag).await?;
            found
                .ok_or_else(|| Problem::absent(sentence!("tag {repository}:{tag}")))?
                .digest
        }
    };
    let kind = wanted.artifact_type.as_deref();
    let found = console
        .registry
        .browse_referrers(&repository, &subject, kind, after, limit)
        .await?;
    let next = found.next.map(|next| next.to_string());
    let items = found.items.into_iter().map(ReferrerOf::from).collect();
    Ok(Document(List::new(items, next)))
}

impl From<ImageSummary> for Image {
    fn from(image: ImageSummary) -> Self {
        Self {
            digest: image.digest.to_string(),
            media_type: image.media_type.to_string(),
            artifact_type: image.artifact_type,
            size_bytes: image.size_bytes,
            pushed_at: time::text(image.pushed_at),
            pushed_by: image.pushed_by,
            pulls: image.pulls,
            last_pulled_at: image.last_pulled_at.map(time::text),
            tags: image.tags.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ImageWithParts {
    fn of(image: ImageDetail) -> Result<Self, Problem> {
        let (parts, children) = match image.content {
            Content::Image(parts) => (Some(*parts), Vec::new()),
            Content::Index(children) => (None, children),
        };
        let manifest: Box<RawValue> =
            serde_json::from_slice(&image.bytes).map_err(Problem::internal)?;
        let mut shown = Self {
            image: image.summary.into(),
            annotations: image.annotations,
            subject: image.subject.map(|digest| digest.to_string()),
            config: None,
            platform: None,
            created: None,
            labels: BTreeMap::new(),
            env: Vec::new(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            layers: Vec::new(),
            children: children.into_iter().map(Child::from).collect(),
            manifest,
        };
        if let Some(parts) = parts {
            shown.take(parts);
        }
        Ok(shown)
    }

    fn take(&mut self, parts: ImageParts) {
        self.config = Some(parts.config.into());
        self.platform = parts.platform.map(Platform::from);
        self.created = parts.created;
        self.labels = parts.labels.unwrap_or_default();
        self.env = parts.env.unwrap_or_default();
        self.entrypoint = parts.entrypoint.unwrap_or_default();
        self.cmd = parts.cmd.unwrap_or_default();
        self.layers = parts.layers.into_iter().map(Layer::from).collect();
    }
}

impl From<Browsed> for Descriptor {
    fn from(descriptor: Browsed) -> Self {
        Self {
            digest: descriptor.digest.to_string(),
            media_type: descriptor.media_type,
            size_bytes: descriptor.size_bytes,
        }
    }
}

impl From<BrowsedPlatform> for Platform {
    fn from(platform: BrowsedPlatform) -> Self {
        Self {
            os: platform.os,
            architecture: platform.architecture,
            variant: platform.variant,
        }
    }
}

/// As `docker pull --platform` takes it: `linux/arm64/v8`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl From<BrowsedLayer> for Layer {
    fn from(layer: BrowsedLayer) -> Self {
        Self {
            descriptor: layer.descriptor.into(),
            created_by: layer.created_by,
        }
    }
}

impl From<BrowsedChild> for Child {
    fn from(child: BrowsedChild) -> Self {
        Self {
            descriptor: child.descriptor.into(),
            platform: child.platform.map(Platform::from),
            present: child.present,
            attestation: child.attestation,
        }
    }
}

impl From<ReferrerSummary> for ReferrerOf {
    fn from(referrer: ReferrerSummary) -> Self {
        Self {
            digest: referrer.digest.to_string(),
            media_type: referrer.media_type,
            artifact_type: referrer.artifact_type,
            size_bytes: referrer.size_bytes,
            annotations: referrer.annotations,
        }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Db(error) => error.into(),
            error @ (SourceError::Store(_)
            | SourceError::Gone(_)
            | SourceError::Elsewhere { .. }) => Self::internal(error),
        }
    }
}
