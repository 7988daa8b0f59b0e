use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use super::{FillError, Wanted};
use crate::trouble::worth_another_try;
use crate::upstream::{BlobRange, Upstream, UpstreamError};

/// So much is given at a time.
const BATCH_BYTES: u64 = 1024 * 1024;
/// An upstream that answers a range with the whole is read on from its beginning up to so much.
const SKIPPED: u64 = 64 * 1024 * 1024;
/// Tries of one upstream that bring nothing, before the next one is asked.
const TRIES: u32 = 3;
/// How long a download that has begun may bring nothing: containerd gives a pull up after 5 minutes.
const PATIENCE: Duration = Duration::from_secs(90);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest that an upstream may tell a download to wait that has begun.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The bytes of a range of a blob, from one upstream after the other, in spite of what happens on
/// the way.
pub(super) struct Download {
    wanted: Wanted,
    rest: Range<u64>,
    upstreams: Vec<Arc<Upstream>>,
    /// The one that is asked.
    current: usize,
    body: Option<BoxStream<'static, Result<Bytes, UpstreamError>>>,
    /// What ended the last answer too early.
    interrupted: Option<FillError>,
    /// Bytes of the body that come before what is wanted.
    skip: u64,
    vain: Vain,
    progress: Instant,
}

/// What was tried since there was anything new.
struct Vain {
    /// At the upstream that is asked.
    tries: u32,
    /// How often another one was turned to.
    turns: usize,
    /// The next rest.
    pause: Duration,
}

impl Vain {
    const NOTHING: Self = Self {
        tries: 0,
        turns: 0,
        pause: FIRST_PAUSE,
    };
}

impl Download {
    pub(super) fn new(wanted: &Wanted, range: Range<u64>) -> Self {
        Self {
            upstreams: wanted.remote.pulling(&wanted.digest),
            wanted: wanted.clone(),
            rest: range,
            current: 0,
            body: None,
            interrupted: None,
            skip: 0,
            vain: Vain::NOTHING,
            progress: Instant::now(),
        }
    }

