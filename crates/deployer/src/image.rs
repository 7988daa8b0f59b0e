use std::fmt;
use std::str::FromStr;

use berth_oci::{RepositoryName, Tag};

/// An image as a service names it, if it can be one of this registry: with a host, a repository and
/// a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// With the port, if there is one.
    pub host: String,
    pub repository: RepositoryName,
    /// `latest` where none is named.
    pub tag: Tag,
}

/// Why an image can not be one of this registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoImageReference {
    #[error("it names no registry, so it is one of Docker Hub")]
    NoHost,
    #[error("it is pinned to a digest")]
    Digest,
    #[error("it is no name of an image")]
    Invalid,
}

impl FromStr for ImageReference {
    type Err = NoImageReference;

    /// Reads what a container was made from. A first component is a host if it has a dot or a colon,
    /// or is `localhost` (distribution/reference, `splitDockerDomain`).
    fn from_str(text: &str) -> Result<Self, NoImageReference> {
        if text.contains('@') {
            return Err(NoImageReference::Digest);
        }
        let (host, rest) = text.split_once('/').ok_or(NoImageReference::NoHost)?;
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(NoImageReference::NoHost);
        }
        let (repository, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
        Ok(Self {
            host: host.to_owned(),
            repository: repository.parse().map_err(|_| NoImageReference::Invalid)?,
            tag: tag.parse().map_err(|_| NoImageReference::Invalid)?,
        })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            repository,
            tag,
        } = self;
        write!(f, "{host}/{repository}:{tag}")
    }
}
