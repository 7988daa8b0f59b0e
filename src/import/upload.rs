use std::io;
use std::pin::pin;
use std::time::Duration;

use berth_oci::{Digest, RepositoryName};
use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::destination::{Destination, Opened};
use super::patience::Patience;
use super::progress::Transfer;
use super::source::{BlobReader, Source, SourceError};
use crate::client::PushError;

/// A blob of up to this goes in one request, a larger one in requests of so many bytes: the proxies
/// that stand before servers keep whole requests, and cut those that take long.
const CHUNK: u64 = 32 << 20;
/// How long the server may take no bytes, and then give no answer.
const SILENCE: Duration = Duration::from_secs(120);
/// Pieces under way between the source and the server.
const PIECES: usize = 2;

/// One blob on its way from the source to a session of the server.
pub(super) struct Upload<'a> {
    pub(super) source: &'a Source,
    pub(super) destination: &'a Destination,
    /// Where the source has it.
    pub(super) from: &'a RepositoryName,
    pub(super) into: &'a RepositoryName,
    pub(super) digest: &'a Digest,
    /// What the manifest says, for sources that do not.
    pub(super) described_bytes: u64,
    pub(super) transfer: Transfer<'a>,
}

/// What an attempt met. Troubles of the source that pass have been sat out where it is read.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Push(#[from] PushError),
    #[error("the source gives other bytes for {digest} than its digest says")]
    WrongBytes { digest: Digest },
}

impl Upload<'_> {
    /// Sends the blob, and says how many bytes it has. What the server has taken before a
    /// connection broke is not sent again.
    pub(super) async fn run(mut self, session: Url) -> Result<u64, UploadError> {
        let mut patience = Patience::default();
        let mut place = Place { session, at: 0 };
        loop {
            let before = place.at;
            let error = match self.attempt(&mut place).await {
                Err(UploadError::Push(error)) if again(&error) => error,
                Err(UploadError::Push(error)) if error.wrong_bytes() => {
                    return Err(UploadError::WrongBytes {
                        digest: self.digest.clone(),
                    });
                }
                outcome => return outcome,
            };
            patience.reached(place.at);
            if !patience.wait(error.retry_after()).await {
                return Err(error.into());
            }
            if self.destination.has_blob(self.into, self.digest).await? {
                // The answer was lost, and not the blob.
                return Ok(place.at);
            }
            match self.find(place).await? {
                Some(found) => place = found,
                None => return Ok(before),
            }
        }
    }

    async fn attempt(&mut self, place: &mut Place) -> Result<u64, UploadError> {
        let (from, digest) = (self.from, self.digest);
        let mut reader = self.source.blob(from, digest, place.at).await?;
        reader.skip_to(place.at).await?;
        let size_bytes = reader.total_bytes().unwrap_or(self.described_bytes);
        self.transfer.begin(size_bytes, place.at);
        let distribution = self.destination.distribution();
        while size_bytes.saturating_sub(place.at) > CHUNK {
            let end = place.at + CHUNK;
            let patch = distribution
                .request(Method::PATCH, place.session.clone())
                .header(CONTENT_RANGE, format!("{}-{}", place.at, end - 1));
            let answer = self.send(patch, &mut reader, place.at, end).await?;
            place.session = distribution.location(&answer)?;
            place.at = end;
        }
        let mut url = place.session.clone();
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let mut put = distribution.request(Method::PUT, url);
        if place.at > 0 && place.at < size_bytes {
            put = put.header(CONTENT_RANGE, format!("{}-{}", place.at, size_bytes - 1));
        }
        self.send(put, &mut reader, place.at, size_bytes).await?;
        Ok(size_bytes)
    }

    /// Sends what is between two places of the blob as the body of a request.
    async fn send(
        &self,
        request: RequestBuilder,
        reader: &mut BlobReader,
        mut at: u64,
        end: u64,
    ) -> Result<Response, UploadError> {
        let distribution = self.destination.distribution();
        let (pieces, taken) = mpsc::channel::<Bytes>(PIECES);
        let body = stream::unfold(taken, async |mut taken| {
            let piece = taken.recv().await?;
            Some((Ok::<_, io::Error>(piece), taken))
        });
        let request = request
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, end - at);
        // A body that ends early is no whole request: the server keeps what came, and no more.
        let mut answer = pin!(request.body(Body::wrap_stream(body)).send());
        let pump = async move {
            while at < end {
                let piece = reader.next(end).await?;
                at += piece.len() as u64;
                self.transfer.sent(piece.len());
                match timeout(SILENCE, pieces.send(piece)).await {
                    Ok(Ok(())) => {}
                    // The server has answered before it had all.
                    Ok(Err(_)) => return Ok(()),
                    Err(_) => return Err(UploadError::Push(distribution.stalled())),
                }
            }
            Ok(())
        };
        let answer = tokio::select! {
            answer = &mut answer => answer,
            pumped = pump => {
                pumped?;
                let answer = timeout(SILENCE, answer).await;
                answer.map_err(|_| distribution.stalled())?
            }
        };
        let answer = answer.map_err(|error| distribution.unreachable(error))?;
        Ok(distribution.judge(answer).await?)
    }

    /// Where the session stands, or a new one if it is gone; `None` if the blob came another way.
    async fn find(&self, place: Place) -> Result<Option<Place>, UploadError> {
        let distribution = self.destination.distribution();
        let get = distribution.request(Method::GET, place.session.clone());
        let answer = match distribution.ask(get, Some(StatusCode::NOT_FOUND)).await {
            // It is asked again with the next attempt.
            Err(error) if error.transient() => return Ok(Some(place)),
            answer => answer?,
        };
        let at = match &answer {
            Some(answer) => received(answer).ok_or_else(|| distribution.nonsense("a Range"))?,
            None => 0,
        };
        if at > 0 {
            let session = place.session;
            return Ok(Some(Place { session, at }));
        }
        // An empty session looks like one that has a single byte; a new one is empty.
        match self.destination.open(self.into, self.digest, None).await? {
            Opened::Session(session) => Ok(Some(Place { session, at })),
            Opened::Mounted => Ok(None),
        }
    }
}

/// Whether to look where the session stands, and to go on there.
fn again(error: &PushError) -> bool {
    // What was cut may still be under way at the server when the rest comes, or be more than was
    // told; and a session may be gone.
    let lost = [StatusCode::RANGE_NOT_SATISFIABLE, StatusCode::NOT_FOUND];
    error.transient() || error.status().is_some_and(|status| lost.contains(&status))
}

/// A session, and how much of the blob it has.
struct Place {
    session: Url,
    at: u64,
}

/// `Range: 0-<last>`; an empty session has `0-0`, as one with a single byte has.
fn received(answer: &Response) -> Option<u64> {
    let range = answer.headers().get(RANGE)?.to_str().ok()?;
    let last: u64 = range.rsplit_once('-')?.1.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}
