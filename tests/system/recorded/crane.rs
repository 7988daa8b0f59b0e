//! crane 0.20 (go-containerregistry); kaniko, ko and cosign push with the same code.

use futures_util::stream;
use serde_json::json;

use crate::support::{Blob, Caller, Challenge, Image, TestServer, ask, random_bytes};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub(super) const APP: &str = "repository:team/app:push,pull";

/// It looks for a challenge first, and for http where https is not spoken.
pub(super) async fn signed_in(server: &TestServer, scopes: &[&str]) -> Caller {
    Challenge::of(server, "/v2/")
        .await
        .get(server, scopes)
        .await
}

/// How a layer's bytes are sent: of a known size, or while they are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Sized,
    Streamed,
}

/// POST, one PATCH, an empty PUT that has to answer 201.
pub(super) async fn push_blob(client: &Caller, repository: &str, blob: &Blob, body: Body) {
    if matches!(body, Body::Sized) {
        // The digest of a stream is not known yet, so nothing is asked for.
        ask(client.head(&format!("/v2/{repository}/blobs/{}", blob.digest)))
            .await
            .expect(404);
    }
    let start = client.post(&format!("/v2/{repository}/blobs/uploads/"));
    let started = ask(start.header("content-type", "application/json"))
        .await
        .expect(202);
    let patch = client
        .patch(started.location())
        .header("content-type", "application/octet-stream");
    let patch = match body {
        Body::Sized => patch.body(blob.bytes.clone()),
        Body::Streamed => {
            let pieces: Vec<_> = blob.bytes.chunks(700).map(<[u8]>::to_vec).collect();
            let pieces = stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
            patch.body(reqwest::Body::wrap_stream(pieces))
        }
    };
    let sent = ask(patch).await.expect(202);
    let put = client
        .put(&sent.location_with(&blob.digest))
        .header("content-type", "application/octet-stream");
    ask(put).await.expect(201);
}

pub(super) async fn push_manifest(
    client: &Caller,
    repository: &str,
    reference: &str,
    manifest: &Blob,
) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    ask(client.head(&path).header("accept", MANIFEST))
        .await
        .expect(404);
    let put = client.put(&path).header("content-type", MANIFEST);
    ask(put.body(manifest.bytes.clone())).await.expect(201);
}

#[tokio::test]
async fn crane_pushes_sized_and_streamed_layers() {
    for body in [Body::Sized, Body::Streamed] {
        let server = TestServer::start().await;
        let client = signed_in(&server, &[APP]).await;
        let image = Image::new([random_bytes(1, 9000), random_bytes(2, 1)]);
        for layer in &image.layers {
            push_blob(&client, "team/app", layer, body).await;
        }
        push_blob(&client, "team/app", &image.config, Body::Sized).await;
        push_manifest(&client, "team/app", "1", &image.manifest).await;

        let pulled = ask(client
            .get("/v2/team/app/manifests/1")
            .header("accept", MANIFEST))
        .await
        .expect(200);
        assert_eq!(pulled.body, image.manifest.bytes, "{body:?}");
        assert_eq!(
            pulled.header("docker-content-digest"),
            image.manifest.digest
        );
        for layer in &image.layers {
            let path = format!("/v2/team/app/blobs/{}", layer.digest);
            assert_eq!(
                ask(client.get(&path)).await.expect(200).body,
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
    let client = signed_in(
        &server,
        &["repository:team/copy:push,pull", "repository:team/app:pull"],
    )
    .await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let layer = &image.layers[0];
    let digest = layer.digest.replace(':', "%3A");
    let path =
        format!("/v2/team/copy/blobs/uploads/?from=team%2Fapp&mount={digest}&origin=registry.test");
    let mount = client
        .post(&path)
        .header("content-type", "application/json");
    ask(mount).await.expect(201);
    ask(client.head(&format!("/v2/team/copy/blobs/{}", layer.digest)))
        .await
        .expect(200);
}

/// kaniko does this before it builds, and drops the session.
#[tokio::test]
async fn kaniko_learns_whether_it_may_push() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let start = client.post("/v2/team/app/blobs/uploads/");
    let started = ask(start.header("content-type", "application/json"))
        .await
        .expect(202);
    ask(client.delete(started.location())).await.expect(204);
    ask(client.get(started.location()))
        .await
        .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn crane_lists_pages_and_deletes() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    for tag in ["1", "2", "3"] {
        image.push(&server, "team/app", tag).await;
    }
    Image::small(2).push(&server, "team/other", "1").await;

    let first = ask(client.get("/v2/team/app/tags/list?n=2"))
        .await
        .expect(200);
    assert_eq!(first.json()["tags"], json!(["1", "2"]));
    let link = first.header("link");
    // Read as RFC 5988: the target in angle brackets, resolved against the request.
    let (target, relation) = link.split_once('>').expect("a target");
    assert_eq!(relation.replace(' ', ""), ";rel=\"next\"");
    let next = ask(client.get(target.trim_start_matches('<')))
        .await
        .expect(200);
    assert_eq!(next.json()["tags"], json!(["3"]));
    assert_eq!(next.maybe("link"), None, "{next:?}");

    let client = signed_in(&server, &["registry:catalog:*"]).await;
    let catalog = ask(client.get("/v2/_catalog?n=1000")).await.expect(200);
    assert_eq!(
        catalog.json()["repositories"],
        json!(["team/app", "team/other"])
    );

    let path = format!("/v2/team/app/manifests/{}", image.manifest.digest);
    let client = signed_in(&server, &[APP]).await;
    let refused = ask(client.delete(&path)).await;
    refused.expect_error(401, "UNAUTHORIZED");
    // What the challenge asks for in addition comes first, since some look at no other.
    let challenge = Challenge::read(&refused);
    let scope = challenge.scope.as_deref().expect("a scope");
    let client = challenge.get(&server, &[scope, APP]).await;
    ask(client.delete(&path)).await.expect(202);
    ask(client.head("/v2/team/app/manifests/1"))
        .await
        .expect(404);
    ask(server.head("/v2/team/other/manifests/1"))
        .await
        .expect(200);
}
