//! end-2 and end-10: pulls and deletions of blobs.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    Answer, Blob, Image, OCI_MANIFEST, TestServer, ask, digest_of, random_bytes, sha512_of,
};

pub(crate) fn path(repository: &str, digest: &str) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

async fn get(server: &TestServer, repository: &str, digest: &str) -> Answer {
    ask(server.get(&path(repository, digest))).await
}

async fn delete(server: &TestServer, repository: &str, digest: &str) -> Answer {
    ask(server.delete(&path(repository, digest))).await
}

#[tokio::test]
async fn a_blob_is_served_as_it_was_pushed() {
    let server = TestServer::start().await;
    for bytes in [Vec::new(), b"{}".to_vec(), random_bytes(1, 1_500_001)] {
        let blob = Blob::new(bytes);
        blob.push(&server, "team/app").await;
        for method in [Method::GET, Method::HEAD] {
            let request = server
                .request(method.clone(), &path("team/app", &blob.digest))
                // containerd asks for it; compressed bytes would not have the digest.
                .header("accept-encoding", "zstd, gzip, deflate");
            let answer = ask(request).await.expect(200);
            let length = blob.bytes.len().to_string();
            for (name, value) in [
                ("content-length", &*length),
                ("content-type", "application/octet-stream"),
                ("docker-content-digest", &*blob.digest),
                ("etag", &*format!("\"{}\"", blob.digest)),
                ("cache-control", "private, max-age=31536000, immutable"),
                ("accept-ranges", "bytes"),
            ] {
                assert_eq!(answer.header(name), value, "{name}: {answer:?}");
            }
            if method == Method::GET {
                assert!(answer.body == blob.bytes, "other bytes: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_percent_encoded_colon_is_a_colon() {
    let server = TestServer::start().await;
    let blob = Blob::new("content");
    blob.push(&server, "app").await;
    let encoded = blob.digest.replace(':', "%3A");
    let answer = get(&server, "app", &encoded).await.expect(200);
    assert_eq!(answer.body, b"content");
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_unknown() {
    let server = TestServer::start().await;
    let blob = Blob::new("content");
    blob.push(&server, "app").await;
    for (repository, digest) in [
        ("app", digest_of(b"other content")),
        // The same bytes under another algorithm's name were never proved.
        ("app", sha512_of(b"content")),
        ("app/more", blob.digest.clone()),
        ("nobody", blob.digest.clone()),
    ] {
        let path = path(repository, &digest);
        ask(server.get(&path))
            .await
            .expect_error(404, "BLOB_UNKNOWN");
        ask(server.head(&path)).await.expect(404);
        ask(server.delete(&path))
            .await
            .expect_error(404, "BLOB_UNKNOWN");
    }
}

#[tokio::test]
async fn a_deleted_blob_is_gone_at_once_and_can_be_pushed_again() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(2, 10_000));
    for _ in 0..2 {
        blob.push(&server, "app").await;
        delete(&server, "app", &blob.digest).await.expect(202);
        get(&server, "app", &blob.digest)
            .await
            .expect_error(404, "BLOB_UNKNOWN");
        delete(&server, "app", &blob.digest)
            .await
            .expect_error(404, "BLOB_UNKNOWN");
    }
    blob.push(&server, "app").await;
    let answer = get(&server, "app", &blob.digest).await.expect(200);
    assert!(answer.body == blob.bytes, "other bytes: {answer:?}");
}

#[tokio::test]
async fn naming_a_blob_of_another_repository_gives_no_right_to_read_it() {
    let server = TestServer::start().await;
    let secret = Blob::new("secret");
    secret.push(&server, "theirs").await;

    // By an index, whose entries need not be there…
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            secret.descriptor("application/vnd.oci.image.layer.v1.tar"),
            secret.descriptor(OCI_MANIFEST),
        ],
    });
    let put = server
        .put("/v2/ours/manifests/index")
        .header("content-type", "application/vnd.oci.image.index.v1+json");
    ask(put.body(index.to_string())).await.expect(201);
    // … by a sparse image, pushed by digest, and by a layer that is not to be handed on.
    let config = Blob::new("{}");
    config.push(&server, "ours").await;
    for layer in [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ] {
        let image = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": [secret.descriptor(layer)],
        });
        let image = image.to_string();
        let path = format!("/v2/ours/manifests/{}", digest_of(image.as_bytes()));
        let put = server.put(&path).header("content-type", OCI_MANIFEST);
        ask(put.body(image)).await.expect(201);
    }

    get(&server, "ours", &secret.digest)
        .await
        .expect_error(404, "BLOB_UNKNOWN");
    ask(server.head(&path("ours", &secret.digest)))
        .await
        .expect(404);
    get(&server, "theirs", &secret.digest).await.expect(200);
}

#[tokio::test]
async fn a_deletion_in_one_repository_leaves_the_blob_of_the_other() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(3, 10_000));
    blob.push(&server, "one").await;
    blob.push(&server, "two").await;
    delete(&server, "one", &blob.digest).await.expect(202);
    get(&server, "one", &blob.digest)
        .await
        .expect_error(404, "BLOB_UNKNOWN");
    let answer = get(&server, "two", &blob.digest).await.expect(200);
    assert!(answer.body == blob.bytes, "other bytes: {answer:?}");
}

#[tokio::test]
async fn a_blob_that_a_manifest_names_goes_only_after_it() {
    let server = TestServer::start().await;
    let image = Image::small(4);
    image.push(&server, "app", "latest").await;
    image.layers[0].push(&server, "other").await;
    for blob in [&image.config, &image.layers[0]] {
        let answer = delete(&server, "app", &blob.digest).await;
        answer.expect_error(405, "UNSUPPORTED");
        assert_eq!(answer.header("allow"), "GET, HEAD");
        get(&server, "app", &blob.digest).await.expect(200);
    }
    // What one repository needs is nothing to another.
    delete(&server, "other", &image.layers[0].digest)
        .await
        .expect(202);

    let manifest = format!("/v2/app/manifests/{}", image.manifest.digest);
    ask(server.delete(&manifest)).await.expect(202);
    for blob in [&image.config, &image.layers[0]] {
        delete(&server, "app", &blob.digest).await.expect(202);
        get(&server, "app", &blob.digest)
            .await
            .expect_error(404, "BLOB_UNKNOWN");
    }
}
