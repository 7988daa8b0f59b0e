//! What the server answers beside the registry itself, and what goes around every answer: the
//! access line, metrics, and errors in the protocol's form whatever happens.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use berth_oci::ErrorCode;
use berth_registry::Registry;
use berth_registry::http::{answer_error, mirror_routes};
use berth_registry::source::Sources;
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;

mod access;
mod health;
mod metrics;

use access::Access;
pub(crate) use metrics::Metrics;

/// Who is at the other end of a connection: an extension of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Every route of the server, of which `console` has those of the management API.
pub(crate) fn app(
    registry: &Arc<Registry>,
    sources: &Arc<dyn Sources>,
    console: Router,
    metrics: Arc<Metrics>,
    access_log: bool,
) -> Router {
    let access = Access::new(Arc::clone(&metrics), access_log);
    let router = routed(routes(registry, sources, metrics));
    finished(router.merge(console), access)
}

/// What the address for mirrors serves.
pub(crate) fn mirror_app(
    registry: &Arc<Registry>,
    sources: &Arc<dyn Sources>,
    metrics: Arc<Metrics>,
    access_log: bool,
) -> Router {
    let access = Access::new(metrics, access_log);
    finished(routed(mirror_routes(registry, sources)), access)
}

fn routed(routes: Vec<(&'static str, MethodRouter)>) -> Router {
    let routes = routes.into_iter();
    routes.fold(Router::new(), |router, (path, answers)| {
        router.route(path, answers)
    })
}

/// With what goes around every answer.
fn finished(router: Router, access: Access) -> Router {
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        // From the inside out: a panic becomes an answer, and every answer its line.
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(access, access::record))
}

/// Every path but those of the management API. Nothing is routed that is not in this list, which the
/// test of all routes goes through.
fn routes(
    registry: &Arc<Registry>,
    sources: &Arc<dyn Sources>,
    metrics: Arc<Metrics>,
) -> Vec<(&'static str, MethodRouter)> {
    let ready = get(health::ready).with_state(Arc::clone(registry));
    let counts = get(metrics::expose_to_allowed).with_state((Arc::clone(registry), metrics));
    let mut routes = vec![
        ("/livez", get(health::live)),
        ("/readyz", ready),
        ("/metrics", counts),
    ];
    routes.extend(berth_registry::http::routes(registry, sources));
    routes
}

/// What the listener for metrics serves: them, and nothing that needs a right.
pub(crate) fn metrics_app(metrics: Arc<Metrics>) -> Router {
    let elsewhere = async || (StatusCode::NOT_FOUND, "only /metrics is served here\n");
    Router::new()
        .route("/metrics", get(metrics::expose).with_state(metrics))
        .fallback(elsewhere)
}

async fn unknown_path() -> Response {
    let message = "nothing is served here: the registry is at /v2/, its API at /api/v1/, its health at /livez and /readyz";
    answer_error(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message)
}

async fn wrong_method() -> Response {
    answer_error(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::Unsupported,
        "this path does not answer this method: see Allow",
    )
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    error!(panic = text, "a request has failed: this is a bug in Berth");
    answer_error(
        StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unknown,
        "internal error",
    )
}

#[cfg(test)]
mod tests;
