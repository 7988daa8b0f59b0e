//! The parts that answers are made of.

use axum::body::Body;
use axum::response::Response;
use berth_oci::Digest;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
pub(super) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(super) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(super) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(super) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// A header value of text that we made: names, digests, numbers and paths are all visible ASCII.
pub(super) fn value(text: impl AsRef<str>) -> HeaderValue {
    HeaderValue::from_str(text.as_ref()).expect("names, digests and paths are visible ASCII")
}

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}

/// 201 for something that can be found at `location`.
pub(super) fn created(location: String, digest: &Digest) -> Response {
    let mut response = empty(StatusCode::CREATED);
    response.headers_mut().insert(LOCATION, value(location));
    response
        .headers_mut()
        .insert(CONTENT_DIGEST, value(digest.as_str()));
    response
}

pub(super) fn json(content_type: &'static str, document: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(document).expect("a document of strings and numbers is JSON");
    let mut response = Response::new(Body::empty());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, bytes.len().into());
    *response.body_mut() = bytes.into();
    response
}

/// What an answer says of content that has a digest. Content asked for by digest never changes;
/// it may be private, so only the client itself may keep it.
pub(super) fn describe(headers: &mut HeaderMap, digest: &Digest, immutable: bool) {
    headers.insert(CONTENT_DIGEST, value(digest.as_str()));
    headers.insert(ETAG, value(format!("\"{digest}\"")));
    if immutable {
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=31536000, immutable"),
        );
    }
}
