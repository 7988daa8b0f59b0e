//! What people and scripts do with Berth beside push and pull: the management API, and the page.
//!
//! Each resource is a file below [`api`]. A handler authorises, reads, calls the registry and
//! answers; the OpenAPI document is made from the handlers themselves. The [`page`] calls these handlers
//! and shows what they say. Nothing here owns data.

use std::sync::Arc;

use axum::Router;
use berth_deployer::Deployer;
use berth_proxy::Proxy;
use berth_registry::Registry;
use tokio_util::sync::CancellationToken;

mod api;
mod console;
mod event_stream;
mod page;

pub use api::{document, undescribed_paths};
use console::Console;
use event_stream::EventStreams;
pub use page::page_paths;

/// Every route below `/api/v1`, and those of the page. Answers that go on for long end when `stopping`
/// is cancelled. `mirror_port` is where the mirror address listens, if there is one.
pub fn router(
    registry: Arc<Registry>,
    proxy: Arc<Proxy>,
    deployer: Arc<Deployer>,
    mirror_port: Option<u16>,
    stopping: CancellationToken,
) -> Router {
    let console = Console {
        registry,
        proxy,
        deployer,
        stopping,
        event_streams: EventStreams::default(),
        mirror_port,
        document: Arc::default(),
    };
    api::router(console.clone()).merge(page::router(console))
}
