use std::collections::{BTreeMap, HashSet};

use berth_oci::Digest;
use oci_spec::image::Descriptor as OciDescriptor;
use serde::Deserialize;

use super::{Child, Descriptor, Platform};
use crate::db::{DbError, checked};

/// What an entry of an index is, where BuildKit wrote it.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const ATTESTATION: &str = "attestation-manifest";

/// A manifest of any kind. It was checked when it was pushed.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) config: Option<OciDescriptor>,
    layers: Option<Vec<OciDescriptor>>,
    manifests: Option<Vec<OciDescriptor>>,
    subject: Option<OciDescriptor>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

impl Document {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DbError> {
        serde_json::from_slice(bytes).map_err(|_| DbError::Inconsistent {
            value: String::from_utf8_lossy(&bytes[..bytes.len().min(64)]).into_owned(),
            expected: "a manifest",
        })
    }

    pub(super) fn subject(&self) -> Result<Option<Digest>, DbError> {
        self.subject.as_ref().map(digest).transpose()
    }

    pub(super) fn layers(&self) -> Result<Vec<Descriptor>, DbError> {
        self.layers.iter().flatten().map(descriptor).collect()
    }

    /// The entries of an index, of which those with a digest in `present` are here.
    pub(super) fn children(&self, present: &HashSet<String>) -> Result<Vec<Child>, DbError> {
        let child = |entry: &OciDescriptor| {
            let descriptor = descriptor(entry)?;
            let annotations = entry.annotations().clone().unwrap_or_default();
            Ok(Child {
                platform: entry.platform().as_ref().map(|platform| Platform {
                    os: platform.os().to_string(),
                    architecture: platform.architecture().to_string(),
                    variant: platform.variant().clone(),
                }),
                present: present.contains(descriptor.digest.as_str()),
                attestation: annotations
                    .get(REFERENCE_TYPE)
                    .is_some_and(|kind| kind == ATTESTATION),
                annotations: annotations.into_iter().collect(),
                descriptor,
            })
        };
        self.manifests.iter().flatten().map(child).collect()
    }
}

pub(super) fn descriptor(descriptor: &OciDescriptor) -> Result<Descriptor, DbError> {
    Ok(Descriptor {
        digest: digest(descriptor)?,
        media_type: descriptor.media_type().to_string(),
        size_bytes: descriptor.size(),
    })
}

fn digest(descriptor: &OciDescriptor) -> Result<Digest, DbError> {
    checked(descriptor.digest().to_string(), "a digest")
}
