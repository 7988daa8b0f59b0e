//! regctl 0.8 (regclient).

use serde_json::json;

use crate::support::{Answer, Blob, Caller, Challenge, Image, TestServer, ask, random_bytes};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCTETS: &str = "application/octet-stream";
/// Of its own choice; a registry may ask for more by OCI-Chunk-Min-Length.
const CHUNK: usize = 2000;

const APP: &str = "repository:team/app:pull,push,delete";

/// It POSTs first, and would GET if that were refused.
async fn signed_in(server: &TestServer, scopes: &[&str]) -> Caller {
    let challenge = Challenge::of(server, "/v2/team/app/tags/list").await;
    challenge.post(server, "regclient", scopes).await
}

/// It asks for a mount from anywhere first, and uploads to the session that it gets instead.
async fn start(client: &Caller, repository: &str, blob: &Blob) -> Answer {
    let digest = blob.digest.replace(':', "%3A");
    let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}");
    ask(client.post(&path)).await.expect(202)
}

#[tokio::test]
async fn regctl_sends_a_small_blob_in_one_put() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let blob = Blob::new(random_bytes(1, 500));
    let started = start(&client, "team/app", &blob).await;
    let put = client
        .put(&started.location_with(&blob.digest))
        .header("content-type", OCTETS);
    ask(put.body(blob.bytes.clone())).await.expect(201);
}

#[tokio::test]
async fn regctl_sends_a_large_blob_in_chunks() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let blob = Blob::new(random_bytes(1, 3 * CHUNK + 77));
    let started = start(&client, "team/app", &blob).await;
    let least = started.maybe("oci-chunk-min-length");
    let chunk = least.map_or(CHUNK, |least| CHUNK.max(least.parse().expect("a number")));

    let mut last = started;
    for (number, bytes) in blob.bytes.chunks(chunk).enumerate() {
        let first = number * chunk;
        let end = first + bytes.len() - 1;
        let patch = client
            .patch(last.location())
            .header("content-type", OCTETS)
            .header("content-range", format!("{first}-{end}"));
        last = ask(patch.body(bytes.to_vec())).await.expect(202);
        // From this it learns that nothing was lost.
        assert_eq!(last.header("range"), format!("0-{end}"), "{last:?}");
    }
    let put = client
        .put(&last.location_with(&blob.digest))
        .header("content-type", OCTETS);
    ask(put).await.expect(201);
    let path = format!("/v2/team/app/blobs/{}", blob.digest);
    assert!(
        ask(client.get(&path)).await.expect(200).body == blob.bytes,
        "other bytes came back"
    );
}

/// A chunk whose answer was lost is sent again. An error with Location and Range tells regctl where
/// to go on; after any other it asks for the state of the session.
#[tokio::test]
async fn regctl_learns_from_416_where_to_go_on() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let blob = Blob::new(random_bytes(1, 2 * CHUNK));
    let started = start(&client, "team/app", &blob).await;
    let chunk = |answer: &Answer, first: usize| {
        let end = first + CHUNK - 1;
        client
            .patch(answer.location())
            .header("content-type", OCTETS)
            .header("content-range", format!("{first}-{end}"))
            .body(blob.bytes[first..=end].to_vec())
    };
    let sent = ask(chunk(&started, 0)).await.expect(202);
    let refused = ask(chunk(&sent, 0)).await.expect(416);
    assert_eq!(refused.header("range"), format!("0-{}", CHUNK - 1));
    let status = ask(client.get(refused.location())).await.expect(204);
    assert_eq!(status.header("range"), format!("0-{}", CHUNK - 1));
    let sent = ask(chunk(&status, CHUNK)).await.expect(202);
    ask(client.put(&sent.location_with(&blob.digest)))
        .await
        .expect(201);
}

#[tokio::test]
async fn regctl_mounts_or_gives_up_the_session_that_it_got() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &["repository:team/copy:pull,push", APP]).await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let digest = image.layers[0].digest.replace(':', "%3A");
    let path = format!("/v2/team/copy/blobs/uploads/?from=team%2Fapp&mount={digest}");
    ask(client.post(&path)).await.expect(201);

    let unknown = Blob::new(random_bytes(2, 10)).digest.replace(':', "%3A");
    let path = format!("/v2/team/copy/blobs/uploads/?from=team%2Fapp&mount={unknown}");
    let started = ask(client.post(&path)).await.expect(202);
    // Older versions build the path of the session from this header.
    let id = started.header("docker-upload-uuid");
    let path = format!("/v2/team/copy/blobs/uploads/{id}");
    assert_eq!(started.location(), path);
    ask(client.delete(&path)).await.expect(204);
}

#[tokio::test]
async fn regctl_keeps_no_fallback_tag_where_the_subject_is_confirmed() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let digest = &image.manifest.digest;
    let referrers = format!("/v2/team/app/referrers/{digest}");
    let none = ask(client.get(&referrers).header("accept", INDEX))
        .await
        .expect(200);
    assert_eq!(none.json()["manifests"], json!([]));

    let empty = Blob::new("{}");
    empty.push(&client, "team/app").await;
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
    let put = client.put(&path).header("content-type", MANIFEST);
    let stored = ask(put.body(artifact.bytes.clone())).await.expect(201);
    assert_eq!(stored.header("oci-subject"), digest, "{stored:?}");

    // A list from both places: the API, and the tag of old.
    let listed = ask(client.get(&referrers).header("accept", INDEX))
        .await
        .expect(200);
    assert_eq!(listed.json()["manifests"][0]["digest"], *artifact.digest);
    let fallback = format!("/v2/team/app/manifests/{}", digest.replace(':', "-"));
    ask(client.head(&fallback)).await.expect(404);
    ask(client.get(&fallback))
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
    ask(client.delete(&path)).await.expect(202);
    assert_eq!(
        ask(client.get(&referrers)).await.expect(200).json()["manifests"],
        json!([])
    );
}

#[tokio::test]
async fn regctl_deletes_a_tag_alone() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    for tag in ["1", "2"] {
        image.push(&server, "team/app", tag).await;
    }
    // Were this not 202, it would push an empty image to the tag and delete that by digest.
    ask(client.delete("/v2/team/app/manifests/1"))
        .await
        .expect(202);
    ask(client.head("/v2/team/app/manifests/1"))
        .await
        .expect(404);
    let path = format!("/v2/team/app/manifests/{}", image.manifest.digest);
    ask(client.head(&path)).await.expect(200);
    let tags = client
        .get("/v2/team/app/tags/list")
        .header("accept", "application/json");
    assert_eq!(ask(tags).await.expect(200).json()["tags"], json!(["2"]));
}
