use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use berth_deployer::DeployError;
use berth_registry::auth::AuthenticationError;
use berth_registry::{DbError, sentence};
use serde::Serialize;
use tracing::error;
use utoipa::openapi::{Content, Ref, RefOr, Response as Described, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// An answer that says what went wrong (RFC 9457).
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// What went wrong, and what would be right.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'p> {
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub(crate) kind: &'static str,
    pub(crate) title: &'p str,
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    pub(crate) detail: &'p str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    /// Something is not there, or the caller has no right to it: both are the same answer.
    pub(crate) fn absent(what: impl std::fmt::Display) -> Self {
        let detail = sentence!("there is no {what}, or you lack the right to this");
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn bad_request(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail.to_string())
    }

    pub(crate) fn conflict(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, detail.to_string())
    }

    /// Well-formed, and impossible.
    pub(crate) fn impossible(detail: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail.to_string())
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).with_header(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"berth\", charset=\"UTF-8\""),
        )
    }

    /// Something that only we can mend: its causes go to the log, once.
    pub(crate) fn internal(error: impl std::error::Error + 'static) -> Self {
        error!(
            error = &error as &dyn std::error::Error,
            "could not answer a request"
        );
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            sentence("internal error"),
        )
    }

    pub(crate) fn retry_after(detail: impl Into<String>, status: StatusCode, seconds: u64) -> Self {
        Self::new(status, detail).with_header(RETRY_AFTER, seconds.max(1).into())
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let bytes = serde_json::to_vec(&document).expect("texts are JSON");
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers.iter().cloned());
        // For the page, which shows it in a form of its own.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        if error.full() {
            Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                sentence("no space is left to store this"),
            )
        } else {
            Self::internal(error)
        }
    }
}

impl From<DeployError> for Problem {
    fn from(error: DeployError) -> Self {
        use DeployError as E;
        match error {
            E::Absent(what) => Self::absent(what),
            E::Conflict(reason) => Self::conflict(reason),
            E::Invalid(reason) => Self::impossible(reason),
            E::Refused { .. } => Self::impossible(error),
            E::Engine {
                ref target,
                ref source,
            } => {
                let detail = sentence!("the target {target} can not be asked: {source}");
                Self::retry_after(detail, StatusCode::SERVICE_UNAVAILABLE, 5)
            }
            E::Db(error) => error.into(),
        }
    }
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        use AuthenticationError as E;
        let detail = error.to_string();
        match error {
            E::Malformed | E::WrongPassword | E::InvalidToken(_) => Self::unauthorized(detail),
            E::Throttled(wait) => {
                Self::retry_after(detail, StatusCode::TOO_MANY_REQUESTS, wait.as_secs())
            }
            E::Busy(_) => Self::retry_after(detail, StatusCode::SERVICE_UNAVAILABLE, 2),
            E::NoSigningKey => Self::internal(error),
            E::Db(error) => error.into(),
        }
    }
}

/// What every operation may be refused with, for its description.
pub(crate) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        [
            (
                "400",
                "A name, a parameter or the document is not well-formed",
            ),
            ("401", "No credentials, or credentials that are not good"),
            ("404", "There is no such thing, or no right to it"),
            ("409", "It is there already, or in use"),
            ("422", "Well-formed, and impossible"),
            ("429", "Too many wrong passwords: see Retry-After"),
            ("500", "A fault of Berth: its log says more"),
            ("503", "Not now: see Retry-After"),
            ("507", "The disk is full"),
        ]
        .into_iter()
        .map(|(status, description)| {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", content)
                .build();
            (status.to_owned(), response.into())
        })
        .collect()
    }
}
