//! end-3 and end-7: manifests that are taken, and come back as they were.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Blob, Image, OCI_MANIFEST, TestServer, ask, digest_of, random_bytes, sha512_of,
    streamed,
};

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

pub(crate) fn path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

pub(crate) async fn put(
    server: &TestServer,
    path: &str,
    media_type: &str,
    bytes: impl Into<reqwest::Body>,
) -> Answer {
    let request = server.put(path).header("content-type", media_type);
    ask(request.body(bytes)).await
}

/// An image of the config `{}` and no layers, which goes with whatever else the test is about.
pub(crate) async fn bare_image(server: &TestServer, repository: &str) -> Value {
    let config = Blob::new("{}");
    config.push(server, repository).await;
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor("application/vnd.oci.empty.v1+json"),
        "layers": [],
    })
}

pub(crate) fn index_of(manifests: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})
}

/// Pulls by each of the paths, with GET and HEAD, and compares.
async fn expect_served(server: &TestServer, paths: &[String], media_type: &str, bytes: &[u8]) {
    for path in paths {
        for method in [Method::GET, Method::HEAD] {
            // Accept changes nothing, and nor does the wish for compressed bytes.
            let request = server
                .request(method.clone(), path)
                .header("accept", "application/json")
                .header("accept-encoding", "zstd, gzip, deflate");
            let answer = ask(request).await.expect(200);
            let digest = if path.contains("sha512") {
                sha512_of(bytes)
            } else {
                digest_of(bytes)
            };
            let length = bytes.len().to_string();
            assert_eq!(answer.header("content-type"), media_type, "{answer:?}");
            assert_eq!(answer.header("content-length"), length, "{answer:?}");
            assert_eq!(answer.header("docker-content-digest"), digest);
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
            let immutable = path
                .contains(':')
                .then_some("private, max-age=31536000, immutable");
            assert_eq!(answer.maybe("cache-control"), immutable, "{answer:?}");
            if method == Method::GET {
                assert!(answer.body == bytes, "other bytes: {answer:?}");
            }
        }
    }
}

/// Pushes by tag, by digest, and by SHA-512, and expects the same bytes back.
async fn expect_round_trip(server: &TestServer, media_type: &str, bytes: &[u8]) {
    let digest = digest_of(bytes);
    let long = sha512_of(bytes);
    for (reference, digest) in [("tag", &digest), (&*digest, &digest), (&*long, &long)] {
        let answer = put(server, &path("app", reference), media_type, bytes.to_vec())
            .await
            .expect(201);
        let location = path("app", digest);
        assert_eq!(answer.header("location"), location, "{answer:?}");
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert_eq!(answer.maybe("oci-subject"), None, "{answer:?}");
        assert_eq!(answer.maybe("oci-tag"), None, "{answer:?}");
    }
    let paths = ["tag", &*digest, &*long].map(|reference| path("app", reference));
    expect_served(server, &paths, media_type, bytes).await;
}

#[tokio::test]
async fn every_media_type_of_a_manifest_is_taken() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    for blob in image.layers.iter().chain([&image.config]) {
        blob.push(&server, "app").await;
    }
    for (image_type, index_type) in [(OCI_MANIFEST, OCI_INDEX), (DOCKER_MANIFEST, DOCKER_LIST)] {
        let mut document: Value = serde_json::from_slice(&image.manifest.bytes).expect("JSON");
        document["mediaType"] = image_type.into();
        let child = Blob::new(document.to_string());
        expect_round_trip(&server, image_type, &child.bytes).await;
        let mut index = index_of(&[child.descriptor(image_type)]);
        index["mediaType"] = index_type.into();
        expect_round_trip(&server, index_type, index.to_string().as_bytes()).await;

        // The member may be missing, and then the header says it.
        document
            .as_object_mut()
            .expect("an object")
            .remove("mediaType");
        expect_round_trip(&server, image_type, document.to_string().as_bytes()).await;
    }
}

