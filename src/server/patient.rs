use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// The preface of HTTP/2: with so many bytes hyper knows which version it has, and its own
/// time-outs begin.
const PREFACE_BYTES: usize = 24;

/// A connection that ends when the client is silent at its beginning, or takes nothing of what is
/// sent, for too long. Time-outs of whole answers would cut slow clients that do make progress.
pub(super) struct Patient<S> {
    stream: S,
    idle: Duration,
    opening: Option<Opening>,
    /// When a write that waits for the client has waited too long.
    patience: Pin<Box<Sleep>>,
    waiting: bool,
}

struct Opening {
    deadline: Pin<Box<Sleep>>,
    received: usize,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, opening: Duration, idle: Duration) -> Self {
        let opening = Opening {
            deadline: Box::pin(sleep(opening)),
            received: 0,
        };
        Self {
            stream,
            idle,
            opening: Some(opening),
            patience: Box::pin(sleep(idle)),
            waiting: false,
        }
    }

    fn check_progress<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.waiting = false;
            return outcome;
        }
        if !self.waiting {
            self.waiting = true;
            let deadline = Instant::now() + self.idle;
            self.patience.as_mut().reset(deadline);
        }
        ready!(self.patience.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client takes nothing",
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some(opening) = &mut self.opening else {
            return outcome;
        };
        if outcome.is_ready() {
            opening.received += buffer.filled().len() - before;
            if opening.received >= PREFACE_BYTES {
                self.opening = None;
            }
            return outcome;
        }
        ready!(opening.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "no request came",
        )))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // An answer means that the head of a request has come.
        self.opening = None;
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.check_progress(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.opening = None;
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.check_progress(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Over TLS the last of what was sent waits here.
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.check_progress(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.check_progress(cx, outcome)
    }
}
