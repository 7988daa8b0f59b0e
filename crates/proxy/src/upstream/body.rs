use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{Asked, Cause, Nonsense, UpstreamError};
use super::link::{Given, Link};

/// How long a body may be silent.
const SILENCE: Duration = Duration::from_secs(20);

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The whole body of an answer that is known to be small.
pub(super) async fn read_at_most(
    given: Given,
    most_bytes: u64,
    deadline: Instant,
) -> Result<Bytes, UpstreamError> {
    let Given { response, asked } = given;
    let expected = content_length(response.headers());
    let too_large = || UpstreamError::Invalid {
        asked: asked.clone(),
        nonsense: Nonsense::TooLarge { most_bytes },
    };
    if expected.is_some_and(|expected| expected > most_bytes) {
        return Err(too_large());
    }
    let mut bytes = response.bytes_stream();
    let mut body = BytesMut::new();
    loop {
        let piece = match timeout_at(deadline, bytes.next()).await {
            Ok(None) => return Ok(body.freeze()),
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => {
                return Err(cut(&asked, body.len() as u64, Some(cause(error))));
            }
            Err(_) => {
                return Err(UpstreamError::Timeout {
                    asked: asked.clone(),
                });
            }
        };
        if (body.len() + piece.len()) as u64 > most_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
}

/// The bytes of a blob as they come, at the pace that is allowed, and proof that all have come.
pub(super) struct BlobBody<S> {
    pub(super) bytes: S,
    pub(super) asked: Asked,
    pub(super) expected_bytes: Option<u64>,
    pub(super) received_bytes: u64,
    pub(super) link: Arc<Link>,
}

impl<S> BlobBody<S>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send + Unpin + 'static,
{
    pub(super) fn stream(self) -> BoxStream<'static, Result<Bytes, UpstreamError>> {
        stream::try_unfold(self, |mut body| async move {
            let next = body.next().await?;
            Ok(next.map(|bytes| (bytes, body)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let next = timeout(SILENCE, self.bytes.next()).await;
        let next = next.map_err(|_| UpstreamError::Stalled {
            asked: self.asked.clone(),
            silence: SILENCE,
        })?;
        let Some(next) = next else {
            let short = self
                .expected_bytes
                .is_some_and(|expected| self.received_bytes < expected);
            return if short {
                Err(cut(&self.asked, self.received_bytes, None))
            } else {
                Ok(None)
            };
        };
        let bytes = next.map_err(|cause| cut(&self.asked, self.received_bytes, Some(cause)))?;
        self.received_bytes += bytes.len() as u64;
        if self
            .expected_bytes
            .is_some_and(|expected| self.received_bytes > expected)
        {
            return Err(UpstreamError::Invalid {
                asked: self.asked.clone(),
                nonsense: Nonsense::TooLong,
            });
        }
        self.link.counts.bytes(bytes.len());
        self.link.throttle.take(bytes.len()).await;
        Ok(Some(bytes))
    }
}

fn cut(asked: &Asked, received_bytes: u64, source: Option<Cause>) -> UpstreamError {
    UpstreamError::Cut {
        asked: asked.clone(),
        received_bytes,
        source,
    }
}

/// The URL goes: its query may be signed.
pub(super) fn cause(error: reqwest::Error) -> Cause {
    Arc::new(error.without_url())
}
