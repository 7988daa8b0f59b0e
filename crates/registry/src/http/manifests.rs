use axum::body::Body as AnswerBody;
use axum::response::Response;
use berth_oci::{Endpoint, ErrorCode, Reference, RepositoryName, Tag};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, WARNING};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::ApiError;
use super::answer::{OCI_SUBJECT, OCI_TAG, created, describe, empty, value};
use super::conditional::Conditions;
use crate::auth::Caller;
use crate::body::{Body, read_at_most};
use crate::pusher::Pusher;
use crate::quota::Space;
use crate::registry::Registry;
use crate::source::{ManifestDescription, Source};

/// RFC 7234, section 5.5.1: still sent by caches, though RFC 9111 has dropped it.
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

/// What a push of a manifest names.
pub(super) struct Put {
    pub(super) repository: RepositoryName,
    pub(super) reference: Reference,
    pub(super) tags: Vec<Tag>,
    pub(super) pusher: Pusher,
}

/// end-3: a manifest with its stored bytes and media type. `Accept` is not looked at: a client
/// that cannot read the type is better off with a digest that fits than with a converted document.
pub(super) async fn get(
    source: &dyn Source,
    repository: &RepositoryName,
    reference: &Reference,
    conditions: &Conditions,
) -> Result<Response, ApiError> {
    let manifest = source.manifest(repository, reference).await?;
    let manifest = manifest.ok_or_else(|| unknown(repository, reference))?;
    if conditions.not_modified(&manifest.description.digest) {
        return Ok(not_modified(reference, &manifest.description));
    }
    let mut response = content(reference, &manifest.description);
    *response.body_mut() = AnswerBody::from(manifest.bytes);
    Ok(response)
}

/// end-3: what [`get`] would say.
pub(super) async fn head(
    source: &dyn Source,
    repository: &RepositoryName,
    reference: &Reference,
    conditions: &Conditions,
) -> Result<Response, ApiError> {
    let manifest = source.describe_manifest(repository, reference).await?;
    let manifest = manifest.ok_or_else(|| unknown(repository, reference))?;
    if conditions.not_modified(&manifest.digest) {
        return Ok(not_modified(reference, &manifest));
    }
    Ok(content(reference, &manifest))
}

/// end-7: stores a manifest and moves the tags to it.
pub(super) async fn put(
    registry: &Registry,
    push: Put,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let bytes = read_at_most(body, registry.limits.manifest_bytes).await?;
    let Put {
        repository,
        reference,
        tags,
        pusher,
    } = push;
    let stored = registry
        .put_manifest(
            &repository,
            &reference,
            tags.clone(),
            content_type.as_deref(),
            bytes.into(),
            pusher,
        )
        .await?;
    let reference = Reference::Digest(stored.digest.clone());
    let mut response = created(
        Endpoint::GetManifest {
            repository,
            reference,
        }
        .path(),
        &stored.digest,
    );
    if !tags.is_empty() {
        // One list and not a line for each: hyper and others read at most a hundred lines.
        let tags: Vec<_> = tags.iter().map(Tag::as_str).collect();
        response
            .headers_mut()
            .insert(OCI_TAG, value(tags.join(", ")));
    }
    if let Some(Space {
        used_bytes,
        quota_bytes: Some(quota_bytes),
    }) = stored.short
    {
        // Shown by containers/image and regctl (RFC 7234, section 5.5.7).
        let warning =
            format!("299 - \"the project uses {used_bytes} bytes of its quota of {quota_bytes}\"");
        response.headers_mut().insert(WARNING, value(warning));
    }
    if let Some(subject) = &stored.subject {
        // Without it a client keeps the referrers tag of old as well.
        response
            .headers_mut()
            .insert(OCI_SUBJECT, value(subject.as_str()));
    }
    Ok(response)
}

/// end-9: deletes a tag, or a manifest with its tags.
pub(super) async fn delete(
    registry: &Registry,
    repository: &RepositoryName,
    reference: &Reference,
    caller: &Caller,
) -> Result<Response, ApiError> {
    registry
        .delete_manifest(repository, reference, &caller.actor())
        .await?;
    Ok(empty(StatusCode::ACCEPTED))
}

fn unknown(repository: &RepositoryName, reference: &Reference) -> ApiError {
    ApiError::client(
        ErrorCode::ManifestUnknown,
        format!("{repository} has no manifest {reference}"),
    )
}

fn content(reference: &Reference, manifest: &ManifestDescription) -> Response {
    let mut response = Response::new(AnswerBody::empty());
    let headers = response.headers_mut();
    describe(
        headers,
        &manifest.digest,
        matches!(reference, Reference::Digest(_)),
    );
    headers.insert(CONTENT_TYPE, value(manifest.media_type.as_str()));
    headers.insert(CONTENT_LENGTH, manifest.size_bytes.into());
    if manifest.stale {
        headers.insert(WARNING, STALE);
    }
    response
}

fn not_modified(reference: &Reference, manifest: &ManifestDescription) -> Response {
    let mut response = empty(StatusCode::NOT_MODIFIED);
    describe(
        response.headers_mut(),
        &manifest.digest,
        matches!(reference, Reference::Digest(_)),
    );
    response
}
