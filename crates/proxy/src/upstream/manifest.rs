use std::time::Duration;

use berth_oci::{Algorithm, Digest, InvalidDigest, MediaType, Reference, RepositoryName};
use berth_registry::sentence;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use tokio::time::Instant;

use super::Upstream;
use super::body::read_at_most;
use super::counts::Operation;
use super::error::{Asked, Nonsense, UpstreamError};
use super::link::Ask;

/// Registries take 4 MiB; twice that is no manifest any more.
pub(super) const MANIFEST_BYTES: u64 = 8 << 20;

/// What a registry says that a manifest is.
#[derive(Debug)]
pub(crate) struct Described {
    pub digest: Digest,
    /// The manifest itself, where that had to be asked for to know.
    pub manifest: Option<FetchedManifest>,
}

/// A manifest as it came, with the digest that its bytes have.
#[derive(Clone, Debug)]
pub(crate) struct FetchedManifest {
    pub digest: Digest,
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

impl Upstream {
    /// What a manifest is. A registry that does not say its digest, or takes no HEAD, is asked for
    /// the manifest, which it may count as a pull.
    pub(crate) async fn describe_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        deadline: Duration,
    ) -> Result<Described, UpstreamError> {
        let deadline = Instant::now() + deadline;
        let repository = self.name_there(repository);
        let ask = self.manifest_ask(&repository, reference, Method::HEAD, deadline);
        match self.ask(&repository, &ask).await {
            Ok(given) => {
                let headers = given.response.headers();
                if let Some(digest) = described_digest(headers, reference, &given.asked)? {
                    return Ok(Described {
                        digest,
                        manifest: None,
                    });
                }
            }
            Err(UpstreamError::Unsupported { .. }) => {}
            Err(error) => return Err(error),
        }
        let manifest = self.fetch(&repository, reference, deadline).await?;
        Ok(Described {
            digest: manifest.digest.clone(),
            manifest: Some(manifest),
        })
    }

    /// A manifest whose bytes are proved: by the digest that is asked for, or the one that the
    /// registry gives.
    pub(crate) async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        deadline: Duration,
    ) -> Result<FetchedManifest, UpstreamError> {
        let deadline = Instant::now() + deadline;
        let repository = self.name_there(repository);
        self.fetch(&repository, reference, deadline).await
    }

    pub(super) async fn fetch(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        deadline: Instant,
    ) -> Result<FetchedManifest, UpstreamError> {
        let ask = self.manifest_ask(repository, reference, Method::GET, deadline);
        let given = self.ask(repository, &ask).await?;
        let asked = given.asked.clone();
        let told = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(_) => told_digest(given.response.headers(), &asked)?,
        };
        let content_type = content_type(given.response.headers()).map(str::to_owned);
        let bytes = read_at_most(given, MANIFEST_BYTES, deadline).await?;
        self.link.counts.bytes(bytes.len());
        let algorithm = told.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = Digest::of(algorithm, &bytes);
        match told {
            // Its digest leaves out the signatures that its bytes have.
            Some(told) if told != digest && schema1(content_type.as_deref()) => {
                Err(UpstreamError::Invalid {
                    asked,
                    nonsense: Nonsense::Schema1,
                })
            }
            Some(told) if told != digest => Err(mismatch(&asked, &told, &digest)),
            Some(_) | None => Ok(FetchedManifest {
                digest,
                content_type,
                bytes,
            }),
        }
    }

    fn manifest_ask(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        method: Method,
        deadline: Instant,
    ) -> Ask {
        let url = self.url(repository, &format!("manifests/{reference}"));
        let asked = Asked::new(&url, sentence!("manifest {reference} of {repository}"));
        let mut headers = HeaderMap::new();
        for media_type in [
            MediaType::OCI_INDEX,
            MediaType::OCI_MANIFEST,
            MediaType::DOCKER_LIST,
            MediaType::DOCKER_MANIFEST,
        ] {
            headers.append(ACCEPT, HeaderValue::from_static(media_type));
        }
        Ask {
            operation: Operation::Manifest,
            method,
            url,
            headers,
            asked,
            deadline,
        }
    }
}

/// The digest that the answer to a HEAD is about, if that can be told without the bytes.
fn described_digest(
    headers: &HeaderMap,
    reference: &Reference,
    asked: &Asked,
) -> Result<Option<Digest>, UpstreamError> {
    let told = told_digest(headers, asked)?;
    let Reference::Digest(digest) = reference else {
        return Ok(told);
    };
    match told {
        // A registry may know one manifest by the digests of several algorithms.
        Some(told) if told.algorithm() == digest.algorithm() && told != *digest => {
            Err(mismatch(asked, digest, &told))
        }
        Some(_) | None => Ok(Some(digest.clone())),
    }
}

fn told_digest(headers: &HeaderMap, asked: &Asked) -> Result<Option<Digest>, UpstreamError> {
    let invalid = || UpstreamError::Invalid {
        asked: asked.clone(),
        nonsense: Nonsense::DigestHeader,
    };
    let Some(value) = headers.get("docker-content-digest") else {
        return Ok(None);
    };
    match value.to_str().map_err(|_| invalid())?.parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(InvalidDigest::UnknownAlgorithm(_)) => Ok(None),
        Err(InvalidDigest::NoColon | InvalidDigest::Length { .. } | InvalidDigest::NotLowerHex) => {
            Err(invalid())
        }
    }
}

fn schema1(content_type: Option<&str>) -> bool {
    let media_type = content_type.and_then(|text| text.parse::<MediaType>().ok());
    media_type.is_some_and(|media_type| media_type.schema1())
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn mismatch(asked: &Asked, expected: &Digest, actual: &Digest) -> UpstreamError {
    UpstreamError::Invalid {
        asked: asked.clone(),
        nonsense: Nonsense::DigestMismatch {
            expected: expected.to_string(),
            actual: actual.to_string(),
        },
    }
}