#[tokio::test]
async fn the_media_type_is_taken_from_the_document_when_no_header_says_it() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await.to_string();
    let request = server.put(&path("app", "bare")).body(image.clone());
    ask(request).await.expect(201);
    // Parameters are left out: clients compare what they get back exactly.
    let with_parameter = format!("{OCI_MANIFEST}; charset=utf-8");
    put(
        &server,
        &path("app", "parameter"),
        &with_parameter,
        image.clone(),
    )
    .await
    .expect(201);
    let paths = ["bare", "parameter"].map(|tag| path("app", tag));
    expect_served(&server, &paths, OCI_MANIFEST, image.as_bytes()).await;
}

#[tokio::test]
async fn a_manifest_is_stored_byte_for_byte() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await;
    let layer = Blob::new(random_bytes(1, 100));
    layer.push(&server, "app").await;
    let config = &image["config"];
    let layer = layer.descriptor(LAYER);
    let line = image.to_string();
    for text in [
        // Whitespace, and line ends of another system.
        serde_json::to_string_pretty(&image).expect("JSON"),
        format!("\n\t \r\n{}\r\n\r\n", line.replace(",\"", " ,\r\n\t\"")),
        // Members in another order, and numbers and characters in other spellings.
        format!(
            "{{\"schemaVersion\":2,\"layers\":[],\"config\":{config},\"x\":[1.0,1e0,0.10,-0]}}"
        ),
        format!(
            "{{\"\\u0073chemaVersion\":2,\"config\":{config},\"a\":\"\\u00e9\\/é😀\\ud83d\\ude00\"}}"
        ),
        // Members that nobody knows, twice, and such as look like known ones.
        format!(
            "{{\"schemaVersion\":2,\"config\":{config},\"x\":1,\"x\":2,\"SchemaVersion\":1,\"mediatype\":\"m\",\"Manifests\":[]}}"
        ),
        // The same layer twice, and the config as a layer.
        format!(
            "{{\"schemaVersion\":2,\"config\":{config},\"layers\":[{layer},{layer},{config}]}}"
        ),
        // Content in the descriptor.
        format!(
            "{{\"schemaVersion\":2,\"config\":{},\"layers\":[]}}",
            json!({
                "mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "data": "e30=",
                "digest": digest_of(b"{}"), "urls": ["https://example.com/"], "odd": null,
            })
        ),
        // Without layers at all, and with everything that an artifact has.
        format!("{{\"schemaVersion\":2,\"config\":{config}}}"),
        format!(
            "{{\"schemaVersion\":2,\"config\":{config},\"artifactType\":\"application/x\",\"annotations\":{{\"é\":\"\\n\"}}}}"
        ),
    ] {
        expect_round_trip(&server, OCI_MANIFEST, text.as_bytes()).await;
    }
}

#[tokio::test]
async fn four_mebibytes_are_the_most() {
    const MOST: usize = 4_194_304;
    let server = TestServer::start().await;
    let mut bytes = bare_image(&server, "app").await.to_string().into_bytes();
    bytes.resize(MOST, b' ');
    put(&server, &path("app", "most"), OCI_MANIFEST, bytes.clone())
        .await
        .expect(201);
    put(
        &server,
        &path("app", "streamed"),
        OCI_MANIFEST,
        streamed(&bytes),
    )
    .await
    .expect(201);
    let paths = ["most", "streamed", &digest_of(&bytes)].map(|tag| path("app", tag));
    expect_served(&server, &paths, OCI_MANIFEST, &bytes).await;

    // Its sender hears of it, rather than seeing the connection break.
    for _ in 0..10 {
        let large = vec![b' '; 3 * MOST];
        put(&server, &path("app", "large"), OCI_MANIFEST, large)
            .await
            .expect_error(413, "SIZE_INVALID");
    }

    bytes.push(b' ');
    for reference in ["more", &digest_of(&bytes)] {
        let path = path("app", reference);
        put(&server, &path, OCI_MANIFEST, bytes.clone())
            .await
            .expect_error(413, "SIZE_INVALID");
        put(&server, &path, OCI_MANIFEST, streamed(&bytes))
            .await
            .expect_error(413, "SIZE_INVALID");
        ask(server.get(&path))
            .await
            .expect_error(404, "MANIFEST_UNKNOWN");
    }
}

