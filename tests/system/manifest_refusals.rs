//! end-7: manifests that are refused, and leave nothing behind.

use serde_json::{Value, json};

use crate::manifests::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, bare_image, path, put};
use crate::support::{Blob, Image, OCI_MANIFEST, TestServer, ask, digest_of, random_bytes};

#[tokio::test]
async fn a_document_that_is_no_manifest_of_its_type_is_refused() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await;
    let with = |member: &str, value: Value| {
        let mut image = image.clone();
        image[member] = value;
        image.to_string()
    };
    let without = |member: &str| {
        let mut image = image.clone();
        image.as_object_mut().expect("an object").remove(member);
        image.to_string()
    };
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []});
    let schema1 = json!({"schemaVersion": 1, "name": "app", "tag": "latest", "fsLayers": []});
    let schema1 = schema1.to_string();
    let bad_digest = json!([{"mediaType": "a/b", "size": 1, "digest": "sha256:bad"}]);
    let unknown_hash =
        json!([{"mediaType": "a/b", "size": 1, "digest": "md5:d41d8cd98f00b204e9800998ecf8427e"}]);
    for (media_type, document) in [
        // No JSON, or no object.
        (OCI_MANIFEST, String::new()),
        (OCI_MANIFEST, "{".to_owned()),
        (OCI_MANIFEST, "[]".to_owned()),
        (OCI_MANIFEST, "null".to_owned()),
        (OCI_MANIFEST, format!("{image}{image}")),
        (OCI_MANIFEST, format!("\u{feff}{image}")),
        (OCI_MANIFEST, "[".repeat(100_000)),
        (
            OCI_MANIFEST,
            "{\"schemaVersion\":2,\"schemaVersion\":2}".to_owned(),
        ),
        // Another version.
        (OCI_MANIFEST, with("schemaVersion", json!(1))),
        (OCI_MANIFEST, with("schemaVersion", json!(3))),
        (OCI_MANIFEST, with("schemaVersion", json!("2"))),
        (OCI_MANIFEST, without("schemaVersion")),
        (
            "application/vnd.docker.distribution.manifest.v1+json",
            schema1.clone(),
        ),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            schema1.clone(),
        ),
        (OCI_MANIFEST, schema1),
        // The header and the member disagree.
        (DOCKER_MANIFEST, image.to_string()),
        (OCI_INDEX, image.to_string()),
        (OCI_MANIFEST, index.to_string()),
        (DOCKER_LIST, index.to_string()),
        // No manifest, or nothing that could be one.
        ("application/json", without("mediaType")),
        ("application/octet-stream", without("mediaType")),
        ("nonsense", image.to_string()),
        (OCI_MANIFEST, with("mediaType", json!("application/json"))),
        (OCI_MANIFEST, with("mediaType", json!(5))),
        // An image that is an index as well, and the other way round (CVE-2021-41190).
        (OCI_MANIFEST, with("manifests", json!([]))),
        (
            OCI_INDEX,
            json!({"schemaVersion": 2, "manifests": [], "layers": []}).to_string(),
        ),
        (
            OCI_INDEX,
            json!({"schemaVersion": 2, "manifests": [], "config": image["config"]}).to_string(),
        ),
        // Members that are missing or of another kind.
        (OCI_MANIFEST, without("config")),
        (OCI_INDEX, json!({"schemaVersion": 2}).to_string()),
        (OCI_MANIFEST, with("config", json!("{}"))),
        (OCI_MANIFEST, with("layers", json!({}))),
        (OCI_MANIFEST, with("layers", json!([{}]))),
        (OCI_MANIFEST, with("annotations", json!({"a": 1}))),
        (OCI_MANIFEST, with("artifactType", json!("a\nb"))),
        // Names that are none.
        (OCI_MANIFEST, with("layers", bad_digest.clone())),
        (OCI_MANIFEST, with("layers", unknown_hash)),
        (OCI_MANIFEST, with("subject", bad_digest[0].clone())),
        (
            OCI_INDEX,
            json!({"schemaVersion": 2, "manifests": bad_digest}).to_string(),
        ),
    ] {
        let digest = digest_of(document.as_bytes());
        for reference in ["tag", &digest] {
            let path = path("app", reference);
            let answer = put(&server, &path, media_type, document.clone()).await;
            let shown: String = document.chars().take(300).collect();
            assert_eq!(answer.status, 400, "{media_type} {shown}: {answer:?}");
            answer.expect_error(400, "MANIFEST_INVALID");
            ask(server.get(&path))
                .await
                .expect_error(404, "MANIFEST_UNKNOWN");
        }
    }
}

#[tokio::test]
async fn a_manifest_whose_digest_is_another_is_refused() {
    let server = TestServer::start().await;
    let image = bare_image(&server, "app").await.to_string();
    for reference in [
        digest_of(b"another manifest"),
        format!("sha512:{}", "0".repeat(128)),
        "sha256:baddigeststring".to_owned(),
        "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
    ] {
        let answer = put(
            &server,
            &path("app", &reference),
            OCI_MANIFEST,
            image.clone(),
        )
        .await;
        answer.expect_error(400, "DIGEST_INVALID");
    }
    ask(server.get(&path("app", &digest_of(image.as_bytes()))))
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_image_whose_blobs_are_missing_is_refused_by_their_names() {
    let server = TestServer::start().await;
    let image = Image::new([random_bytes(1, 100), random_bytes(2, 100)]);
    // That another repository has them changes nothing.
    image.push(&server, "elsewhere", "latest").await;
    let [one, two] = &image.layers[..] else {
        panic!("two layers");
    };
    let mut missing = vec![&image.config, one, two];
    while !missing.is_empty() {
        let answer = image.put_manifest(&server, "app", "latest").await;
        assert_eq!(answer.status(), 400, "{missing:?} are missing");
        let path = path("app", "latest");
        let answer = put(&server, &path, OCI_MANIFEST, image.manifest.bytes.clone()).await;
        let error = answer.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
        let digests: Vec<_> = missing.iter().map(|blob| &*blob.digest).collect();
        assert_eq!(error["detail"]["digests"], json!(digests));
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(digests[0]), "{message}");
        ask(server.get(&path))
            .await
            .expect_error(404, "MANIFEST_UNKNOWN");
        missing.pop().expect("one more").push(&server, "app").await;
    }
    let answer = image.put_manifest(&server, "app", "latest").await;
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn an_image_without_its_config_is_refused_by_digest_too() {
    let server = TestServer::start().await;
    let image = Image::small(3);
    image.layers[0].push(&server, "app").await;
    let path = path("app", &image.manifest.digest);
    let answer = put(&server, &path, OCI_MANIFEST, image.manifest.bytes.clone()).await;
    let error = answer.expect_error(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(error["detail"]["digests"], json!([image.config.digest]));
}

#[tokio::test]
async fn a_blob_is_no_manifest_and_a_manifest_no_blob() {
    let server = TestServer::start().await;
    let image = Image::small(4);
    image.push(&server, "app", "latest").await;
    ask(server.get(&path("app", &image.config.digest)))
        .await
        .expect_error(404, "MANIFEST_UNKNOWN");
    let blob = format!("/v2/app/blobs/{}", image.manifest.digest);
    ask(server.get(&blob))
        .await
        .expect_error(404, "BLOB_UNKNOWN");
    // Nor does a blob become a layer by being the bytes of one elsewhere.
    let other = Blob::new(image.manifest.bytes.clone());
    other.push(&server, "app").await;
    ask(server.get(&blob)).await.expect(200);
}
