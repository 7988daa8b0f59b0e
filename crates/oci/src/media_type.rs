use std::fmt;
use std::str::FromStr;

/// Longest type or subtype name (RFC 6838, section 4.2), so at most 255 bytes with the slash.
const PART_BYTES: usize = 127;

/// A media type without parameters, as RFC 6838 section 4.2 writes it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MediaType(Box<str>);

impl MediaType {
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
    pub const DOCKER_SCHEMA1_SIGNED: &str =
        "application/vnd.docker.distribution.manifest.v1+prettyjws";

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A manifest that names a config and layers.
    pub fn image(&self) -> bool {
        matches!(&*self.0, Self::OCI_MANIFEST | Self::DOCKER_MANIFEST)
    }

    /// A manifest that names other manifests.
    pub fn index(&self) -> bool {
        matches!(&*self.0, Self::OCI_INDEX | Self::DOCKER_LIST)
    }

    /// Docker's manifest version 1, which no current client can pull.
    pub fn schema1(&self) -> bool {
        matches!(&*self.0, Self::DOCKER_SCHEMA1 | Self::DOCKER_SCHEMA1_SIGNED)
    }

    /// A layer that a client may not push, since its licence forbids to hand it on. Image
    /// specification, "Non-distributable layers"; Docker calls such a layer foreign.
    pub fn non_distributable(&self) -> bool {
        self.0
            .starts_with("application/vnd.oci.image.layer.nondistributable.")
            || self
                .0
                .starts_with("application/vnd.docker.image.rootfs.foreign.")
    }
}

impl FromStr for MediaType {
    type Err = InvalidMediaType;

    /// Reads a `Content-Type` or a `mediaType` member, and leaves parameters such as `charset` out.
    fn from_str(text: &str) -> Result<Self, InvalidMediaType> {
        let essence = text
            .split_once(';')
            .map_or(text, |(essence, _)| essence)
            .trim();
        let valid = essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| restricted_name(kind) && restricted_name(subtype));
        if valid {
            Ok(Self(essence.into()))
        } else {
            Err(InvalidMediaType(text.chars().take(256).collect()))
        }
    }
}

fn restricted_name(text: &str) -> bool {
    text.len() <= PART_BYTES
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a media type")]
pub struct InvalidMediaType(String);
