use axum::response::{IntoResponse, Response};
use berth_oci::{ErrorCode, ParseError};
use http::header::{ALLOW, CONTENT_RANGE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::error;

use super::answer;
use crate::body::BodyError;
use crate::db::DbError;
use crate::deletion::DeleteError;
use crate::manifest::PutManifestError;
use crate::quota::OverQuota;
use crate::source::{LocateError, SourceError};
use crate::store::StoreError;
use crate::upload::UploadError;

/// An answer that says what went wrong, in the specification's form.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    detail: Option<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Document<'e> {
    errors: [Entry<'e>; 1],
}

#[derive(Serialize)]
struct Entry<'e> {
    code: &'static str,
    message: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'e Value>,
}

impl ApiError {
    /// Something that the client can mend.
    pub fn client(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            code,
            message: message.into(),
            detail: None,
            headers: Vec::new(),
        }
    }

    /// Something that only we can mend. The chain of causes goes to the log, once, and not to the
    /// client.
    pub fn internal(error: impl std::error::Error + 'static) -> Self {
        error!(
            error = &error as &dyn std::error::Error,
            "could not answer a request"
        );
        Self::client(ErrorCode::Unknown, "internal error")
    }

    pub(crate) fn unsatisfiable(message: String, size: u64) -> Self {
        Self::client(ErrorCode::RangeInvalid, message)
            .with_header(CONTENT_RANGE, answer::value(format!("bytes */{size}")))
    }

    fn full(what: &str) -> Self {
        Self::client(
            ErrorCode::Unavailable,
            format!("no space is left to store the {what}"),
        )
        .with_status(StatusCode::INSUFFICIENT_STORAGE)
    }

    /// DENIED with 403 would have clients ask for a better token, and push once more.
    fn immutable(message: String) -> Self {
        Self::client(ErrorCode::Denied, message).with_status(StatusCode::CONFLICT)
    }

    /// Whether it says that there is no such thing, or none for us: Docker Hub says the one in place
    /// of the other.
    pub(crate) fn absent(&self) -> bool {
        self.status == StatusCode::NOT_FOUND || self.status == StatusCode::FORBIDDEN
    }

    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn with_detail(mut self, detail: Value) -> Self {
        self.detail = Some(detail);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let entry = Entry {
            code: self.code.as_str(),
            message: &self.message,
            detail: self.detail.as_ref(),
        };
        let mut response = answer::json("application/json", &Document { errors: [entry] });
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

/// An error outside of `/v2`, in the same form: unknown routes, panics, limits of the server.
pub fn answer_error(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    ApiError::client(code, message)
        .with_status(status)
        .into_response()
}

impl From<ParseError> for ApiError {
    fn from(error: ParseError) -> Self {
        let answer = Self::client(error.code(), error.to_string());
        match error {
            ParseError::Method { allow } => {
                answer.with_header(ALLOW, HeaderValue::from_static(allow))
            }
            ParseError::UnknownPath => answer.with_status(StatusCode::NOT_FOUND),
            ParseError::ControlCharacter(_) => answer.with_status(StatusCode::BAD_REQUEST),
            ParseError::TooManyTags => answer.with_status(StatusCode::URI_TOO_LONG),
            ParseError::NotUtf8
            | ParseError::Name(_)
            | ParseError::Tag(_)
            | ParseError::Digest(_)
            | ParseError::Upload(_)
            | ParseError::MissingParameter(_)
            | ParseError::RepeatedParameter(_)
            | ParseError::NotANumber(_)
            | ParseError::LongMarker
            | ParseError::TagTwice => answer,
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.full() {
            Self::full("metadata")
        } else {
            Self::internal(error)
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::full("blob"),
            StoreError::Missing(_)
            | StoreError::Short { .. }
            | StoreError::Io { .. }
            | StoreError::Object { .. } => Self::internal(error),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let message = error.to_string();
        match error {
            BodyError::Stalled(_) => Self::client(ErrorCode::BlobUploadInvalid, message)
                .with_status(StatusCode::REQUEST_TIMEOUT),
            BodyError::Cut(_) => Self::client(ErrorCode::SizeInvalid, message),
            BodyError::TooLong { .. } => Self::client(ErrorCode::SizeInvalid, message)
                .with_status(StatusCode::PAYLOAD_TOO_LARGE),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        use UploadError as E;
        let message = error.to_string();
        match error {
            E::Refused(_) => Self::client(ErrorCode::Denied, message),
            E::OverQuota(error) => error.into(),
            E::UnknownSession(_) => Self::client(ErrorCode::BlobUploadUnknown, message),
            E::Busy(_) => Self::client(ErrorCode::BlobUploadInvalid, message)
                .with_status(StatusCode::CONFLICT)
                .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
            E::OutOfOrder { .. } => Self::client(ErrorCode::BlobUploadInvalid, message)
                .with_status(StatusCode::RANGE_NOT_SATISFIABLE),
            E::ChunkLength { .. } => Self::client(ErrorCode::SizeInvalid, message),
            E::DigestMismatch { .. } => Self::client(ErrorCode::DigestInvalid, message),
            E::Body(error) => error.into(),
            E::Store(error) => error.into(),
            E::Db(error) => error.into(),
        }
    }
}

impl From<PutManifestError> for ApiError {
    fn from(error: PutManifestError) -> Self {
        use PutManifestError as E;
        let message = error.to_string();
        match error {
            E::Refused(_) => Self::client(ErrorCode::Denied, message),
            E::OverQuota(error) => error.into(),
            E::Invalid(_) => Self::client(ErrorCode::ManifestInvalid, message),
            E::DigestMismatch { .. } => Self::client(ErrorCode::DigestInvalid, message),
            E::Immutable(_) => Self::immutable(message),
            E::MissingBlobs { missing, .. } => {
                let digests: Vec<_> = missing.iter().map(|digest| digest.as_str()).collect();
                Self::client(ErrorCode::ManifestBlobUnknown, message)
                    .with_detail(json!({ "digests": digests }))
            }
            E::Db(error) => error.into(),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        use DeleteError as E;
        let message = error.to_string();
        match error {
            E::UnknownManifest { .. } => Self::client(ErrorCode::ManifestUnknown, message),
            E::UnknownBlob { .. } => Self::client(ErrorCode::BlobUnknown, message),
            E::BlobInUse { .. } => Self::client(ErrorCode::Unsupported, message)
                .with_header(ALLOW, HeaderValue::from_static("GET, HEAD")),
            E::Held { .. } => {
                Self::client(ErrorCode::Denied, message).with_status(StatusCode::CONFLICT)
            }
            E::UnknownRepository(_) | E::UnknownProject(_) => {
                Self::client(ErrorCode::NameUnknown, message)
            }
            E::NotEmpty(_) => {
                Self::client(ErrorCode::Unsupported, message).with_status(StatusCode::CONFLICT)
            }
            E::Immutable(_) => Self::immutable(message),
            E::Db(error) => error.into(),
        }
    }
}

/// Of the codes, only DENIED keeps Docker from sending the layer again.
impl From<OverQuota> for ApiError {
    fn from(error: OverQuota) -> Self {
        let detail = json!({
            "used_bytes": error.used_bytes,
            "quota_bytes": error.quota_bytes,
            "asked_bytes": error.asked_bytes,
        });
        Self::client(ErrorCode::Denied, error.to_string()).with_detail(detail)
    }
}

impl From<LocateError> for ApiError {
    fn from(error: LocateError) -> Self {
        let message = error.to_string();
        match error {
            LocateError::Name(_) => Self::client(ErrorCode::NameInvalid, message),
            LocateError::Db(error) => error.into(),
        }
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Db(error) => error.into(),
            SourceError::Store(error) => match *error {
                StoreError::Full => Self::full("blob"),
                StoreError::Missing(_)
                | StoreError::Short { .. }
                | StoreError::Io { .. }
                | StoreError::Object { .. } => Self::internal(SourceError::Store(error)),
            },
            error @ SourceError::Gone(_) => Self::client(ErrorCode::BlobUnknown, error.to_string()),
            SourceError::Elsewhere {
                status,
                code,
                message,
                retry_after_seconds,
            } => {
                let answer = Self::client(code, message).with_status(status);
                match retry_after_seconds {
                    Some(seconds) => answer.with_header(RETRY_AFTER, seconds.into()),
                    None => answer,
                }
            }
        }
    }
}
