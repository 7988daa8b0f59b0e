//! containerd 2.1, core/remotes/docker. BuildKit and Docker's containerd image store push and pull
//! with the same code.

use futures_util::future::join_all;

use crate::support::{Blob, Caller, Challenge, Image, TestServer, ask, random_bytes};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCTETS: &str = "application/octet-stream";
/// What containerd accepts of a tag whose type it does not know.
const ANY_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";
const ENCODINGS: &str = "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5";

const APP: &str = "repository:library/app:pull,push";

/// With a token for what it goes on to do, once its first request was refused.
pub(super) async fn signed_in(server: &TestServer, scopes: &[&str]) -> Caller {
    let challenge = Challenge::of(server, "/v2/library/app/manifests/1").await;
    challenge.post(server, "containerd-client", scopes).await
}

/// HEAD, POST with a slash, one PUT with all bytes; no PATCH.
pub(super) async fn push_blob(client: &Caller, repository: &str, blob: &Blob, media_type: &str) {
    let path = format!("/v2/{repository}/blobs/{}", blob.digest);
    let accept = format!("{media_type}, */*");
    let head = client.head(&path).header("accept", accept);
    // Anything but 200 and 404 ends the push.
    ask(head).await.expect(404);
    let start = client.post(&format!("/v2/{repository}/blobs/uploads/"));
    let started = ask(start.header("content-length", 0)).await.expect(202);
    let upload = client
        .put(&started.location_with(&blob.digest))
        .header("content-type", OCTETS)
        .body(blob.bytes.clone());
    let stored = ask(upload).await.expect(201);
    // Parsed, and compared to what was sent.
    assert_eq!(stored.header("docker-content-digest"), blob.digest);
}

/// HEAD and PUT of a manifest, by tag or by digest.
pub(super) async fn push_manifest(
    client: &Caller,
    repository: &str,
    reference: &str,
    manifest: &Blob,
    media_type: &str,
) {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let head = client
        .head(&path)
        .header("accept", format!("{media_type}, */*"));
    ask(head).await.expect(404);
    let put = client
        .put(&path)
        .header("content-type", media_type)
        .body(manifest.bytes.clone());
    let stored = ask(put).await.expect(201);
    assert_eq!(stored.header("docker-content-digest"), manifest.digest);
}

async fn push_image(client: &Caller, repository: &str, image: &Image, tag: &str) {
    for blob in image.layers.iter().chain([&image.config]) {
        push_blob(client, repository, blob, LAYER).await;
    }
    push_manifest(client, repository, tag, &image.manifest, MANIFEST).await;
}

#[tokio::test]
async fn containerd_2_sees_that_a_tag_is_there_already() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::new([random_bytes(1, 4000), random_bytes(2, 4000)]);
    push_image(&client, "library/app", &image, "1").await;

    let head = client
        .head("/v2/library/app/manifests/1")
        .header("accept", ANY_MANIFEST);
    // Only when the digests are equal is nothing sent.
    let resolved = ask(head).await.expect(200);
    assert_eq!(
        resolved.header("docker-content-digest"),
        image.manifest.digest
    );
    let path = format!("/v2/library/app/blobs/{}", image.config.digest);
    ask(client.head(&path).header("accept", "*/*"))
        .await
        .expect(200);
}

#[tokio::test]
async fn containerd_2_mounts_from_the_repository_that_a_layer_came_from() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    push_image(&client, "library/app", &image, "1").await;
    let layer = &image.layers[0];
    let client = signed_in(&server, &["repository:team/copy:pull,push", APP]).await;
    // The digest's colon and the slash of the name are sent as they are.
    let path = format!(
        "/v2/team/copy/blobs/uploads/?mount={}&from=library/app",
        layer.digest
    );
    let mounted = ask(client.post(&path)).await.expect(201);
    assert!(mounted.location().ends_with(&layer.digest));

    let unknown = Blob::new(random_bytes(2, 100));
    let path = format!(
        "/v2/team/copy/blobs/uploads/?mount={}&from=library/app",
        unknown.digest
    );
    let started = ask(client.post(&path)).await.expect(202);
    let upload = client.put(&started.location_with(&unknown.digest));
    ask(upload.body(unknown.bytes.clone())).await.expect(201);
}

