use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use oci_spec::image::Descriptor;
use serde::Deserialize;

use crate::{Digest, InvalidDigest, InvalidMediaType, MediaType};

/// Most descriptors in one manifest. An image has at most 127 layers and an index some dozens of
/// platforms; an index that older clients keep for referrers can be longer.
const DESCRIPTORS: usize = 10_000;

/// What the registry has to know of a manifest. The bytes themselves are stored and served as they
/// came, so fields that are not read here lose nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub media_type: MediaType,
    /// What a list of referrers shows: `artifactType`, or the media type of an image's config.
    pub artifact_type: Option<String>,
    pub subject: Option<Digest>,
    pub annotations: BTreeMap<String, String>,
    /// What it names, each digest once.
    pub edges: Vec<Edge>,
}

/// One thing that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    pub role: EdgeRole,
    pub digest: Digest,
    /// What the manifest says of it; nobody has compared that with the thing itself.
    pub size_bytes: u64,
}

/// What a thing is to the manifest that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeRole {
    /// The config of an image.
    Config,
    /// A layer of an image.
    Layer,
    /// A blob that need not be there: a non-distributable layer, or an entry of an index that is
    /// no manifest, as BuildKit writes for its cache.
    OptionalBlob,
    /// An entry of an index. It need not be there either: a sparse index is legal.
    Child,
}

impl EdgeRole {
    fn of(self, descriptor: &Descriptor) -> Result<Edge, InvalidManifest> {
        Ok(Edge {
            role: self,
            digest: digest_of(descriptor)?,
            size_bytes: descriptor.size(),
        })
    }
}

/// A manifest of any kind that is accepted; which members it must have follows from its media type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Checks the bytes of a manifest that came with `content_type`.
    ///
    /// Image specification, `manifest.md` and `image-index.md`; Docker's schema 2 and its list
    /// differ from them in media types only.
    pub fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, InvalidManifest> {
        let declared = content_type.map(str::parse::<MediaType>).transpose()?;
        if let Some(media_type) = declared.as_ref().filter(|media_type| media_type.schema1()) {
            return Err(InvalidManifest::Schema1(media_type.clone()));
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| InvalidManifest::Json(error.to_string()))?;
        let media_type = agreed_media_type(declared, document.media_type.as_deref())?;
        if document.schema_version != Some(2) {
            return Err(InvalidManifest::SchemaVersion);
        }
        // A document that is both an image and an index means different things to different
        // readers (CVE-2021-41190).
        let edges = if media_type.image() {
            if document.manifests.is_some() {
                return Err(InvalidManifest::Ambiguous {
                    media_type,
                    member: "manifests",
                });
            }
            let config = document
                .config
                .as_ref()
                .ok_or(InvalidManifest::Missing { member: "config" })?;
            image_edges(config, document.layers.as_deref().unwrap_or_default())?
        } else {
            if document.config.is_some() || document.layers.is_some() {
                let member = if document.config.is_some() {
                    "config"
                } else {
                    "layers"
                };
                return Err(InvalidManifest::Ambiguous { media_type, member });
            }
            index_edges(
                document
                    .manifests
                    .as_deref()
                    .ok_or(InvalidManifest::Missing {
                        member: "manifests",
                    })?,
            )?
        };
        let artifact_type = document
            .artifact_type
            .filter(|artifact_type| !artifact_type.is_empty())
            .or_else(|| {
                document
                    .config
                    .as_ref()
                    .map(|config| config.media_type().to_string())
            });
        if artifact_type
            .as_ref()
            .is_some_and(|text| text.chars().any(char::is_control))
        {
            return Err(InvalidManifest::ArtifactType);
        }
        Ok(Self {
            media_type,
            artifact_type,
            subject: document.subject.as_ref().map(digest_of).transpose()?,
            annotations: document.annotations.unwrap_or_default(),
            edges,
        })
    }
}

