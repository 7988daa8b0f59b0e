use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::answer;
use super::{Listener, Shared};

/// Little, so that a connection that is closed loses little of what was given to it.
const BUFFER_BYTES: usize = 32 * 1024;

/// A listener and its connections.
pub(super) struct Serving {
    stop: CancellationToken,
    done: JoinHandle<()>,
}

impl Serving {
    pub(super) fn start(
        handle: &Handle,
        listener: TcpListener,
        which: Listener,
        shared: Arc<Shared>,
    ) -> Self {
        let stop = CancellationToken::new();
        listener.set_nonblocking(true).expect("a socket of ours");
        let done = handle.spawn(accept(listener, which, shared, stop.clone()));
        Self { stop, done }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.done.await.expect("it does not panic");
    }
}

async fn accept(
    listener: TcpListener,
    which: Listener,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket of ours");
    let connections = TaskTracker::new();
    loop {
        // Who comes back at once is not let in by what is stopping.
        let stream = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted.expect("a connection").0,
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        connections.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = serve(stream, which, shared) => {}
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve(stream: TcpStream, which: Listener, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(&shared, which, request));
    let connection = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // How a connection ends is for the one at its other end to see.
    let _ = connection.await;
}

/// Why a connection is closed in the middle.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}