/// As from a mirror: every request names the registry that it stands for.
#[tokio::test]
async fn containerd_2_pulls_by_the_digest_that_the_tag_has() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::new([random_bytes(1, 4000)]);
    push_image(&client, "library/app", &image, "1").await;

    let head = client.head("/v2/library/app/manifests/1?ns=docker.io");
    let resolved = ask(head.header("accept", ANY_MANIFEST)).await.expect(200);
    // Without one of the three the manifest is fetched whole to learn them.
    assert_eq!(
        resolved.header("docker-content-digest"),
        image.manifest.digest
    );
    assert_eq!(resolved.header("content-type"), MANIFEST, "{resolved:?}");
    assert_eq!(
        resolved.header("content-length"),
        image.manifest.bytes.len().to_string()
    );

    let manifest = format!(
        "/v2/library/app/manifests/{}?ns=docker.io",
        image.manifest.digest
    );
    let blob = |blob: &Blob| format!("/v2/library/app/blobs/{}?ns=docker.io", blob.digest);
    for (path, expected) in [
        (manifest, &image.manifest),
        (blob(&image.config), &image.config),
        (blob(&image.layers[0]), &image.layers[0]),
    ] {
        let get = client.get(&path).header("accept", format!("{LAYER}, */*"));
        let got = ask(get.header("accept-encoding", ENCODINGS))
            .await
            .expect(200);
        assert_eq!(got.maybe("content-encoding"), None, "{path} came packed");
        assert_eq!(
            got.header("content-length"),
            expected.bytes.len().to_string()
        );
        assert_eq!(got.body, expected.bytes, "{path}");
    }

    let missing = client.head("/v2/library/app/manifests/2?ns=docker.io");
    ask(missing.header("accept", ANY_MANIFEST))
        .await
        .expect(404);
    // Content of an unknown type is looked for among blobs first.
    let path = format!(
        "/v2/library/app/blobs/{}?ns=docker.io",
        image.manifest.digest
    );
    ask(client.head(&path).header("accept", "*/*"))
        .await
        .expect(404);
}

/// What `concurrent_layer_fetch_buffer` turns on: ranges without an end, of each of which only the
/// beginning is read.
#[tokio::test]
async fn containerd_2_fetches_the_parts_of_a_layer_at_once() {
    const PART: usize = 1 << 20;
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let layer = Blob::new(random_bytes(1, 5 * PART + 1234));
    push_blob(&client, "library/app", &layer, LAYER).await;
    let path = format!("/v2/library/app/blobs/{}?ns=docker.io", layer.digest);
    let size = layer.bytes.len();

    let parts = (0..size).step_by(PART).map(|first| {
        let request = client
            .get(&path)
            .header("accept", format!("{LAYER}, */*"))
            .header("accept-encoding", ENCODINGS)
            .header("range", format!("bytes={first}-"));
        async move {
            let mut answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), 206);
            let range = answer.headers()["content-range"].to_str().expect("a range");
            assert_eq!(range, format!("bytes {first}-{}/{size}", size - 1));
            assert_eq!(
                answer.headers()["content-length"],
                (size - first).to_string()
            );
            let mut part = Vec::new();
            while part.len() < PART {
                match answer.chunk().await.expect("a piece") {
                    Some(piece) => part.extend_from_slice(&piece),
                    None => break,
                }
            }
            part.truncate(PART);
            part
        }
    });
    let whole = join_all(parts).await.concat();
    assert!(
        whole == layer.bytes,
        "{} of {size} bytes came, or others",
        whole.len()
    );
}

#[tokio::test]
async fn containerd_2_can_go_on_with_a_layer_but_not_past_its_end() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let layer = Blob::new(random_bytes(1, 10_000));
    push_blob(&client, "library/app", &layer, LAYER).await;
    let path = format!("/v2/library/app/blobs/{}", layer.digest);
    let rest = ask(client.get(&path).header("range", "bytes=9000-"))
        .await
        .expect(206);
    assert_eq!(rest.header("content-range"), "bytes 9000-9999/10000");
    assert_eq!(rest.body, layer.bytes[9000..]);
    let past = ask(client.get(&path).header("range", "bytes=10000-"))
        .await
        .expect(416);
    assert_eq!(past.header("content-range"), "bytes */10000", "{past:?}");
}
