//! The pull-through cache: what is asked for and not there comes from an upstream, once, and stays.

use std::sync::Arc;

use reqwest::RequestBuilder;

use crate::support::{Blob, Download, Hub, Image, TestServer, files, holds, random_bytes, until};

mod corrupt;
mod disk;
mod eviction;
mod first_asked;
mod groups;
mod interruptions;
mod joins;
mod kills;
mod leftovers;
mod lists;
mod many;
mod mirror;
mod names;
mod ranges;
mod rights;
mod second_upstream;
mod shapes;
mod stale;
mod strangers;
mod tags;
mod tokens;
mod warm;

const MIB: usize = 1024 * 1024;

/// A proxy that knows the manifest of an image with one layer, and has no blob of it.
struct Cold {
    hub: Hub,
    server: Arc<TestServer>,
    image: Image,
}

impl Cold {
    async fn start(hub: Hub, layer_bytes: usize) -> Self {
        let image = hub.push("1", [random_bytes(1, layer_bytes)]).await;
        let server = hub.proxy().start().await;
        server.resolve("1", &image).await;
        hub.front.forget();
        Self {
            hub,
            server: Arc::new(server),
            image,
        }
    }

    fn layer(&self) -> &Blob {
        &self.image.layers[0]
    }

    fn get(&self) -> RequestBuilder {
        self.server.get(&Hub::blob(self.layer()))
    }

    /// Pulls the layer whole.
    async fn pull(&self) {
        Download::begin(self.get(), self.layer())
            .await
            .finish()
            .await;
    }

    /// Waits until the layer is cached: the upstream is not asked for it again.
    async fn cached(&self) {
        cached(&self.server, self.layer()).await;
    }
}

/// Waits until the blob is kept, whatever happens then: its row is written once nothing is staged.
async fn cached(server: &TestServer, blob: &Blob) {
    until("the blob in the store", async || {
        holds(server, blob) && files(&server.data_dir().join("store/uploads")).is_empty()
    })
    .await;
}
