use std::sync::Arc;

use axum::body::{Body as RequestBody, HttpBody as _};
use axum::response::Response;
use berth_oci::{Algorithm, Digest, Endpoint, ErrorCode, Mount, RepositoryName, UploadId};
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::{HeaderMap, StatusCode};

use super::ApiError;
use super::answer::{UPLOAD_UUID, created, empty, value};
use crate::auth::{Action, Caller, Target};
use crate::body::{Body, heard_out};
use crate::pusher::Pusher;
use crate::registry::Registry;
use crate::upload::{Chunk, Mounted, UploadError};

/// end-4a: opens a session.
pub(super) async fn start(
    registry: &Registry,
    repository: RepositoryName,
    algorithm: Algorithm,
) -> Result<Response, ApiError> {
    let upload = registry.start_upload(&repository, algorithm).await?;
    Ok(session(StatusCode::ACCEPTED, repository, upload, 0))
}

/// end-11: takes a blob over from another repository, or opens a session.
pub(super) async fn mount(
    registry: &Registry,
    repository: RepositoryName,
    mount: Mount,
    caller: &Caller,
) -> Result<Response, ApiError> {
    let from = source_of(registry, &repository, &mount, caller).await?;
    let pusher = Pusher::from(caller);
    match registry
        .mount_blob(&repository, &mount, from, pusher)
        .await?
    {
        Mounted::Blob => Ok(blob_created(repository, mount.digest)),
        Mounted::Session(upload) => Ok(session(StatusCode::ACCEPTED, repository, upload, 0)),
    }
}

/// A repository that has the blob and that the caller may pull from. Without the right, or without
/// such a repository, the mount becomes a session, and the caller learns nothing.
async fn source_of(
    registry: &Registry,
    repository: &RepositoryName,
    mount: &Mount,
    caller: &Caller,
) -> Result<Option<RepositoryName>, ApiError> {
    let candidates = match &mount.from {
        Some(from) => vec![from.clone()],
        None => {
            let project = repository.project();
            registry
                .repositories_with_blob(&mount.digest, &project)
                .await?
        }
    };
    for candidate in candidates {
        let target = Target::Repository(&candidate);
        if registry.auth.allows(caller, Action::Pull, target).await? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// end-4b: a blob in one request.
pub(super) async fn upload(
    registry: Arc<Registry>,
    repository: RepositoryName,
    digest: Digest,
    length: Option<u64>,
    caller: &Caller,
    mut body: Body,
) -> Result<Response, ApiError> {
    let pusher = Pusher::from(caller);
    let work = {
        let (registry, repository, digest) =
            (Arc::clone(&registry), repository.clone(), digest.clone());
        async move {
            let outcome = registry
                .upload_blob(&repository, digest, length, &mut body, pusher)
                .await;
            heard_out(outcome, body).await
        }
    };
    registry.to_the_end(work).await?;
    Ok(blob_created(repository, digest))
}

/// end-5: appends to a session.
pub(super) async fn append(
    registry: Arc<Registry>,
    repository: RepositoryName,
    upload: UploadId,
    chunk: Chunk,
    mut body: Body,
) -> Result<Response, ApiError> {
    let work = {
        let (registry, repository) = (Arc::clone(&registry), repository.clone());
        async move {
            let outcome = registry
                .append_upload(&repository, upload, chunk, &mut body)
                .await;
            heard_out(outcome, body).await
        }
    };
    match registry.to_the_end(work).await {
        Ok(offset) => Ok(session(StatusCode::ACCEPTED, repository, upload, offset)),
        Err(error) => Err(with_place(error, repository, upload)),
    }
}

/// What end-6 says of the blob.
pub(super) struct Finish {
    pub(super) repository: RepositoryName,
    pub(super) upload: UploadId,
    pub(super) digest: Digest,
    pub(super) chunk: Chunk,
}

/// end-6: closes a session, perhaps with a last chunk.
pub(super) async fn finish(
    registry: Arc<Registry>,
    finish: Finish,
    caller: &Caller,
    mut body: Body,
) -> Result<Response, ApiError> {
    let Finish {
        repository,
        upload,
        digest,
        chunk,
    } = finish;
    let pusher = Pusher::from(caller);
    let work = {
        let (registry, repository, digest) =
            (Arc::clone(&registry), repository.clone(), digest.clone());
        async move {
            let outcome = registry
                .finish_upload(&repository, upload, digest, chunk, &mut body, pusher)
                .await;
            heard_out(outcome, body).await
        }
    };
    match registry.to_the_end(work).await {
        Ok(()) => Ok(blob_created(repository, digest)),
        Err(error) => Err(with_place(error, repository, upload)),
    }
}

/// end-13: where a session stands.
pub(super) async fn status(
    registry: &Registry,
    repository: RepositoryName,
    upload: UploadId,
) -> Result<Response, ApiError> {
    let offset = registry.upload_offset(&repository, upload).await?;
    Ok(session(StatusCode::NO_CONTENT, repository, upload, offset))
}

/// end-14: gives a session up.
pub(super) async fn cancel(
    registry: Arc<Registry>,
    repository: RepositoryName,
    upload: UploadId,
) -> Result<Response, ApiError> {
    let work = {
        let registry = Arc::clone(&registry);
        async move { registry.cancel_upload(&repository, upload).await }
    };
    registry.to_the_end(work).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// What the headers say of the body.
pub(super) fn chunk(headers: &HeaderMap, body: &RequestBody) -> Result<Chunk, ApiError> {
    let range = match headers.get(CONTENT_RANGE) {
        Some(range) => {
            let text = String::from_utf8_lossy(range.as_bytes());
            let range = text.parse().map_err(|error: berth_oci::InvalidRange| {
                ApiError::client(ErrorCode::BlobUploadInvalid, error.to_string())
            })?;
            Some(range)
        }
        None => None,
    };
    Ok(Chunk {
        range,
        length: body.size_hint().exact(),
    })
}

fn blob_created(repository: RepositoryName, digest: Digest) -> Response {
    let location = Endpoint::GetBlob {
        repository,
        digest: digest.clone(),
    }
    .path();
    created(location, &digest)
}

fn session(
    status: StatusCode,
    repository: RepositoryName,
    upload: UploadId,
    offset: u64,
) -> Response {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(
        LOCATION,
        value(Endpoint::GetUpload { repository, upload }.path()),
    );
    headers.insert(RANGE, value(received(offset)));
    headers.insert(UPLOAD_UUID, value(upload.to_string()));
    response
}

/// First and last byte received, without a unit: Docker reads it as two numbers, and stumbles over
/// `bytes=` and over `0--1`. So nothing at all looks like one byte.
fn received(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}

/// A client whose chunk is out of order is told where to go on.
fn with_place(error: UploadError, repository: RepositoryName, upload: UploadId) -> ApiError {
    let UploadError::OutOfOrder { offset, .. } = error else {
        return error.into();
    };
    let answer = ApiError::from(error);
    answer
        .with_header(
            LOCATION,
            value(Endpoint::GetUpload { repository, upload }.path()),
        )
        .with_header(RANGE, value(received(offset)))
}
