//! One line for each request, when its answer is over.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use berth_registry::http::{Client, EndpointLabel};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body::{Frame, SizeHint};
use tracing::info;
use uuid::Uuid;

use super::{Metrics, Peer};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is the same for every line.
#[derive(Clone)]
pub(super) struct Access {
    metrics: Arc<Metrics>,
    log: bool,
    ids: Arc<RequestIds>,
}

/// Ids that no other process gives: a random beginning, and a count.
struct RequestIds {
    run: String,
    count: AtomicU64,
}

impl Access {
    pub(super) fn new(metrics: Arc<Metrics>, log: bool) -> Self {
        let run = Uuid::new_v4().simple().to_string()[..12].to_owned();
        Self {
            metrics,
            log,
            ids: Arc::new(RequestIds {
                run,
                count: AtomicU64::new(0),
            }),
        }
    }
}

impl RequestIds {
    fn next(&self) -> String {
        format!(
            "{}-{:x}",
            self.run,
            self.count.fetch_add(1, Ordering::Relaxed)
        )
    }
}

/// Gives the request an id, counts its bytes, and writes the line when the answer is over, however
/// it ends.
pub(super) async fn record(State(access): State<Access>, request: Request, next: Next) -> Response {
    let id = access.ids.next();
    let received = Arc::new(AtomicU64::new(0));
    let mut line = Line {
        id,
        started: Instant::now(),
        method: request.method().clone(),
        uri: request.uri().clone(),
        peer: request.extensions().get::<Peer>().map(|peer| peer.0),
        client: request
            .extensions()
            .get::<Client>()
            .map(|client| client.address),
        received: Arc::clone(&received),
        sent: 0,
        expected: None,
        status: StatusCode::OK,
        endpoint: "other",
        complete: false,
        access,
    };
    let request = request.map(|body| match http_body::Body::is_end_stream(&body) {
        true => body,
        false => Body::new(Received { body, received }),
    });
    let mut response = next.run(request).await;
    line.status = response.status();
    if let Some(EndpointLabel(endpoint)) = response.extensions().get() {
        line.endpoint = endpoint;
    }
    if let Ok(id) = HeaderValue::from_str(&line.id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let length = response.headers().get(CONTENT_LENGTH);
    line.expected = length.and_then(|length| length.to_str().ok()?.parse().ok());
    response.map(|body| {
        // What hyper knows the length of it does not ask for an end.
        line.expected = line.expected.or(http_body::Body::size_hint(&body).exact());
        // An answer to HEAD has no body, whatever was made for it.
        line.complete = line.method == Method::HEAD || http_body::Body::is_end_stream(&body);
        Body::new(Sent { body, line })
    })
}

struct Line {
    access: Access,
    id: String,
    started: Instant,
    method: Method,
    uri: Uri,
    peer: Option<SocketAddr>,
    client: Option<IpAddr>,
    received: Arc<AtomicU64>,
    sent: u64,
    /// The Content-Length of the answer. Once so much has gone, nobody asks the body for its end.
    expected: Option<u64>,
    status: StatusCode,
    endpoint: &'static str,
    complete: bool,
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let received = self.received.load(Ordering::Relaxed);
        self.access
            .metrics
            .answered(self.endpoint, self.status, took, received, self.sent);
        if !self.access.log {
            return;
        }
        // Of a request that came directly, the peer says it.
        let client = self
            .client
            .filter(|&client| Some(client) != self.peer.map(|peer| peer.ip()));
        let end = if self.complete { "" } else { ", cut short" };
        info!(
            target: "access",
            id = %self.id,
            peer = self.peer.map(tracing::field::display),
            client = client.map(tracing::field::display),
            method = %self.method,
            path = self.uri.path(),
            endpoint = self.endpoint,
            status = self.status.as_u16(),
            received_bytes = received,
            sent_bytes = self.sent,
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            complete = self.complete,
            "{} {} {}{end}", self.method, self.uri.path(), self.status.as_u16(),
        );
    }
}

/// A request body that counts what comes.
struct Received {
    body: Body,
    received: Arc<AtomicU64>,
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.received
                .fetch_add(data_bytes(frame), Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that counts what goes; its line is written when it is dropped.
struct Sent {
    body: Body,
    line: Line,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.line.sent += data_bytes(frame);
                self.line.complete = self.line.expected == Some(self.line.sent);
            }
            Poll::Ready(None) => self.line.complete = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn data_bytes(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}
