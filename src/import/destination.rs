use std::time::Duration;

use berth_oci::{Digest, MediaType, Reference, RepositoryName};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Method, Response, StatusCode, Url};

use super::patience::{Trouble, patiently};
use crate::client::{Distribution, PushError};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The server that images go to. What fails for a while is asked for again.
pub(crate) struct Destination(Distribution);

/// A manifest that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) digest: Digest,
    pub(super) media_type: MediaType,
}

/// What became of the wish to have a blob.
pub(super) enum Opened {
    /// The server had it, and the repository has it now.
    Mounted,
    /// It takes the bytes here.
    Session(Url),
}

impl Destination {
    pub(crate) fn new(distribution: Distribution) -> Self {
        Self(distribution)
    }

    pub(super) fn distribution(&self) -> &Distribution {
        &self.0
    }

    pub(super) async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Present>, PushError> {
        let url = self.0.url(&format!("{repository}/manifests/{reference}"));
        let answer = patiently(|| async {
            let head = self.0.request(Method::HEAD, url.clone());
            self.0.ask(head, Some(StatusCode::NOT_FOUND)).await
        });
        let Some(answer) = answer.await? else {
            return Ok(None);
        };
        let digest = answer.headers().get(CONTENT_DIGEST);
        let digest = digest.and_then(|value| value.to_str().ok()?.parse().ok());
        match (digest, media_type(&answer)) {
            (Some(digest), Some(media_type)) => Ok(Some(Present { digest, media_type })),
            _ => Err(self.0.nonsense("a digest or a media type")),
        }
    }

    /// A manifest that the server has; `None` if it has gone since.
    pub(super) async fn fetch(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<(MediaType, Bytes)>, PushError> {
        let url = self.0.url(&format!("{repository}/manifests/{digest}"));
        patiently(|| async {
            let get = self.0.request(Method::GET, url.clone());
            let Some(answer) = self.0.ask(get, Some(StatusCode::NOT_FOUND)).await? else {
                return Ok(None);
            };
            let media_type = media_type(&answer);
            let media_type = media_type.ok_or_else(|| self.0.nonsense("a media type"))?;
            let bytes = answer.bytes().await;
            let bytes = bytes.map_err(|error| self.0.unreachable(error))?;
            Ok(Some((media_type, bytes)))
        })
        .await
    }

    /// The answer that it is there keeps it from being collected until the manifest comes.
    pub(super) async fn has_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, PushError> {
        let url = self.0.url(&format!("{repository}/blobs/{digest}"));
        let answer = patiently(|| async {
            let head = self.0.request(Method::HEAD, url.clone());
            self.0.ask(head, Some(StatusCode::NOT_FOUND)).await
        });
        Ok(answer.await?.is_some())
    }

    /// Takes a blob over from another repository, or opens a session for its bytes. Without `from`
    /// the server looks for one that has it.
    pub(super) async fn open(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<Opened, PushError> {
        let mut url = self.0.url(&format!("{repository}/blobs/uploads/"));
        url.query_pairs_mut().append_pair("mount", digest.as_str());
        if let Some(from) = from {
            url.query_pairs_mut().append_pair("from", from.as_str());
        }
        let answer = patiently(|| async {
            let post = self.0.request(Method::POST, url.clone());
            self.0.ask(post, None).await
        });
        let answer = answer.await?.ok_or_else(|| self.0.nonsense("a status"))?;
        match answer.status() {
            StatusCode::CREATED => Ok(Opened::Mounted),
            _ => self.0.location(&answer).map(Opened::Session),
        }
    }

    pub(super) async fn put_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        media_type: &MediaType,
        bytes: &Bytes,
    ) -> Result<(), PushError> {
        let url = self.0.url(&format!("{repository}/manifests/{reference}"));
        let answer = patiently(|| async {
            let put = self
                .0
                .request(Method::PUT, url.clone())
                .header(CONTENT_TYPE, media_type.as_str())
                .body(bytes.clone());
            self.0.ask(put, None).await
        });
        answer.await.map(drop)
    }
}

fn media_type(answer: &Response) -> Option<MediaType> {
    let value = answer.headers().get(CONTENT_TYPE)?;
    value.to_str().ok()?.parse().ok()
}

impl Trouble for PushError {
    fn transient(&self) -> bool {
        Self::transient(self)
    }

    fn retry_after(&self) -> Option<Duration> {
        Self::retry_after(self)
    }
}
