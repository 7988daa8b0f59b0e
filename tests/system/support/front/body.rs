use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::gate::Held;
use super::serve::Closed;
use super::{Fault, Request, Shared};

/// A body on its way. Places are counted from where the blob begins.
pub(super) struct Passing {
    source: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    at: u64,
    /// What has come and is not sent yet.
    rest: Bytes,
    /// The furthest first.
    stops: Vec<(u64, Stop)>,
    wrong: Option<u64>,
    sent: Arc<AtomicU64>,
    bytes_per_second: Option<u64>,
}

enum Stop {
    Cut,
    Stall,
    Gate(Arc<Held>),
}

impl Passing {
    pub(super) fn new(
        shared: &Shared,
        request: &Request,
        start: u64,
        faults: &[Fault],
        given: reqwest::Response,
    ) -> Self {
        let state = shared.state();
        let mut stops: Vec<(u64, Stop)> = Vec::new();
        let mut wrong = None;
        for fault in faults {
            match fault {
                Fault::CutAfter(bytes) => stops.push((start + bytes, Stop::Cut)),
                Fault::StallAfter(bytes) => stops.push((start + bytes, Stop::Stall)),
                Fault::CorruptByte(at) => wrong = Some(*at),
                Fault::Status(..)
                | Fault::Hang
                | Fault::Reset
                | Fault::WrongLength(_)
                | Fault::IgnoreRange
                | Fault::OmitDigest => {}
            }
        }
        for gate in &state.gates {
            if request.is_of(&gate.digest) && gate.offset >= start && !gate.is_open() {
                stops.push((gate.offset, Stop::Gate(Arc::clone(gate))));
            }
        }
        stops.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Self {
            source: Box::pin(given.bytes_stream()),
            at: start,
            rest: Bytes::new(),
            stops,
            wrong,
            sent: Arc::clone(&request.sent),
            bytes_per_second: state.bytes_per_second,
        }
    }

    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Closed>> + Send {
        stream::unfold(self, async |mut passing| {
            let piece = passing.next().await?;
            Some((piece, passing))
        })
    }

    /// `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Closed>> {
        while self.stops.last().is_some_and(|(at, _)| *at == self.at) {
            // What was given to the connection is written while nothing follows.
            yield_now().await;
            match self.stops.pop()?.1 {
                Stop::Cut => return Some(Err(Closed)),
                Stop::Stall => pending().await,
                Stop::Gate(held) => held.wait().await,
            }
        }
        while self.rest.is_empty() {
            match self.source.next().await? {
                Ok(bytes) => self.rest = bytes,
                Err(_) => return Some(Err(Closed)),
            }
        }
        let mut length = self.rest.len();
        if let Some((stop, _)) = self.stops.last() {
            let room = usize::try_from(stop - self.at).unwrap_or(usize::MAX);
            length = length.min(room);
        }
        if let Some(rate) = self.bytes_per_second {
            // Twenty pieces a second.
            length = length.min(usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1));
            sleep(Duration::from_secs_f64(length as f64 / rate as f64)).await;
        }
        let piece = self.rest.split_to(length);
        let piece = self.spoilt(piece);
        self.at += length as u64;
        self.sent.fetch_add(length as u64, Ordering::Relaxed);
        Some(Ok(piece))
    }

    fn spoilt(&self, piece: Bytes) -> Bytes {
        let place = self.wrong.and_then(|wrong| wrong.checked_sub(self.at));
        let place = place.and_then(|place| usize::try_from(place).ok());
        match place.filter(|place| *place < piece.len()) {
            None => piece,
            Some(place) => {
                let mut piece = BytesMut::from(piece);
                piece[place] ^= 1;
                piece.freeze()
            }
        }
    }
}