    /// The upstream that was asked last.
    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstreams[self.current]
    }

    /// Waits for the first upstream that gives the blob. Nobody has been told anything yet, so when
    /// none does, that is told at once.
    pub(super) async fn open(&mut self) -> Result<(), FillError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let mut failed = None;
        for index in 0..self.upstreams.len() {
            self.current = index;
            let Err(error) = self.open_at_current().await else {
                return Ok(());
            };
            // What went wrong tells more than that another upstream has nothing.
            failed = match failed {
                Some(earlier) if !absent(&earlier) || absent(&error) => Some(earlier),
                Some(_) | None => Some(error),
            };
        }
        Err(failed.unwrap_or(FillError::NoUpstream))
    }

    async fn open_at_current(&mut self) -> Result<(), FillError> {
        let mut attempt = 1;
        loop {
            match self.ask().await {
                Err(FillError::Upstream(error)) if worth_another_try(&error) && attempt < TRIES => {
                    attempt += 1;
                }
                asked => return asked,
            }
            sleep(FIRST_PAUSE).await;
        }
    }

    /// Some pieces in order, waiting for more for `linger` at most; `None` at the end.
    pub(super) async fn batch(
        &mut self,
        linger: Duration,
    ) -> Result<Option<Vec<Bytes>>, FillError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let first = loop {
            match self.next().await {
                Some(piece) => break piece,
                None => self.resume().await?,
            }
        };
        let mut length = first.len() as u64;
        let mut batch = vec![first];
        let until = Instant::now() + linger;
        while length < BATCH_BYTES && !self.rest.is_empty() {
            let Ok(Some(piece)) = timeout_at(until, self.next()).await else {
                break;
            };
            length += piece.len() as u64;
            batch.push(piece);
        }
        Ok(Some(batch))
    }

    /// The next piece that is wanted; `None` when the answer ends before its end. Cancelled, it has
    /// taken nothing.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let mut piece = match self.body.as_mut()?.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => {
                    self.interrupted = Some(error.into());
                    self.body = None;
                    return None;
                }
                None => {
                    self.body = None;
                    return None;
                }
            };
            let fetched = &self.wanted.remote.counters.fetched_bytes;
            fetched.add(piece.len() as u64);
            let skipped =
                usize::try_from(self.skip).map_or(piece.len(), |skip| skip.min(piece.len()));
            self.skip -= skipped as u64;
            piece.advance(skipped);
            if let Ok(left) = usize::try_from(self.rest.end - self.rest.start) {
                piece.truncate(left);
            }
            if piece.is_empty() {
                continue;
            }
            self.rest.start += piece.len() as u64;
            self.progress = Instant::now();
            self.vain = Vain::NOTHING;
            return Some(piece);
        }
    }

    /// Asks for what is left: at once, and where it came from; then elsewhere, and at longer intervals
    /// once everybody was asked.
    async fn resume(&mut self) -> Result<(), FillError> {
        loop {
            let error = self.interrupted.take();
            if let Some(error) = &error {
                debug!(
                    error = error as &dyn std::error::Error,
                    "a download goes on"
                );
            }
            if self.progress.elapsed() > PATIENCE {
                return Err(error.unwrap_or(FillError::Short));
            }
            if self.vain.tries > 0 {
                self.turn(error.as_ref()).await;
            }
            self.vain.tries += 1;
            match self.ask().await {
                Ok(()) => return Ok(()),
                Err(error) => self.interrupted = Some(error),
            }
        }
    }

    /// After a try that brought nothing: stays for another one, or goes to the next upstream.
    async fn turn(&mut self, error: Option<&FillError>) {
        let vain = &mut self.vain;
        let stays = error.is_none_or(worth_staying) && vain.tries < TRIES;
        if !stays {
            self.current = (self.current + 1) % self.upstreams.len().max(1);
            vain.tries = 0;
            vain.turns += 1;
        }
        let asked_before = stays || vain.turns >= self.upstreams.len();
        if !asked_before {
            return;
        }
        let alone = self.upstreams.len() == 1;
        let told = error.filter(|_| alone).and_then(asked_to_wait);
        let pause = told.unwrap_or(vain.pause);
        vain.pause = (vain.pause * 2).min(LONGEST_PAUSE);
        sleep(pause).await;
    }

    /// Asks the current upstream for the rest.
    async fn ask(&mut self) -> Result<(), FillError> {
        let upstream = self.upstreams.get(self.current);
        let upstream = upstream.ok_or(FillError::NoUpstream)?;
        let size = self.wanted.size_bytes;
        let range = BlobRange {
            from: self.rest.start,
            to: (self.rest.end < size).then_some(self.rest.end),
        };
        let (there, digest) = (&self.wanted.there, &self.wanted.digest);
        let answer = upstream.blob(there, digest, range).await?;
        if let Some(actual) = answer.total_bytes.filter(|total| *total != size) {
            return Err(FillError::Size {
                upstream: upstream.settings().name.to_string(),
                actual,
                expected: size,
            });
        }
        let skip = self.rest.start.checked_sub(answer.start);
        let skip = skip.filter(|skip| *skip <= SKIPPED);
        self.skip = skip.ok_or_else(|| FillError::NoRanges {
            upstream: upstream.settings().name.to_string(),
        })?;
        self.body = Some(answer.body);
        Ok(())
    }
}

fn absent(error: &FillError) -> bool {
    matches!(error, FillError::Upstream(UpstreamError::NotFound { .. }))
}

/// Whether the same upstream may well give the rest a moment later.
fn worth_staying(error: &FillError) -> bool {
    match error {
        FillError::Upstream(error) => {
            worth_another_try(error) || matches!(error, UpstreamError::Stalled { .. })
        }
        _ => false,
    }
}

fn asked_to_wait(error: &FillError) -> Option<Duration> {
    match error {
        FillError::Upstream(UpstreamError::TooManyRequests { retry_after, .. }) => {
            retry_after.map(|wait| wait.min(LONGEST_WAIT))
        }
        _ => None,
    }
}