#[tokio::test]
async fn an_index_may_be_empty_nested_and_sparse() {
    let server = TestServer::start().await;
    let image = Blob::new(bare_image(&server, "app").await.to_string());
    put(
        &server,
        &path("app", "child"),
        OCI_MANIFEST,
        image.bytes.clone(),
    )
    .await
    .expect(201);
    let missing = Blob::new("a manifest that nobody pushed");
    let empty = index_of(&[]);
    let sparse = index_of(&[
        image.descriptor(OCI_MANIFEST),
        missing.descriptor(OCI_MANIFEST),
        missing.descriptor(DOCKER_LIST),
    ]);
    let nested = index_of(&[
        Blob::new(empty.to_string()).descriptor(OCI_INDEX),
        Blob::new(sparse.to_string()).descriptor(OCI_INDEX),
    ]);
    // BuildKit's cache: entries that are no manifests.
    let cache = index_of(&[missing.descriptor("application/vnd.buildkit.cacheconfig.v0")]);
    for index in [empty, sparse, nested, cache] {
        expect_round_trip(&server, OCI_INDEX, index.to_string().as_bytes()).await;
    }
    ask(server.get(&path("app", &missing.digest)))
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_sparse_image_is_taken_by_digest_and_only_then_under_a_tag() {
    let server = TestServer::start().await;
    let mut image = bare_image(&server, "app").await;
    let layer = Blob::new(random_bytes(2, 100));
    image["layers"] = json!([layer.descriptor(LAYER)]);
    let image = Blob::new(image.to_string());
    let by_digest = path("app", &image.digest);
    for refused in [path("app", "sparse"), format!("{by_digest}?tag=sparse")] {
        let answer = put(&server, &refused, OCI_MANIFEST, image.bytes.clone()).await;
        let error = answer.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
        assert_eq!(error["detail"]["digests"], json!([layer.digest]));
        ask(server.get(&by_digest))
            .await
            .expect_error(404, "MANIFEST_UNKNOWN");
    }
    put(&server, &by_digest, OCI_MANIFEST, image.bytes.clone())
        .await
        .expect(201);
    // A layer that is named and not there can not be deleted.
    ask(server.delete(&format!("/v2/app/blobs/{}", layer.digest)))
        .await
        .expect_error(404, "BLOB_UNKNOWN");
    let by_tag = path("app", "sparse");
    put(&server, &by_tag, OCI_MANIFEST, image.bytes.clone())
        .await
        .expect(201);
    expect_served(&server, &[by_digest, by_tag], OCI_MANIFEST, &image.bytes).await;
}

#[tokio::test]
async fn a_layer_that_may_not_be_handed_on_may_be_missing() {
    let server = TestServer::start().await;
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        let mut image = bare_image(&server, "app").await;
        image["layers"] = json!([Blob::new("elsewhere").descriptor(media_type)]);
        expect_round_trip(&server, OCI_MANIFEST, image.to_string().as_bytes()).await;
    }
}

#[tokio::test]
async fn a_client_that_has_the_manifest_is_not_sent_it_again() {
    let server = TestServer::start().await;
    let image = Image::small(3);
    image.push(&server, "app", "latest").await;
    let tag = format!("\"{}\"", image.manifest.digest);
    for reference in ["latest", &image.manifest.digest] {
        for (condition, status) in [
            (&*tag, 304),
            (&*format!("\"other\", W/{tag}"), 304),
            ("*", 304),
            ("\"other\"", 200),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let request = server.request(method, &path("app", reference));
                let answer = ask(request.header("if-none-match", condition))
                    .await
                    .expect(status);
                assert_eq!(answer.header("etag"), tag, "{condition}");
                assert_eq!(
                    answer.header("docker-content-digest"),
                    image.manifest.digest
                );
            }
        }
    }
}
