//! crane 0.20 (go-containerregistry); kaniko, ko and cosign push with the same code.

use futures_util::stream;
use serde_json::json;

use super::answer::send;
use crate::support::{Blob, Image, TestServer, random_bytes};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// How a layer's bytes are sent: of a known size, or while they are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Sized,
    Streamed,
}

/// POST, one PATCH, an empty PUT that has to answer 201.
pub(super) async fn push_blob(server: &TestServer, repository: &str, blob: &Blob, body: Body) {
    if matches!(body, Body::Sized) {
        // The digest of a stream is not known yet, so nothing is asked for.
        send(
            server.head(&format!("/v2/{repository}/blobs/{}", blob.digest)),
            404,
        )
        .await;
    }
    let start = server.post(&format!("/v2/{repository}/blobs/uploads/"));
    let started = send(start.header("content-type", "application/json"), 202).await;
    let patch = server
        .patch(&started.location())
        .header("content-type", "application/octet-stream");
    let patch = match body {
        Body::Sized => patch.body(blob.bytes.clone()),
        Body::Streamed => {
            let pieces: Vec<_> = blob.bytes.chunks(700).map(<[u8]>::to_vec).collect();
            let pieces = stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
            patch.body(reqwest::Body::wrap_stream(pieces))
        }
    };
    let sent = send(patch, 202).await;
    let put = server
        .put(&sent.location_with(&blob.digest))
        .header("content-type", "application/octet-stream");
    send(put, 201).await;
}

pub(super) async fn push_manifest(
    server: &TestServer,
    repository: &str,
    reference: &str,
    manifest: &Blob,
) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    send(server.head(&path).header("accept", MANIFEST), 404).await;
    let put = server.put(&path).header("content-type", MANIFEST);
    send(put.body(manifest.bytes.clone()), 201).await;
}

#[tokio::test]
async fn crane_pushes_sized_and_streamed_layers() {
    for body in [Body::Sized, Body::Streamed] {
        let server = TestServer::start().await;
        let image = Image::new([random_bytes(1, 9000), random_bytes(2, 1)]);
        // It looks for a challenge first, and for http where https is not spoken.
        send(server.get("/v2/"), 200).await;
        for layer in &image.layers {
            push_blob(&server, "team/app", layer, body).await;
        }
        push_blob(&server, "team/app", &image.config, Body::Sized).await;
        push_manifest(&server, "team/app", "1", &image.manifest).await;

        let pulled = send(
            server
                .get("/v2/team/app/manifests/1")
                .header("accept", MANIFEST),
            200,
        )
        .await;
        assert_eq!(pulled.body, image.manifest.bytes, "{body:?}");
        pulled.must_have("docker-content-digest", &image.manifest.digest);
        for layer in &image.layers {
            let path = format!("/v2/team/app/blobs/{}", layer.digest);
            assert_eq!(
                send(server.get(&path), 200).await.body,
                layer.bytes,
                "{body:?}"
            );
        }
    }
}

/// `crane copy`: `origin` is a parameter of its own that registries do not know.
#[tokio::test]
async fn crane_mounts_a_layer_from_where_it_copies() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let layer = &image.layers[0];
    let digest = layer.digest.replace(':', "%3A");
    let path =
        format!("/v2/team/copy/blobs/uploads/?from=team%2Fapp&mount={digest}&origin=registry.test");
    let mount = server
        .post(&path)
        .header("content-type", "application/json");
    send(mount, 201).await;
    send(
        server.head(&format!("/v2/team/copy/blobs/{}", layer.digest)),
        200,
    )
    .await;
}

/// kaniko does this before it builds, and drops the session.
#[tokio::test]
async fn kaniko_learns_whether_it_may_push() {
    let server = TestServer::start().await;
    let start = server.post("/v2/team/app/blobs/uploads/");
    let started = send(start.header("content-type", "application/json"), 202).await;
    send(server.delete(&started.location()), 204).await;
    send(server.get(&started.location()), 404)
        .await
        .must_say("BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn crane_lists_pages_and_deletes() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    for tag in ["1", "2", "3"] {
        image.push(&server, "team/app", tag).await;
    }
    Image::small(2).push(&server, "team/other", "1").await;

    let first = send(server.get("/v2/team/app/tags/list?n=2"), 200).await;
    assert_eq!(first.json()["tags"], json!(["1", "2"]));
    let link = first.header("link").expect("a link to the next page");
    // Read as RFC 5988: the target in angle brackets, resolved against the request.
    let (target, relation) = link.split_once('>').expect("a target");
    assert_eq!(relation.replace(' ', ""), ";rel=\"next\"");
    let next = send(server.get(target.trim_start_matches('<')), 200).await;
    assert_eq!(next.json()["tags"], json!(["3"]));
    assert_eq!(next.header("link"), None);

    let catalog = send(server.get("/v2/_catalog?n=1000"), 200).await;
    assert_eq!(
        catalog.json()["repositories"],
        json!(["team/app", "team/other"])
    );

    let path = format!("/v2/team/app/manifests/{}", image.manifest.digest);
    send(server.delete(&path), 202).await;
    send(server.head("/v2/team/app/manifests/1"), 404).await;
    send(server.head("/v2/team/other/manifests/1"), 200).await;
}
