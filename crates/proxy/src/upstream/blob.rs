use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Digest, RepositoryName};
use berth_registry::sentence;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::header::RANGE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use super::Upstream;
use super::body::{BlobBody, cause, content_length};
use super::counts::Operation;
use super::error::{Asked, Nonsense, UpstreamError};
use super::link::Ask;

mod place;

use place::Place;

/// How long the head of an answer may take, and the token before it.
const HEAD: Duration = Duration::from_secs(20);

/// The part of a blob that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlobRange {
    pub from: u64,
    /// The first byte that is not asked for; `None` for all to the end.
    pub to: Option<u64>,
}

impl BlobRange {
    fn header(self) -> Option<HeaderValue> {
        let text = match (self.from, self.to) {
            (0, None) => return None,
            (from, None) => format!("bytes={from}-"),
            (from, Some(to)) => format!("bytes={from}-{}", to.saturating_sub(1)),
        };
        Some(HeaderValue::try_from(text).expect("digits make a header"))
    }
}

/// The bytes that an upstream gives, nothing of which is proved yet.
pub(crate) struct BlobAnswer {
    /// The place of the first byte: 0 where the upstream gives the whole though a part was asked for.
    pub start: u64,
    pub total_bytes: Option<u64>,
    /// An error ends it; after [`UpstreamError::Cut`] and [`UpstreamError::Stalled`] the rest can be
    /// asked for.
    pub body: BoxStream<'static, Result<Bytes, UpstreamError>>,
}

impl Upstream {
    /// A blob, or the part of it that is wanted, in one request.
    pub(crate) async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        range: BlobRange,
    ) -> Result<BlobAnswer, UpstreamError> {
        let deadline = Instant::now() + HEAD;
        let repository = self.name_there(repository);
        let mut ask = self.blob_ask(&repository, digest, Method::GET, deadline);
        if let Some(header) = range.header() {
            ask.headers.insert(RANGE, header);
        }
        let given = self.ask(&repository, &ask).await?;
        let place = match given.response.status() {
            StatusCode::PARTIAL_CONTENT => Place::of_part(given.response.headers(), range),
            _ => Some(Place::of_whole(given.response.headers())),
        };
        let place = place.ok_or_else(|| UpstreamError::Invalid {
            asked: given.asked.clone(),
            nonsense: Nonsense::ContentRange,
        })?;
        let bytes = given.response.bytes_stream();
        let body = BlobBody {
            bytes: bytes.map(|piece| piece.map_err(cause)),
            asked: given.asked,
            expected_bytes: place.expected_bytes,
            received_bytes: 0,
            link: Arc::clone(&self.link),
        };
        Ok(BlobAnswer {
            start: place.start,
            total_bytes: place.total_bytes,
            body: body.stream(),
        })
    }

    /// How many bytes a blob has, as the registry says.
    pub(crate) async fn describe_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        deadline: Duration,
    ) -> Result<u64, UpstreamError> {
        let deadline = Instant::now() + deadline;
        let repository = self.name_there(repository);
        let ask = self.blob_ask(&repository, digest, Method::HEAD, deadline);
        let given = self.ask(&repository, &ask).await?;
        content_length(given.response.headers()).ok_or(UpstreamError::Invalid {
            asked: given.asked,
            nonsense: Nonsense::NoLength,
        })
    }

    fn blob_ask(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        method: Method,
        deadline: Instant,
    ) -> Ask {
        let url = self.url(repository, &format!("blobs/{digest}"));
        Ask {
            operation: Operation::Blob,
            method,
            asked: Asked::new(&url, sentence!("blob {digest} of {repository}")),
            url,
            headers: HeaderMap::new(),
            deadline,
        }
    }
}
