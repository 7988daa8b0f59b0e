use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use berth_deployer::Deployer;
use berth_proxy::Proxy;
use berth_registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::event_stream::EventStreams;

/// What handlers work on.
#[derive(Clone)]
pub(crate) struct Console {
    pub(crate) registry: Arc<Registry>,
    pub(crate) proxy: Arc<Proxy>,
    pub(crate) deployer: Arc<Deployer>,
    /// That the server is about to end: answers that would go on for long end too.
    pub(crate) stopping: CancellationToken,
    pub(crate) event_streams: EventStreams,
    /// The port of the mirror address, if there is one.
    pub(crate) mirror_port: Option<u16>,
    /// The OpenAPI document, once somebody has asked for it.
    pub(crate) document: Arc<OnceLock<Bytes>>,
}
