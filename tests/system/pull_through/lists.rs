//! Lists of an upstream: of tags, and of what refers to a manifest.

use serde_json::{Value, json};

use crate::manifests::{OCI_INDEX, path, put};
use crate::support::{
    Answer, Blob, Fault, Hub, OCI_MANIFEST, Request, TestServer, ask, random_bytes,
};

async fn tags(server: &TestServer) -> Answer {
    ask(server.get("/v2/hub/library/app/tags/list")).await
}

#[tokio::test]
async fn the_tags_of_the_upstream_are_listed() {
    let hub = Hub::start().await;
    for tag in ["1", "2", "3"] {
        hub.push(tag, [random_bytes(1, 100)]).await;
    }
    let server = hub.proxy().start().await;
    let list = tags(&server).await.expect(200).json();
    assert!(hub.front.count(Request::is_tag_list) > 0);
    assert_eq!(list["tags"], json!(["1", "2", "3"]), "{list}");
    assert_eq!(list["name"], "hub/library/app", "{list}");
    let page = ask(server.get("/v2/hub/library/app/tags/list?n=2&last=1")).await;
    assert_eq!(page.expect(200).json()["tags"], json!(["2", "3"]));
    let mirrored = server.mirror();
    let list = ask(mirrored.get("/v2/library/app/tags/list?ns=docker.io")).await;
    assert_eq!(list.expect(200).json()["tags"], json!(["1", "2", "3"]));
}

#[tokio::test]
async fn the_tags_that_are_cached_are_listed_while_the_upstream_is_down() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    hub.push("2", [random_bytes(2, 100)]).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    hub.front.down().await;
    let list = tags(&server).await.expect(200).json();
    let tags = list["tags"].as_array().expect("a list");
    assert!(tags.contains(&json!("1")), "{list}");
}

/// A signature: a manifest whose subject is the image.
async fn sign(hub: &Hub, subject: &Blob) -> Blob {
    let empty = Blob::new("{}");
    empty.push(&hub.registry, "library/app").await;
    let document = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.signature",
        "config": empty.descriptor("application/vnd.oci.empty.v1+json"),
        "layers": [empty.descriptor("application/vnd.oci.empty.v1+json")],
        "subject": subject.descriptor(OCI_MANIFEST),
    });
    let signature = Blob::new(document.to_string());
    let path = path("library/app", &signature.digest);
    put(&hub.registry, &path, OCI_MANIFEST, signature.bytes.clone())
        .await
        .expect(201);
    signature
}

async fn referrers(server: &TestServer, subject: &Blob) -> Value {
    let path = format!("/v2/hub/library/app/referrers/{}", subject.digest);
    let answer = ask(server.get(&path)).await.expect(200);
    assert_eq!(answer.header("content-type"), OCI_INDEX);
    answer.json()["manifests"].clone()
}

#[tokio::test]
async fn what_refers_to_an_image_at_the_upstream_is_listed_and_can_be_pulled() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let signature = sign(&hub, &image.manifest).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    let list = referrers(&server, &image.manifest).await;
    assert_eq!(list[0]["digest"], signature.digest, "{list}");
    assert_eq!(
        list[0]["artifactType"], "application/vnd.example.signature",
        "{list}"
    );
    let get = server.get(&Hub::manifest(&signature.digest));
    assert_eq!(ask(get).await.expect(200).body, signature.bytes);

    hub.front.down().await;
    let list = referrers(&server, &image.manifest).await;
    assert_eq!(list[0]["digest"], signature.digest, "{list}");
}

/// Registries of before 1.1 keep the list under a tag.
#[tokio::test]
async fn what_refers_to_an_image_is_found_where_the_upstream_has_no_such_lists() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let signature = sign(&hub, &image.manifest).await;
    let descriptor = signature.descriptor(OCI_MANIFEST);
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor]});
    let tag = image.manifest.digest.replace(':', "-");
    put(
        &hub.registry,
        &path("library/app", &tag),
        OCI_INDEX,
        index.to_string().into_bytes(),
    )
    .await
    .expect(201);
    let server = hub.proxy().start().await;
    hub.front
        .always(|request| request.is_referrers(), Fault::status(404));
    server.resolve("1", &image).await;
    let list = referrers(&server, &image.manifest).await;
    assert_eq!(list[0]["digest"], signature.digest, "{list}");
}
