use http::Method;
use percent_encoding::percent_decode_str;

use self::query::{Query, algorithm_parameter, parameters};
use crate::{
    Algorithm, Digest, ErrorCode, InvalidDigest, InvalidName, InvalidReference, InvalidTag,
    InvalidUploadId, ProjectName, Reference, RepositoryName, Tag, UploadId,
};

mod query;

pub use query::Page;

/// One operation of the distribution specification, with every name in it already valid.
///
/// The numbers are those of the specification's table of end-points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// end-1
    Version,
    /// end-2
    GetBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    /// end-2
    HeadBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    /// end-3
    GetManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    /// end-3
    HeadManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    /// end-4a, and end-4c when it names an algorithm
    StartUpload {
        repository: RepositoryName,
        algorithm: Algorithm,
    },
    /// end-4b
    UploadBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    /// end-5
    AppendUpload {
        repository: RepositoryName,
        upload: UploadId,
    },
    /// end-6
    FinishUpload {
        repository: RepositoryName,
        upload: UploadId,
        digest: Digest,
    },
    /// end-7a, and end-7b when it names tags
    PutManifest {
        repository: RepositoryName,
        reference: Reference,
        tags: Vec<Tag>,
    },
    /// end-8
    ListTags {
        repository: RepositoryName,
        page: Page,
    },
    /// end-9
    DeleteManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    /// end-10
    DeleteBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    /// end-11
    MountBlob {
        repository: RepositoryName,
        mount: Mount,
    },
    /// end-12
    ListReferrers {
        repository: RepositoryName,
        subject: Digest,
        artifact_type: Option<String>,
        page: Page,
    },
    /// end-13
    GetUpload {
        repository: RepositoryName,
        upload: UploadId,
    },
    /// end-14
    CancelUpload {
        repository: RepositoryName,
        upload: UploadId,
    },
    /// Distribution's catalog, which the specification leaves out and clients use.
    ListRepositories { page: Page },
}

