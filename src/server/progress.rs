use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep};

/// Whether an HTTP/2 connection goes on. It lives as long as it answers pings, so neither a client
/// that asks for nothing shows in it, nor one that holds an answer up by never opening its window:
/// then nobody asks for the next piece.
///
/// HTTP/1 has no need of this. Its silence shows in the connection itself.
#[derive(Clone)]
pub(super) struct Progress(Arc<Shared>);

struct Shared {
    begun: Instant,
    /// Milliseconds from `begun` to when something last happened.
    moved_at: AtomicU64,
    http1: AtomicBool,
    /// Requests that are not answered to their end.
    requests: AtomicUsize,
    /// Those of them whose answer has begun.
    answers: AtomicUsize,
}

/// A request that is not answered to its end.
pub(super) struct UnderWay(Progress);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            begun: Instant::now(),
            moved_at: AtomicU64::new(0),
            http1: AtomicBool::new(false),
            requests: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
        }))
    }

    /// The connection speaks HTTP/1, and is not watched.
    pub(super) fn ignore(&self) {
        self.0.http1.store(true, Ordering::Relaxed);
    }

    pub(super) fn request(&self) -> UnderWay {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.moved();
        UnderWay(self.clone())
    }

    /// Comes when answers are open and no piece of any was asked for in `idle`, or when there was
    /// no request in `unused`.
    pub(super) async fn ended(&self, idle: Duration, unused: Duration) {
        loop {
            let still = self.still();
            let patience = if self.0.answers.load(Ordering::Relaxed) > 0 {
                idle
            } else if self.0.requests.load(Ordering::Relaxed) > 0 {
                // An upload: its body has a time-out of its own.
                Duration::MAX
            } else {
                unused
            };
            if self.0.http1.load(Ordering::Relaxed) {
                return pending().await;
            }
            if still >= patience {
                return;
            }
            // Which patience applies may change meanwhile.
            sleep((patience - still).min(idle).min(unused)).await;
        }
    }

    fn still(&self) -> Duration {
        let moved = Duration::from_millis(self.0.moved_at.load(Ordering::Relaxed));
        self.0.begun.elapsed().saturating_sub(moved)
    }

    fn moved(&self) {
        let at = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.moved_at.store(at, Ordering::Relaxed);
    }
}

impl UnderWay {
    /// The same answer, under watch until it is sent.
    pub(super) fn watch(self, body: Body) -> Body {
        self.0.0.answers.fetch_add(1, Ordering::Relaxed);
        self.0.moved();
        Body::new(Watched {
            body,
            request: self,
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.moved();
        self.0.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Watched {
    body: Body,
    request: UnderWay,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.request.0.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.request.0.moved();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
