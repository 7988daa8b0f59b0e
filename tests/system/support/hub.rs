use std::fs;
use std::path::{Path, PathBuf};

use super::{Blob, Caller, Front, FrontBuilder, Image, TestServer, TestServerBuilder, ask};

/// A registry to pull from that is called `docker.io`: what is pushed to `registry` is pulled
/// through `front`.
pub struct Hub {
    pub registry: TestServer,
    pub front: Front,
}

impl Hub {
    pub async fn start() -> Self {
        Self::with(FrontBuilder::default()).await
    }

    pub async fn with(front: FrontBuilder) -> Self {
        let registry = TestServer::start().await;
        let front = front.start(&registry);
        Self { registry, front }
    }

    /// An image of these layers, as `library/app:{tag}`.
    pub async fn push(&self, tag: &str, layers: impl IntoIterator<Item = Vec<u8>>) -> Image {
        let image = Image::new(layers);
        image.push(&self.registry, "library/app", tag).await;
        image
    }

    /// A server that has it as its upstream `hub`, and as what clients of its mirror mean.
    pub fn proxy(&self) -> TestServerBuilder {
        TestServer::builder()
            .upstream("hub", "registry", "docker.io")
            .upstream("hub", "url", self.front.url())
            .upstream("hub", "allow_hosts", "127.0.0.2")
            .env("BERTH_MIRROR__DEFAULT", "hub")
            .env("BERTH_MIRROR__LISTEN", "127.0.0.1:0")
    }
}

impl Caller {
    /// Pulls the manifest of a tag of `library/app` through `hub`.
    pub async fn resolve(&self, tag: &str, image: &Image) {
        let answer = ask(self.get(&Hub::manifest(tag))).await.expect(200);
        assert_eq!(
            answer.header("docker-content-digest"),
            image.manifest.digest
        );
        assert_eq!(answer.body, image.manifest.bytes, "{answer:?}");
    }
}

impl Hub {
    /// Where a tag or a manifest of `library/app` is at the proxy.
    pub fn manifest(reference: &str) -> String {
        format!("/v2/hub/library/app/manifests/{reference}")
    }

    pub fn blob(blob: &Blob) -> String {
        format!("/v2/hub/library/app/blobs/{}", blob.digest)
    }
}

impl TestServerBuilder {
    /// A key of an upstream's configuration.
    pub fn upstream(self, name: &str, key: &str, value: impl ToString) -> Self {
        let name = format!("BERTH_UPSTREAM__{name}__{key}").to_uppercase();
        self.env(&name, value)
    }
}

/// Whether the store of a server has a blob as long as this one. A test whose blobs have lengths of
/// their own sees by it that one has been kept.
pub fn holds(server: &TestServer, blob: &Blob) -> bool {
    let length = blob.bytes.len() as u64;
    sizes(&blobs_of(server)).contains(&length)
}

/// How much the blobs of a server take.
pub fn stored_bytes(server: &TestServer) -> u64 {
    sizes(&blobs_of(server)).iter().sum()
}

fn blobs_of(server: &TestServer) -> PathBuf {
    server.data_dir().join("store/blobs")
}

/// The sizes of the files of a folder and of those in it, which may go at any time.
fn sizes(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.flat_map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => sizes(&entry.path()),
        Ok(metadata) => vec![metadata.len()],
        Err(_) => Vec::new(),
    });
    sizes.collect()
}
