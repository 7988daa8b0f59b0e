//! Clients that pull what they call `docker.io/…`, and get it from Berth. There is no other: what
//! they would ask beside it goes to a proxy that nobody has, so that a pull that succeeds came by
//! Berth.

use std::fs;

use crate::manifests::{OCI_INDEX, path, put};
use crate::support::{Blob, Hub, Layout, OCI_MANIFEST, Program, Request};

mod containerd;
mod docker;
mod podman;

/// Pushes a layout to the registry behind the front, as the tag `1` of a repository.
async fn publish(hub: &Hub, repository: &str) -> Layout {
    let layout = Layout::new();
    let registry = &hub.registry;
    for name in layout.blobs() {
        let file = format!("{}/blobs/sha256/{name}", layout.path());
        let blob = Blob::new(fs::read(file).expect("a blob"));
        blob.push(registry, repository).await;
    }
    for manifest in &layout.manifests {
        let path = path(repository, &manifest.digest);
        put(registry, &path, OCI_MANIFEST, manifest.bytes.clone())
            .await
            .expect(201);
    }
    let index = layout.index.bytes.clone();
    put(registry, &path(repository, "1"), OCI_INDEX, index)
        .await
        .expect(201);
    layout
}

/// A program that reaches loopback and nothing else.
fn cut_off(program: Program) -> Program {
    program
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
}

/// That the blobs of one platform were fetched from the upstream, each once.
fn assert_pulled_once(hub: &Hub, layout: &Layout) {
    let manifest: serde_json::Value =
        serde_json::from_slice(&layout.manifests[0].bytes).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    for descriptor in layers.iter().chain([&manifest["config"]]) {
        let digest = descriptor["digest"].as_str().expect("a digest");
        hub.front
            .assert_count(1, |request| request.is_blob() && request.is_of(digest));
    }
    hub.front.assert_count(3, Request::is_blob);
}
