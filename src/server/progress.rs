use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

/// Whether the answers of a connection go on. An HTTP/2 client can hold them up while its
/// connection lives, by never opening its window: then nobody asks for the next piece.
#[derive(Clone)]
pub(super) struct Progress(Arc<Shared>);

struct Shared {
    begun: Instant,
    /// Milliseconds from `begun` to when a piece was last asked for.
    asked_at: AtomicU64,
    open: AtomicUsize,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            begun: Instant::now(),
            asked_at: AtomicU64::new(0),
            open: AtomicUsize::new(0),
        }))
    }

    /// The same answer, under watch until it is sent.
    pub(super) fn watch(&self, body: Body) -> Body {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.asked();
        Body::new(Watched {
            body,
            progress: self.clone(),
        })
    }

    /// Comes when answers are open and no piece of any was asked for in `idle`.
    pub(super) async fn stalled(&self, idle: Duration) {
        loop {
            let last =
                self.0.begun + Duration::from_millis(self.0.asked_at.load(Ordering::Relaxed));
            let open = self.0.open.load(Ordering::Relaxed) > 0;
            if open && last.elapsed() >= idle {
                return;
            }
            let next = if open { last } else { Instant::now() };
            sleep_until(next + idle).await;
        }
    }

    fn asked(&self) {
        let at = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.asked_at.store(at, Ordering::Relaxed);
    }
}

struct Watched {
    body: Body,
    progress: Progress,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.progress.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.progress.asked();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
