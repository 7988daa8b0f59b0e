use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use berth_oci::ErrorCode;
use berth_proxy::Proxy;
use berth_registry::Registry as BerthRegistry;
use berth_registry::auth::{Action, Target};
use berth_registry::http::{ApiError, Client, answer_error, refuse};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

mod caches;
mod upstreams;

use caches::CacheCollector;
use upstreams::UpstreamCollector;

const CONTENT_TYPE_OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// RFC 7617.
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"berth\", charset=\"UTF-8\"");
/// Seconds; from a manifest out of the page cache to a layer over a slow line.
const DURATIONS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    endpoint: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEndpoint {
    endpoint: &'static str,
}

type Durations = Family<ByEndpoint, Histogram, fn() -> Histogram>;

/// What Prometheus is told. One for each server, so that many can live in one process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Durations,
    received: Counter<u64, AtomicU64>,
    sent: Counter<u64, AtomicU64>,
    connections: Gauge,
}

/// A connection that is open until this is dropped.
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new(berth: Arc<BerthRegistry>, proxy: Arc<Proxy>) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("berth"),
            requests: Family::default(),
            durations: Durations::new_with_constructor(|| Histogram::new(DURATIONS)),
            received: Counter::default(),
            sent: Counter::default(),
            connections: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("http_requests", "Answers sent", metrics.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the last byte of its answer",
            metrics.durations.clone(),
        );
        registry.register(
            "http_received_bytes",
            "Bytes of request bodies",
            metrics.received.clone(),
        );
        registry.register(
            "http_sent_bytes",
            "Bytes of answer bodies",
            metrics.sent.clone(),
        );
        registry.register(
            "http_connections",
            "Connections that are open",
            metrics.connections.clone(),
        );
        registry.register_collector(Box::new(UpstreamCollector(Arc::clone(&proxy))));
        let caches = CacheCollector::new(Arc::clone(&berth), proxy);
        registry.register_collector(Box::new(caches));
        registry.register_collector(Box::new(DatabaseCollector(berth)));
        metrics
    }

    pub(crate) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    pub(super) fn answered(
        &self,
        endpoint: &'static str,
        status: StatusCode,
        took: Duration,
        received: u64,
        sent: u64,
    ) {
        self.requests
            .get_or_create(&Answered {
                endpoint,
                status: status.as_u16(),
            })
            .inc();
        self.durations
            .get_or_create(&ByEndpoint { endpoint })
            .observe(took.as_secs_f64());
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }
}

/// As [`expose`], for who has the right: counts tell strangers what goes on.
pub(super) async fn expose_to_allowed(
    State((registry, metrics)): State<(Arc<BerthRegistry>, Arc<Metrics>)>,
    request: Request,
) -> Response {
    let (head, _) = request.into_parts();
    let address = head.extensions.get::<Client>().map(|client| client.address);
    let caller = match registry.authenticate(&head.headers, address).await {
        Ok(caller) if caller.known() => caller,
        Ok(_) => return unauthorized("this needs a user or robot with the right metrics.read"),
        Err(error) => return refuse(error, |_| BASIC).into_response(),
    };
    let allowed = registry.allows(&caller, Action::MetricsRead, Target::Everything);
    match allowed.await {
        Ok(true) => expose(State(metrics)).await,
        Ok(false) => answer_error(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            &format!("{} lacks the right metrics.read", caller.name()),
        ),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

fn unauthorized(message: &str) -> Response {
    let mut response = answer_error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
    response.headers_mut().insert(WWW_AUTHENTICATE, BASIC);
    response
}

pub(super) async fn expose(State(metrics): State<Arc<Metrics>>) -> Response {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &metrics.registry)
        .expect("writing to a string does not fail");
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(CONTENT_TYPE_OPENMETRICS),
    );
    response
}

/// Reads the counts of the database's writer when somebody asks.
struct DatabaseCollector(Arc<BerthRegistry>);

impl std::fmt::Debug for DatabaseCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseCollector")
    }
}

impl Collector for DatabaseCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let metrics = self.0.writer_metrics();
        let counts = [
            (
                "database_commits",
                "Transactions committed",
                metrics.commits,
            ),
            (
                "database_writes",
                "Writes that shared those commits",
                metrics.writes,
            ),
            (
                "database_reads",
                "Times that a request read the database",
                self.0.database_reads(),
            ),
            (
                "password_hashes",
                "Passwords that were hashed to be set or compared",
                self.0.password_hashes(),
            ),
        ];
        for (name, help, count) in counts {
            let counter = ConstCounter::new(count);
            let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
            counter.encode(metric)?;
        }
        Ok(())
    }
}