/// What end-11 asks for: a blob that another repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub digest: Digest,
    /// The repository that has it; without one, any that the caller may read.
    pub from: Option<RepositoryName>,
    /// For the upload session that the request becomes when nothing can be mounted.
    pub algorithm: Algorithm,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("no end-point of the distribution API has this path")]
    UnknownPath,
    #[error("this path answers {allow} only")]
    Method { allow: &'static str },
    #[error("the path or the query is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
    #[error(transparent)]
    Upload(#[from] InvalidUploadId),
    #[error("the parameter `{0}` is missing")]
    MissingParameter(&'static str),
    #[error("the parameter `{0}` is given more than once")]
    RepeatedParameter(&'static str),
    #[error("the parameter `{0}` holds a control character")]
    ControlCharacter(&'static str),
    #[error("`n` is a number of entries, and `{0}` is not a number")]
    NotANumber(String),
    #[error("`last` is longer than any name")]
    LongMarker,
    #[error("at most {} tags can be given with one manifest", query::TAGS)]
    TooManyTags,
    #[error("tags are given either in the path or as parameters")]
    TagTwice,
}

impl ParseError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownPath | Self::NotUtf8 | Self::Name(_) => ErrorCode::NameInvalid,
            Self::Method { .. } => ErrorCode::Unsupported,
            Self::Tag(_) | Self::TooManyTags | Self::TagTwice => ErrorCode::TagInvalid,
            Self::RepeatedParameter("n" | "last")
            | Self::ControlCharacter("n" | "last")
            | Self::NotANumber(_)
            | Self::LongMarker => ErrorCode::PaginationNumberInvalid,
            // Not the digest's fault, but the specification has no code for a parameter.
            Self::ControlCharacter(_) => ErrorCode::Unsupported,
            Self::Digest(_) | Self::MissingParameter(_) | Self::RepeatedParameter(_) => {
                ErrorCode::DigestInvalid
            }
            Self::Upload(_) => ErrorCode::BlobUploadUnknown,
        }
    }
}

impl From<InvalidReference> for ParseError {
    fn from(error: InvalidReference) -> Self {
        match error {
            InvalidReference::Tag(error) => Self::Tag(error),
            InvalidReference::Digest(error) => Self::Digest(error),
        }
    }
}

impl Endpoint {
    /// Reads a request line. The path is taken apart from the right, since repository names hold
    /// slashes, and percent-decoded first, since some clients encode the colon of a digest.
    pub fn parse(method: &Method, path: &str, query: &str) -> Result<Self, ParseError> {
        let path = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| ParseError::NotUtf8)?;
        let query = Query::parse(query);
        let path = match path.strip_prefix("/v2") {
            Some("" | "/") => {
                return match *method {
                    Method::GET | Method::HEAD => Ok(Self::Version),
                    _ => Err(ParseError::Method { allow: "GET, HEAD" }),
                };
            }
            Some(rest) => rest.strip_prefix('/').ok_or(ParseError::UnknownPath)?,
            None => return Err(ParseError::UnknownPath),
        };
        if path == "_catalog" {
            only(method, &Method::GET, "GET")?;
            return Ok(Self::ListRepositories {
                page: query.page()?,
            });
        }
        if let Some(name) = path.strip_suffix("/tags/list") {
            only(method, &Method::GET, "GET")?;
            return Ok(Self::ListTags {
                repository: name.parse()?,
                page: query.page()?,
            });
        }
        if let Some(name) = path
            .strip_suffix("/blobs/uploads")
            .or_else(|| path.strip_suffix("/blobs/uploads/"))
        {
            only(method, &Method::POST, "POST")?;
            return Self::parse_post(name.parse()?, &query);
        }
        let (head, last) = path.rsplit_once('/').ok_or(ParseError::UnknownPath)?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            return Self::parse_upload(method, name.parse()?, last, &query);
        }
        if let Some(name) = head.strip_suffix("/blobs") {
            return Self::parse_blob(method, name.parse()?, last.parse()?);
        }
        if let Some(name) = head.strip_suffix("/manifests") {
            return Self::parse_manifest(method, name.parse()?, last.parse()?, &query);
        }
        if let Some(name) = head.strip_suffix("/referrers") {
            only(method, &Method::GET, "GET")?;
            return Ok(Self::ListReferrers {
                repository: name.parse()?,
                subject: last.parse()?,
                artifact_type: query.one("artifactType")?,
                page: query.page()?,
            });
        }
        Err(ParseError::UnknownPath)
    }

    /// Takes off what stands before `/v2`: a client that is given a mirror with a path asks there.
    pub fn split_prefix(path: &str) -> Result<(Option<ProjectName>, &str), ParseError> {
        let Some((prefix, _)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else {
            return Ok((None, path));
        };
        if prefix == "v2" {
            return Ok((None, path));
        }
        Ok((Some(prefix.parse()?), &path[prefix.len() + 1..]))
    }

    /// Which registry a client means, where this one stands in for others: the parameter `ns`
    /// (distribution specification, "Registry Proxying").
    pub fn namespace(query: &str) -> Result<Option<String>, ParseError> {
        // Few requests have one.
        if query.contains("ns=") {
            Query::parse(query).one("ns")
        } else {
            Ok(None)
        }
    }

    fn parse_post(repository: RepositoryName, query: &Query) -> Result<Self, ParseError> {
        let algorithm = match query.one("digest-algorithm")? {
            Some(algorithm) => algorithm.parse()?,
            None => Algorithm::Sha256,
        };
        if let Some(digest) = query.one("mount")? {
            let digest = digest.parse()?;
            // A repository that can not exist has nothing to mount, and a mount that can not be
            // satisfied opens a session.
            let Ok(from) = query.one("from")?.map(|name| name.parse()).transpose() else {
                return Ok(Self::StartUpload {
                    repository,
                    algorithm,
                });
            };
            return Ok(Self::MountBlob {
                repository,
                mount: Mount {
                    digest,
                    from,
                    algorithm,
                },
            });
        }
        match query.one("digest")? {
            Some(digest) => Ok(Self::UploadBlob {
                repository,
                digest: digest.parse()?,
            }),
            None => Ok(Self::StartUpload {
                repository,
                algorithm,
            }),
        }
    }

    fn parse_upload(
        method: &Method,
        repository: RepositoryName,
        upload: &str,
        query: &Query,
    ) -> Result<Self, ParseError> {
        let upload = upload.parse()?;
        match *method {
            Method::GET => Ok(Self::GetUpload { repository, upload }),
            Method::PATCH => Ok(Self::AppendUpload { repository, upload }),
            Method::PUT => {
                let digest = query
                    .one("digest")?
                    .ok_or(ParseError::MissingParameter("digest"))?
                    .parse()?;
                Ok(Self::FinishUpload {
                    repository,
                    upload,
                    digest,
                })
            }
            Method::DELETE => Ok(Self::CancelUpload { repository, upload }),
            _ => Err(ParseError::Method {
                allow: "GET, PATCH, PUT, DELETE",
            }),
        }
    }

    fn parse_blob(
        method: &Method,
        repository: RepositoryName,
        digest: Digest,
    ) -> Result<Self, ParseError> {
        match *method {
            Method::GET => Ok(Self::GetBlob { repository, digest }),
            Method::HEAD => Ok(Self::HeadBlob { repository, digest }),
            Method::DELETE => Ok(Self::DeleteBlob { repository, digest }),
            _ => Err(ParseError::Method {
                allow: "GET, HEAD, DELETE",
            }),
        }
    }

    fn parse_manifest(
        method: &Method,
        repository: RepositoryName,
        reference: Reference,
        query: &Query,
    ) -> Result<Self, ParseError> {
        match *method {
            Method::GET => Ok(Self::GetManifest {
                repository,
                reference,
            }),
            Method::HEAD => Ok(Self::HeadManifest {
                repository,
                reference,
            }),
            Method::PUT => {
                let tags = query.tags()?;
                match &reference {
                    Reference::Tag(_) if !tags.is_empty() => Err(ParseError::TagTwice),
                    Reference::Tag(_) | Reference::Digest(_) => Ok(Self::PutManifest {
                        repository,
                        reference,
                        tags,
                    }),
                }
            }
            Method::DELETE => Ok(Self::DeleteManifest {
                repository,
                reference,
            }),
            _ => Err(ParseError::Method {
                allow: "GET, HEAD, PUT, DELETE",
            }),
        }
    }

    pub fn method(&self) -> Method {
        match self {
            Self::Version
            | Self::GetBlob { .. }
            | Self::GetManifest { .. }
            | Self::ListTags { .. }
            | Self::ListReferrers { .. }
            | Self::GetUpload { .. }
            | Self::ListRepositories { .. } => Method::GET,
            Self::HeadBlob { .. } | Self::HeadManifest { .. } => Method::HEAD,
            Self::StartUpload { .. } | Self::UploadBlob { .. } | Self::MountBlob { .. } => {
                Method::POST
            }
            Self::AppendUpload { .. } => Method::PATCH,
            Self::FinishUpload { .. } | Self::PutManifest { .. } => Method::PUT,
            Self::DeleteManifest { .. } | Self::DeleteBlob { .. } | Self::CancelUpload { .. } => {
                Method::DELETE
            }
        }
    }

    /// The path and query that [`Endpoint::parse`] reads back as this: what `Location` and `Link`
    /// say. It is relative to the host, which spares clients every mistake of a proxy in between.
    pub fn path(&self) -> String {
        match self {
            Self::Version => "/v2/".to_owned(),
            Self::GetBlob { repository, digest }
            | Self::HeadBlob { repository, digest }
            | Self::DeleteBlob { repository, digest } => {
                format!("/v2/{repository}/blobs/{digest}")
            }
            Self::GetManifest {
                repository,
                reference,
            }
            | Self::HeadManifest {
                repository,
                reference,
            }
            | Self::DeleteManifest {
                repository,
                reference,
            } => format!("/v2/{repository}/manifests/{reference}"),
            Self::PutManifest {
                repository,
                reference,
                tags,
            } => {
                let tags = tags.iter().map(|tag| ("tag", Some(tag.to_string())));
                format!("/v2/{repository}/manifests/{reference}{}", parameters(tags))
            }
            Self::StartUpload {
                repository,
                algorithm,
            } => {
                format!(
                    "/v2/{repository}/blobs/uploads/{}",
                    parameters([algorithm_parameter(*algorithm)])
                )
            }
            Self::UploadBlob { repository, digest } => {
                format!(
                    "/v2/{repository}/blobs/uploads/{}",
                    parameters([("digest", Some(digest.to_string()))])
                )
            }
            Self::MountBlob { repository, mount } => {
                let mounted = [
                    ("mount", Some(mount.digest.to_string())),
                    ("from", mount.from.as_ref().map(RepositoryName::to_string)),
                    algorithm_parameter(mount.algorithm),
                ];
                format!("/v2/{repository}/blobs/uploads/{}", parameters(mounted))
            }
            Self::AppendUpload { repository, upload }
            | Self::GetUpload { repository, upload }
            | Self::CancelUpload { repository, upload } => {
                format!("/v2/{repository}/blobs/uploads/{upload}")
            }
            Self::FinishUpload {
                repository,
                upload,
                digest,
            } => {
                format!(
                    "/v2/{repository}/blobs/uploads/{upload}{}",
                    parameters([("digest", Some(digest.to_string()))])
                )
            }
            Self::ListTags { repository, page } => format!(
                "/v2/{repository}/tags/list{}",
                parameters(page.parameters())
            ),
            Self::ListReferrers {
                repository,
                subject,
                artifact_type,
                page,
            } => {
                let filter = [("artifactType", artifact_type.clone())];
                format!(
                    "/v2/{repository}/referrers/{subject}{}",
                    parameters(filter.into_iter().chain(page.parameters()))
                )
            }
            Self::ListRepositories { page } => {
                format!("/v2/_catalog{}", parameters(page.parameters()))
            }
        }
    }

    /// The repository that this is about.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Version | Self::ListRepositories { .. } => None,
            Self::GetBlob { repository, .. }
            | Self::HeadBlob { repository, .. }
            | Self::GetManifest { repository, .. }
            | Self::HeadManifest { repository, .. }
            | Self::StartUpload { repository, .. }
            | Self::UploadBlob { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::PutManifest { repository, .. }
            | Self::ListTags { repository, .. }
            | Self::DeleteManifest { repository, .. }
            | Self::DeleteBlob { repository, .. }
            | Self::MountBlob { repository, .. }
            | Self::ListReferrers { repository, .. }
            | Self::GetUpload { repository, .. }
            | Self::CancelUpload { repository, .. } => Some(repository),
        }
    }

    /// The same, of a repository with another name.
    #[must_use]
    pub fn renamed(mut self, name: RepositoryName) -> Self {
        match &mut self {
            Self::Version | Self::ListRepositories { .. } => {}
            Self::GetBlob { repository, .. }
            | Self::HeadBlob { repository, .. }
            | Self::GetManifest { repository, .. }
            | Self::HeadManifest { repository, .. }
            | Self::StartUpload { repository, .. }
            | Self::UploadBlob { repository, .. }
            | Self::AppendUpload { repository, .. }
            | Self::FinishUpload { repository, .. }
            | Self::PutManifest { repository, .. }
            | Self::ListTags { repository, .. }
            | Self::DeleteManifest { repository, .. }
            | Self::DeleteBlob { repository, .. }
            | Self::MountBlob { repository, .. }
            | Self::ListReferrers { repository, .. }
            | Self::GetUpload { repository, .. }
            | Self::CancelUpload { repository, .. } => *repository = name,
        }
        self
    }

    /// Whether this leaves everything as it was.
    pub fn reads(&self) -> bool {
        matches!(self.method(), Method::GET | Method::HEAD)
    }

    /// A word for logs and metrics: the same for every request of a kind.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::GetBlob { .. } => "get_blob",
            Self::HeadBlob { .. } => "head_blob",
            Self::GetManifest { .. } => "get_manifest",
            Self::HeadManifest { .. } => "head_manifest",
            Self::StartUpload { .. } => "start_upload",
            Self::UploadBlob { .. } => "upload_blob",
            Self::AppendUpload { .. } => "append_upload",
            Self::FinishUpload { .. } => "finish_upload",
            Self::PutManifest { .. } => "put_manifest",
            Self::ListTags { .. } => "list_tags",
            Self::DeleteManifest { .. } => "delete_manifest",
            Self::DeleteBlob { .. } => "delete_blob",
            Self::MountBlob { .. } => "mount_blob",
            Self::ListReferrers { .. } => "list_referrers",
            Self::GetUpload { .. } => "get_upload",
            Self::CancelUpload { .. } => "cancel_upload",
            Self::ListRepositories { .. } => "list_repositories",
        }
    }
}

fn only(method: &Method, expected: &Method, allow: &'static str) -> Result<(), ParseError> {
    if method == expected {
        Ok(())
    } else {
        Err(ParseError::Method { allow })
    }
}

#[cfg(test)]
mod tests;
