//! regctl 0.8 (regclient).

use serde_json::json;

use super::answer::{Answer, send};
use crate::support::{Blob, Image, TestServer, random_bytes};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCTETS: &str = "application/octet-stream";
/// Of its own choice; a registry may ask for more by OCI-Chunk-Min-Length.
const CHUNK: usize = 2000;

/// It asks for a mount from anywhere first, and uploads to the session that it gets instead.
async fn start(server: &TestServer, repository: &str, blob: &Blob) -> Answer {
    let digest = blob.digest.replace(':', "%3A");
    let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}");
    send(server.post(&path), 202).await
}

#[tokio::test]
async fn regctl_sends_a_small_blob_in_one_put() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(1, 500));
    let started = start(&server, "team/app", &blob).await;
    let put = server
        .put(&started.location_with(&blob.digest))
        .header("content-type", OCTETS);
    send(put.body(blob.bytes.clone()), 201).await;
}

#[tokio::test]
async fn regctl_sends_a_large_blob_in_chunks() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(1, 3 * CHUNK + 77));
    let started = start(&server, "team/app", &blob).await;
    let least = started.header("oci-chunk-min-length");
    let chunk = least.map_or(CHUNK, |least| CHUNK.max(least.parse().expect("a number")));

    let mut last = started;
    for (number, bytes) in blob.bytes.chunks(chunk).enumerate() {
        let first = number * chunk;
        let end = first + bytes.len() - 1;
        let patch = server
            .patch(&last.location())
            .header("content-type", OCTETS)
            .header("content-range", format!("{first}-{end}"));
        last = send(patch.body(bytes.to_vec()), 202).await;
        // From this it learns that nothing was lost.
        last.must_have("range", &format!("0-{end}"));
    }
    let put = server
        .put(&last.location_with(&blob.digest))
        .header("content-type", OCTETS);
    send(put, 201).await;
    let path = format!("/v2/team/app/blobs/{}", blob.digest);
    assert!(
        send(server.get(&path), 200).await.body == blob.bytes,
        "other bytes came back"
    );
}

/// A chunk whose answer was lost is sent again. An error with Location and Range tells regctl where
/// to go on; after any other it asks for the state of the session.
#[tokio::test]
async fn regctl_learns_from_416_where_to_go_on() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(1, 2 * CHUNK));
    let started = start(&server, "team/app", &blob).await;
    let chunk = |answer: &Answer, first: usize| {
        let end = first + CHUNK - 1;
        server
            .patch(&answer.location())
            .header("content-type", OCTETS)
            .header("content-range", format!("{first}-{end}"))
            .body(blob.bytes[first..=end].to_vec())
    };
    let sent = send(chunk(&started, 0), 202).await;
    let refused = send(chunk(&sent, 0), 416).await;
    refused.must_have("range", &format!("0-{}", CHUNK - 1));
    let status = send(server.get(&refused.location()), 204).await;
    status.must_have("range", &format!("0-{}", CHUNK - 1));
    let sent = send(chunk(&status, CHUNK), 202).await;
    send(server.put(&sent.location_with(&blob.digest)), 201).await;
}

#[tokio::test]
async fn regctl_mounts_or_gives_up_the_session_that_it_got() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let digest = image.layers[0].digest.replace(':', "%3A");
    let path = format!("/v2/team/copy/blobs/uploads/?from=team%2Fapp&mount={digest}");
    send(server.post(&path), 201).await;

    let unknown = Blob::new(random_bytes(2, 10)).digest.replace(':', "%3A");
    let path = format!("/v2/team/copy/blobs/uploads/?from=team%2Fapp&mount={unknown}");
    let started = send(server.post(&path), 202).await;
    // Older versions build the path of the session from this header.
    let id = started
        .header("docker-upload-uuid")
        .expect("the id of the session");
    let path = format!("/v2/team/copy/blobs/uploads/{id}");
    assert_eq!(started.location(), path);
    send(server.delete(&path), 204).await;
}

#[tokio::test]
async fn regctl_keeps_no_fallback_tag_where_the_subject_is_confirmed() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let digest = &image.manifest.digest;
    let referrers = format!("/v2/team/app/referrers/{digest}");
    let none = send(server.get(&referrers).header("accept", INDEX), 200).await;
    assert_eq!(none.json()["manifests"], json!([]));

    let empty = Blob::new("{}");
    empty.push(&server, "team/app").await;
    let artifact = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/example",
        "config": empty.descriptor("application/vnd.oci.empty.v1+json"),
        "layers": [empty.descriptor("application/vnd.oci.empty.v1+json")],
        "subject": image.manifest.descriptor(MANIFEST),
    });
    let artifact = Blob::new(artifact.to_string());
    let path = format!("/v2/team/app/manifests/{}", artifact.digest);
    let put = server.put(&path).header("content-type", MANIFEST);
    let stored = send(put.body(artifact.bytes.clone()), 201).await;
    stored.must_have("oci-subject", digest);

    // A list from both places: the API, and the tag of old.
    let listed = send(server.get(&referrers).header("accept", INDEX), 200).await;
    assert_eq!(listed.json()["manifests"][0]["digest"], *artifact.digest);
    let fallback = format!("/v2/team/app/manifests/{}", digest.replace(':', "-"));
    send(server.head(&fallback), 404).await;
    send(server.get(&fallback), 404)
        .await
        .must_say("MANIFEST_UNKNOWN");
    send(server.delete(&path), 202).await;
    assert_eq!(
        send(server.get(&referrers), 200).await.json()["manifests"],
        json!([])
    );
}

#[tokio::test]
async fn regctl_deletes_a_tag_alone() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    for tag in ["1", "2"] {
        image.push(&server, "team/app", tag).await;
    }
    // Were this not 202, it would push an empty image to the tag and delete that by digest.
    send(server.delete("/v2/team/app/manifests/1"), 202).await;
    send(server.head("/v2/team/app/manifests/1"), 404).await;
    let path = format!("/v2/team/app/manifests/{}", image.manifest.digest);
    send(server.head(&path), 200).await;
    let tags = server
        .get("/v2/team/app/tags/list")
        .header("accept", "application/json");
    assert_eq!(send(tags, 200).await.json()["tags"], json!(["2"]));
}