/// `Content-Type` must equal `mediaType` where both are there (distribution specification,
/// "Pushing manifests"); OCI documents of older tools lack the member.
fn agreed_media_type(
    declared: Option<MediaType>,
    member: Option<&str>,
) -> Result<MediaType, InvalidManifest> {
    let member = member
        .filter(|text| !text.is_empty())
        .map(str::parse::<MediaType>)
        .transpose()?;
    let media_type = match (declared, member) {
        (Some(declared), Some(member)) if declared != member => {
            return Err(InvalidManifest::Mismatch { declared, member });
        }
        (Some(media_type), _) | (None, Some(media_type)) => media_type,
        (None, None) => return Err(InvalidManifest::NoMediaType),
    };
    if media_type.image() || media_type.index() {
        Ok(media_type)
    } else {
        Err(InvalidManifest::NotAManifest(media_type))
    }
}

fn image_edges(config: &Descriptor, layers: &[Descriptor]) -> Result<Vec<Edge>, InvalidManifest> {
    check_count(layers.len() + 1)?;
    let mut edges = Edges::default();
    edges.add(EdgeRole::Config.of(config)?);
    for layer in layers {
        let role = if media_type_of(layer)?.non_distributable() {
            EdgeRole::OptionalBlob
        } else {
            EdgeRole::Layer
        };
        edges.add(role.of(layer)?);
    }
    Ok(edges.list)
}

fn index_edges(entries: &[Descriptor]) -> Result<Vec<Edge>, InvalidManifest> {
    check_count(entries.len())?;
    let mut edges = Edges::default();
    for entry in entries {
        let media_type = media_type_of(entry)?;
        let role = if media_type.image() || media_type.index() {
            EdgeRole::Child
        } else {
            EdgeRole::OptionalBlob
        };
        edges.add(role.of(entry)?);
    }
    Ok(edges.list)
}

/// Collects what a manifest names. A digest that is named twice, such as the empty blob that is both
/// config and layer of an artifact, counts once, as what asks for more.
#[derive(Default)]
struct Edges {
    list: Vec<Edge>,
    places: HashMap<Digest, usize>,
}

impl Edges {
    fn add(&mut self, edge: Edge) {
        match self.places.entry(edge.digest.clone()) {
            Entry::Vacant(place) => {
                place.insert(self.list.len());
                self.list.push(edge);
            }
            Entry::Occupied(place) => {
                let known = &mut self.list[*place.get()];
                if known.role == EdgeRole::OptionalBlob {
                    *known = edge;
                }
            }
        }
    }
}

fn check_count(count: usize) -> Result<(), InvalidManifest> {
    if count > DESCRIPTORS {
        Err(InvalidManifest::TooManyDescriptors { count })
    } else {
        Ok(())
    }
}

fn media_type_of(descriptor: &Descriptor) -> Result<MediaType, InvalidManifest> {
    Ok(descriptor.media_type().to_string().parse()?)
}

fn digest_of(descriptor: &Descriptor) -> Result<Digest, InvalidManifest> {
    let text = descriptor.digest().to_string();
    text.parse()
        .map_err(|source| InvalidManifest::Digest { text, source })
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    #[error("the manifest can not be read: {0}")]
    Json(String),
    #[error(transparent)]
    MediaType(#[from] InvalidMediaType),
    #[error("the manifest came without a Content-Type and has no mediaType either")]
    NoMediaType,
    #[error("Content-Type is {declared}, but mediaType in the manifest is {member}")]
    Mismatch {
        declared: MediaType,
        member: MediaType,
    },
    #[error(
        "{0} is Docker's manifest version 1, which clients can no longer pull: push version 2 or OCI"
    )]
    Schema1(MediaType),
    #[error(
        "{0} is not the media type of a manifest: use OCI's image manifest or index, or Docker's manifest or list of version 2"
    )]
    NotAManifest(MediaType),
    #[error("artifactType, or the media type of the config, holds a control character")]
    ArtifactType,
    #[error("schemaVersion must be 2")]
    SchemaVersion,
    #[error("the manifest has no `{member}`")]
    Missing { member: &'static str },
    #[error("a manifest of type {media_type} can not have `{member}`")]
    Ambiguous {
        media_type: MediaType,
        member: &'static str,
    },
    #[error("the manifest names {count} things, and {DESCRIPTORS} is the most")]
    TooManyDescriptors { count: usize },
    #[error("the manifest names `{text}`: {source}")]
    Digest { text: String, source: InvalidDigest },
}

#[cfg(test)]
mod tests;
