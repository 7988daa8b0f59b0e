//! The accept loop: connections, their limits and time-outs, TLS, and an end that lets transfers
//! finish. Our own over hyper, since here is where limits, TLS reload and later a faster way of
//! sending files belong.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use berth_registry::http::{FileSender, Scheme};
use bytes::Bytes;
use http::Version;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::http::{Metrics, Peer};

mod client;
mod files;
mod opening;
mod patient;
mod progress;
mod proxy_protocol;
mod replayed;
mod tls;

use client::Origin;
pub(crate) use client::TrustedProxies;
use files::SendingFiles;
use opening::Opening;
use patient::Patient;
use progress::Progress;
use proxy_protocol::Source;
use replayed::Replayed;
pub(crate) use tls::Tls;

/// HTTP/2 windows: enough to keep a push going over a long way.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Requests at a time on one connection; each may hold a manifest in memory.
const STREAMS: u32 = 32;
const HEADER_LIST_BYTES: u32 = 64 * 1024;
/// How long accepting rests when the process is out of files.
const OUT_OF_FILES_REST: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    pub(crate) connections: usize,
    /// For a TLS handshake, and for the head of a request, also on a connection that is kept open.
    pub(crate) header: Duration,
    /// How long a client may take nothing of an answer.
    pub(crate) idle: Duration,
    /// How long transfers may go on after the server was told to stop.
    pub(crate) shutdown: Duration,
}

/// The two ends of a server.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    /// No more connections; what is under way may finish.
    pub(crate) accepting: CancellationToken,
    /// Nothing goes on.
    pub(crate) transfers: CancellationToken,
}

pub(crate) struct Server {
    app: Router,
    tls: Option<Tls>,
    limits: ServerLimits,
    proxies: TrustedProxies,
    metrics: Arc<Metrics>,
    builder: auto::Builder<TokioExecutor>,
}

impl Server {
    pub(crate) fn new(
        app: Router,
        tls: Option<Tls>,
        limits: ServerLimits,
        proxies: TrustedProxies,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header);
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADER_LIST_BYTES)
            .keep_alive_interval(limits.idle)
            .keep_alive_timeout(limits.header);
        Self {
            app,
            tls,
            limits,
            proxies,
            metrics,
            builder,
        }
    }

    /// Serves until `stop.accepting`, then waits for the transfers under way, up to the limit or
    /// until `stop.transfers`.
    pub(crate) async fn serve(self, listener: TcpListener, stop: Stop) {
        let shutdown = self.limits.shutdown;
        let server = Arc::new(self);
        let connections = Arc::new(Semaphore::new(server.limits.connections));
        let graceful = GracefulShutdown::new();
        let follow = server
            .tls
            .clone()
            .map(|tls| tokio::spawn(tls.follow_until(stop.accepting.clone())));
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&connections).acquire_owned() => permit.expect("the semaphore is never closed"),
                () = stop.accepting.cancelled() => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.accepting.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    let server = Arc::clone(&server);
                    let (watcher, stop) = (graceful.watcher(), stop.clone());
                    // Ends with its connection, which `graceful` watches.
                    tokio::spawn(async move {
                        let connection = server.connection(stream, peer, watcher, &stop.accepting);
                        stop.transfers.run_until_cancelled(connection).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "could not accept a connection"
                    );
                    sleep(OUT_OF_FILES_REST).await;
                }
            }
        }
        drop(listener);
        let ended = tokio::select! {
            ended = timeout(shutdown, graceful.shutdown()) => ended.is_ok(),
            () = stop.transfers.cancelled() => false,
        };
        if !ended {
            warn!("transfers were cut");
            stop.transfers.cancel();
        }
        if let Some(follow) = follow {
            // It has nothing to return, and a panic there has been logged.
            let _ = follow.await;
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        accepting: &CancellationToken,
    ) {
        let _open = self.metrics.connection();
        if let Err(error) = stream.set_nodelay(true) {
            debug!(peer = %peer, error = &error as &dyn std::error::Error, "could not set TCP_NODELAY");
        }
        let stream = SendingFiles::new(stream);
        let files = stream.queue();
        let opening = Opening {
            peer,
            limit: self.limits.header,
            accepting,
        };
        let (stream, source) = if self.proxies.contains(peer.ip()) {
            let header = proxy_protocol::receive(stream);
            let Some(received) = opening.step("PROXY header", header).await else {
                return;
            };
            received
        } else {
            (Replayed::new(Bytes::new(), stream), Source::Peer)
        };
        let origin = self.origin(peer.ip(), source);
        let Some(tls) = &self.tls else {
            let files = Some(FileSender(Arc::new(files)));
            return self.http(stream, peer, origin, files, watcher).await;
        };
        if let Some(stream) = opening.step("TLS handshake", tls.accept(stream)).await {
            self.http(stream, peer, origin, None, watcher).await;
        }
    }

    fn origin(&self, peer: IpAddr, source: Source) -> Origin {
        let (address, proxy) = match source {
            Source::Peer => (peer, self.proxies.contains(peer)),
            // The headers are those of the client, who may be one more proxy.
            Source::Client(address) => (address, self.proxies.contains(address)),
            Source::Unknown => (peer, false),
        };
        let scheme = match self.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        };
        Origin {
            address,
            scheme,
            proxy,
        }
    }

    async fn http(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        origin: Origin,
        files: Option<FileSender>,
        watcher: Watcher,
    ) {
        let app = self.app.clone();
        let proxies = self.proxies.clone();
        let progress = Progress::new();
        let watched = progress.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            let client = proxies.client(&origin, &request);
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(Peer(peer));
            let under_way = match request.version() {
                Version::HTTP_2 => Some(watched.request()),
                _ => {
                    watched.ignore();
                    // HTTP/2 cuts bodies into frames, of which each has a head.
                    if let Some(files) = &files {
                        request.extensions_mut().insert(files.clone());
                    }
                    None
                }
            };
            let answer = app.clone().oneshot(request);
            async move {
                let response = answer.await?;
                Ok::<_, Infallible>(match under_way {
                    Some(request) => response.map(|body| request.watch(body)),
                    None => response,
                })
            }
        });
        let stream = Patient::new(stream, self.limits.header, self.limits.idle);
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        tokio::select! {
            ended = watcher.watch(connection) => if let Err(error) = ended {
                debug!(peer = %peer, error = &*error as &dyn std::error::Error, "connection ended early");
            },
            () = progress.ended(self.limits.idle, self.limits.header) => debug!(peer = %peer, "the client does nothing"),
        }
    }
}
