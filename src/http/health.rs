use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use berth_registry::{Probe, Registry};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    ready: bool,
    database: Part,
    store: Part,
}

#[derive(Serialize)]
struct Part {
    reads: String,
    writes: String,
}

/// The process runs and answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// 200 while pulls can be served, 503 otherwise. Writes that fail are told and change nothing in
/// the status: a full disk is no reason to take a registry that serves pulls out of service.
pub(super) async fn ready(State(registry): State<Arc<Registry>>) -> Response {
    let health = registry.health().await;
    let part = |reads: &Probe, writes: &Probe| Part {
        reads: word(reads),
        writes: word(writes),
    };
    let report = Report {
        ready: health.ready(),
        database: part(&health.database_reads, &health.database_writes),
        store: part(&health.store_reads, &health.store_writes),
    };
    let bytes = serde_json::to_vec(&report).expect("a report of strings is JSON");
    let mut response = Response::new(Body::from(bytes));
    if !health.ready() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn word(probe: &Probe) -> String {
    probe
        .as_ref()
        .map_or_else(Clone::clone, |()| "ok".to_owned())
}
