//! BuildKit 0.17 with buildx: images with attestations, and its cache in a registry. It pushes as
//! containerd does.

use serde_json::json;

use super::containerd::{push_blob, push_manifest, signed_in};
use crate::support::{Blob, Caller, Image, TestServer, ask, random_bytes};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";
const IN_TOTO: &str = "application/vnd.in-toto+json";

const APP: &str = "repository:team/app:pull,push";

/// A manifest of any config and layers.
fn manifest(config: (&Blob, &str), layers: &[(&Blob, &str)]) -> Blob {
    let layers: Vec<_> = layers
        .iter()
        .map(|(layer, kind)| layer.descriptor(kind))
        .collect();
    Blob::new(
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.0.descriptor(config.1),
            "layers": layers,
        })
        .to_string(),
    )
}

#[tokio::test]
async fn buildkit_pushes_an_image_with_its_attestation() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    let statement = Blob::new(r#"{"_type":"https://in-toto.io/Statement/v0.1"}"#);
    let empty = Blob::new(r#"{"architecture":"unknown","os":"unknown","config":{}}"#);
    let attestation = manifest((&empty, CONFIG), &[(&statement, IN_TOTO)]);
    let mut child = image.manifest.descriptor(MANIFEST);
    child["platform"] = json!({"architecture": "amd64", "os": "linux"});
    let mut attached = attestation.descriptor(MANIFEST);
    attached["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    attached["annotations"] = json!({
        "vnd.docker.reference.digest": image.manifest.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    });
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child, attached]});
    let index = Blob::new(index.to_string());

    for (blob, kind) in [
        (&image.layers[0], LAYER),
        (&image.config, CONFIG),
        (&statement, IN_TOTO),
        (&empty, CONFIG),
    ] {
        push_blob(&client, "team/app", blob, kind).await;
    }
    for manifest in [&image.manifest, &attestation] {
        push_manifest(&client, "team/app", &manifest.digest, manifest, MANIFEST).await;
    }
    push_manifest(&client, "team/app", "1", &index, INDEX).await;

    // buildx imagetools inspect, and the pull of one platform.
    let head = client
        .head("/v2/team/app/manifests/1")
        .header("accept", format!("{INDEX}, */*"));
    let resolved = ask(head).await.expect(200);
    assert_eq!(resolved.header("docker-content-digest"), index.digest);
    for stored in [&index, &image.manifest, &attestation] {
        let path = format!("/v2/team/app/manifests/{}", stored.digest);
        assert_eq!(ask(client.get(&path)).await.expect(200).body, stored.bytes);
    }
}

/// `image-manifest=false`, the default until 0.21: an index whose entries are layers and the cache's
/// own config, none of them a manifest; with `oci-mediatypes=false` as Docker's list.
#[tokio::test]
async fn buildkit_keeps_its_cache_in_an_index_of_layers() {
    for (list, layer_type) in [
        (INDEX, LAYER),
        (
            DOCKER_LIST,
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
    ] {
        let server = TestServer::start().await;
        let client = signed_in(&server, &[APP]).await;
        let layers = [
            Blob::new(random_bytes(1, 3000)),
            Blob::new(random_bytes(2, 3000)),
        ];
        let config = Blob::new(r#"{"layers":[{"blob":"sha256:…","parent":-1}],"records":[]}"#);
        let mut entries: Vec<_> = layers
            .iter()
            .map(|layer| layer.descriptor(layer_type))
            .collect();
        entries[0]["annotations"] = json!({"buildkit/createdat": "2026-01-01T00:00:00Z"});
        entries.push(config.descriptor(CACHE_CONFIG));
        let cache = json!({"schemaVersion": 2, "mediaType": list, "manifests": entries});
        let cache = Blob::new(cache.to_string());

        for layer in &layers {
            push_blob(&client, "team/app", layer, layer_type).await;
        }
        push_blob(&client, "team/app", &config, CACHE_CONFIG).await;
        push_manifest(&client, "team/app", "cache", &cache, list).await;
        import(&client, &cache, &[&config, &layers[0], &layers[1]]).await;

        // What only the cache names is kept as long as it is.
        let path = format!("/v2/team/app/blobs/{}", layers[0].digest);
        ask(server.delete(&path))
            .await
            .expect_error(405, "UNSUPPORTED");
    }
}

/// `image-manifest=true`, the default since 0.21: an image whose config is the cache's.
#[tokio::test]
async fn buildkit_keeps_its_cache_in_an_image() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let layer = Blob::new(random_bytes(1, 3000));
    let config = Blob::new(r#"{"layers":[],"records":[]}"#);
    let cache = manifest((&config, CACHE_CONFIG), &[(&layer, LAYER)]);
    push_blob(&client, "team/app", &layer, LAYER).await;
    push_blob(&client, "team/app", &config, CACHE_CONFIG).await;
    push_manifest(&client, "team/app", "cache", &cache, MANIFEST).await;
    import(&client, &cache, &[&config, &layer]).await;

    // The next build writes the tag anew.
    let next = manifest((&config, CACHE_CONFIG), &[]);
    let put = client
        .put("/v2/team/app/manifests/cache")
        .header("content-type", MANIFEST);
    let stored = ask(put.body(next.bytes.clone())).await.expect(201);
    assert_eq!(stored.header("docker-content-digest"), next.digest);
    import(&client, &next, &[&config]).await;
}

/// `--cache-from type=registry`.
async fn import(client: &Caller, cache: &Blob, blobs: &[&Blob]) {
    let head = client
        .head("/v2/team/app/manifests/cache")
        .header("accept", "*/*");
    let resolved = ask(head).await.expect(200);
    assert_eq!(resolved.header("docker-content-digest"), cache.digest);
    let path = format!("/v2/team/app/manifests/{}", cache.digest);
    assert_eq!(ask(client.get(&path)).await.expect(200).body, cache.bytes);
    for blob in blobs {
        let path = format!("/v2/team/app/blobs/{}", blob.digest);
        assert_eq!(ask(client.get(&path)).await.expect(200).body, blob.bytes);
    }
}

/// A build without a cache goes on after this 404, and fails after any other error.
#[tokio::test]
async fn buildkit_finds_no_cache_in_a_new_repository() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &["repository:team/new:pull"]).await;
    let head = client
        .head("/v2/team/new/manifests/cache")
        .header("accept", "*/*");
    ask(head).await.expect(404);
}
