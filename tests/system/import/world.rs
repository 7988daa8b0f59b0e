//! What the tests import: some of everything that registries hold.

use serde_json::{Value, json};

use crate::support::{Blob, Caller, DockerRegistry, OCI_MANIFEST, TestServer, ask, random_bytes};

pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest, what it needs, and what points at it.
pub(super) struct Item {
    pub(super) repository: &'static str,
    pub(super) tags: Vec<String>,
    pub(super) media_type: &'static str,
    pub(super) manifest: Blob,
    pub(super) blobs: Vec<Blob>,
}

/// Manifests in the order in which they can be pushed.
pub(super) struct World {
    pub(super) items: Vec<Item>,
    /// A manifest that no tag leads to, and that refers to nothing.
    pub(super) untagged: Item,
}

impl World {
    pub(super) fn new() -> Self {
        let shared = Blob::new(random_bytes(1, 200_000));
        let mut items = Vec::new();
        let single = docker("shop/web", &["v1", "latest"], &[shared.clone(), layer(2)]);
        let web = single.manifest.clone();
        items.push(single);
        items.push(oci(
            "shop/api",
            &["v1"],
            &[shared.clone(), layer(3)],
            json!({}),
        ));
        items.push(oci("alpine", &["3"], &[layer(4)], json!({})));

        // An index in an index, with a Docker list beside it, whose images share a layer.
        let amd64 = docker("deep/er/multi", &[], &[shared.clone(), layer(5)]);
        let arm64 = docker("deep/er/multi", &[], &[shared.clone(), layer(6)]);
        let list = index("deep/er/multi", &["docker"], DOCKER_LIST, &[&amd64, &arm64]);
        let riscv = oci("deep/er/multi", &[], &[layer(7)], json!({}));
        let outer = index("deep/er/multi", &["all"], OCI_INDEX, &[&list, &riscv]);
        items.extend([amd64, arm64, list, riscv, outer]);

        // A signature by cosign's tag, and one by a subject, with one of its own.
        let stem = web.digest.replace(':', "-");
        items.push(oci(
            "shop/web",
            &[&format!("{stem}.sig")],
            &[layer(8)],
            json!({}),
        ));
        let subject = |of: &Blob, media_type: &str| json!({"subject": of.descriptor(media_type)});
        let sbom = oci("shop/web", &[], &[layer(9)], subject(&web, DOCKER_MANIFEST));
        let seal = oci(
            "shop/web",
            &[],
            &[layer(10)],
            subject(&sbom.manifest, OCI_MANIFEST),
        );
        // As clients keep it where there is no referrers API.
        let fallback = index("shop/web", &[&stem], OCI_INDEX, &[&sbom]);
        let seal_stem = sbom.manifest.digest.replace(':', "-");
        let seal_fallback = index("shop/web", &[&seal_stem], OCI_INDEX, &[&seal]);
        items.extend([sbom, seal, fallback, seal_fallback]);
        Self {
            items,
            untagged: oci("shop/web", &[], &[layer(11)], json!({})),
        }
    }

    pub(super) async fn push(&self, registry: &DockerRegistry) {
        for item in self.items.iter().chain([&self.untagged]) {
            for blob in &item.blobs {
                registry.push_blob(item.repository, blob).await;
            }
            let tags = item.tags.iter().map(String::as_str);
            for reference in tags.chain([item.manifest.digest.as_str()]) {
                let manifest = &item.manifest;
                registry
                    .push_manifest(item.repository, reference, item.media_type, manifest)
                    .await;
            }
        }
    }

    /// Fails unless a server has all of it, below a prefix: each manifest byte for byte and by each
    /// of its tags, each blob by its digest.
    pub(super) async fn assert_at(&self, server: &TestServer, prefix: &str) {
        for item in &self.items {
            item.assert_at(server, prefix).await;
        }
    }
}

impl Item {
    pub(super) async fn push_to(&self, server: &Caller) {
        for blob in &self.blobs {
            blob.push(server, self.repository).await;
        }
        let tags = self.tags.iter().map(String::as_str);
        for reference in tags.chain([self.manifest.digest.as_str()]) {
            let path = format!("/v2/{}/manifests/{reference}", self.repository);
            let put = server.put(&path).header("content-type", self.media_type);
            ask(put.body(self.manifest.bytes.clone())).await.expect(201);
        }
    }

    pub(super) async fn assert_at(&self, server: &TestServer, prefix: &str) {
        let repository = format!("{prefix}{}", self.repository);
        let tags = self.tags.iter().map(String::as_str);
        for reference in tags.chain([self.manifest.digest.as_str()]) {
            let path = format!("/v2/{repository}/manifests/{reference}");
            let answer = ask(server.get(&path)).await.expect(200);
            assert_eq!(answer.body, self.manifest.bytes, "{path}");
            assert_eq!(answer.header("content-type"), self.media_type, "{path}");
        }
        for blob in &self.blobs {
            let path = format!("/v2/{repository}/blobs/{}", blob.digest);
            let answer = ask(server.get(&path)).await.expect(200);
            assert!(answer.body == blob.bytes, "{path}");
        }
    }

    pub(super) async fn assert_not_at(&self, server: &TestServer, prefix: &str) {
        let repository = format!("{prefix}{}", self.repository);
        let path = format!("/v2/{repository}/manifests/{}", self.manifest.digest);
        ask(server.get(&path)).await.expect(404);
    }
}

pub(super) fn layer(seed: u64) -> Blob {
    Blob::new(random_bytes(seed, 3000))
}

/// An image of Docker's schema 2.
pub(super) fn docker(repository: &'static str, tags: &[&str], layers: &[Blob]) -> Item {
    let types = [
        DOCKER_MANIFEST,
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ];
    image(repository, tags, layers, types, json!({}))
}

/// An OCI image, with more members in its manifest.
pub(super) fn oci(repository: &'static str, tags: &[&str], layers: &[Blob], more: Value) -> Item {
    let types = [
        OCI_MANIFEST,
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar",
    ];
    image(repository, tags, layers, types, more)
}

fn image(
    repository: &'static str,
    tags: &[&str],
    layers: &[Blob],
    [media_type, config_type, layer_type]: [&'static str; 3],
    more: Value,
) -> Item {
    let config = Blob::new(json!({"architecture": "amd64", "os": "linux"}).to_string());
    let described: Vec<Value> = layers
        .iter()
        .map(|blob| blob.descriptor(layer_type))
        .collect();
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor(config_type),
        "layers": described,
    });
    for (name, value) in more.as_object().expect("members") {
        document[name] = value.clone();
    }
    Item {
        repository,
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        media_type,
        // Not as any library would write it.
        manifest: Blob::new(format!("{document:#}\n")),
        blobs: layers.iter().cloned().chain([config]).collect(),
    }
}

pub(super) fn index(
    repository: &'static str,
    tags: &[&str],
    media_type: &'static str,
    children: &[&Item],
) -> Item {
    let described = children.iter().map(|child| {
        let mut entry = child.manifest.descriptor(child.media_type);
        entry["platform"] = json!({"os": "linux", "architecture": "amd64"});
        entry
    });
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": described.collect::<Vec<Value>>(),
    });
    Item {
        repository,
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        media_type,
        manifest: Blob::new(format!("{document:#}\n")),
        blobs: Vec::new(),
    }
}
