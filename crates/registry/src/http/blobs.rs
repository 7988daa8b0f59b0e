use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use berth_oci::{Digest, ErrorCode, RepositoryName};
use futures_util::TryStreamExt as _;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use tracing::error;

use super::ApiError;
use super::answer::{describe, empty, value};
use super::conditional::Conditions;
use super::send_file::FileSender;
use crate::auth::Caller;
use crate::registry::Registry;
use crate::source::{Blob, Source};

/// Less than this is as soon read.
const SENT_AS_FILE: u64 = 64 * 1024;

/// end-2: a blob, or the range of it that is asked for.
pub(super) async fn get(
    source: &dyn Source,
    repository: &RepositoryName,
    digest: &Digest,
    conditions: &Conditions,
    sender: Option<&FileSender>,
) -> Result<Response, ApiError> {
    let blob = source.blob(repository, digest).await?;
    let blob = blob.ok_or_else(|| unknown(repository, digest))?;
    if conditions.not_modified(digest) {
        return Ok(not_modified(digest));
    }
    let size = blob.size_bytes;
    let Some(range) = conditions.range(digest, size)? else {
        let mut response = content(digest, size);
        *response.body_mut() = body(blob, digest, 0..size, sender).await?;
        return Ok(response);
    };
    let mut response = content(digest, range.end - range.start);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let place = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    response.headers_mut().insert(CONTENT_RANGE, value(place));
    *response.body_mut() = body(blob, digest, range, sender).await?;
    Ok(response)
}

/// end-2: what [`get`] would say of the whole.
pub(super) async fn head(
    source: &dyn Source,
    repository: &RepositoryName,
    digest: &Digest,
    conditions: &Conditions,
) -> Result<Response, ApiError> {
    let size = source.describe_blob(repository, digest).await?;
    let size = size.ok_or_else(|| unknown(repository, digest))?;
    if conditions.not_modified(digest) {
        return Ok(not_modified(digest));
    }
    Ok(content(digest, size))
}

/// end-10: takes the blob from the repository.
pub(super) async fn delete(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
    caller: &Caller,
) -> Result<Response, ApiError> {
    registry
        .delete_blob(repository, digest, &caller.actor())
        .await?;
    Ok(empty(StatusCode::ACCEPTED))
}

fn unknown(repository: &RepositoryName, digest: &Digest) -> ApiError {
    ApiError::client(
        ErrorCode::BlobUnknown,
        format!("{repository} has no blob {digest}"),
    )
}

/// The bytes; an error on the way can only cut the answer, so it is told here.
async fn body(
    mut blob: Blob,
    digest: &Digest,
    range: Range<u64>,
    sender: Option<&FileSender>,
) -> Result<Body, ApiError> {
    let length = range.end - range.start;
    if let Some(FileSender(sender)) = sender.filter(|_| length >= SENT_AS_FILE)
        && let Some(file) = blob.file(length).await?
    {
        return Ok(sender.body(file, range));
    }
    let digest = digest.clone();
    let bytes = blob.read(range).await?.inspect_err(move |error| {
        error!(digest = %digest, error = error as &dyn std::error::Error, "could not read blob {digest}");
    });
    Ok(Body::from_stream(bytes))
}

fn content(digest: &Digest, length: u64) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    describe(headers, digest, true);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn not_modified(digest: &Digest) -> Response {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    describe(response.headers_mut(), digest, true);
    response
}
