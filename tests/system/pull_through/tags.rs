//! How long a tag is believed, and how it is asked for again.

use crate::support::{Fault, Hub, Image, OCI_MANIFEST, Request, TestServer, ask, random_bytes};

/// With a key of the upstream's configuration.
async fn with(key: &str, value: &str) -> (Hub, TestServer, Image) {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().upstream("hub", key, value).start().await;
    server.resolve("1", &image).await;
    hub.front.forget();
    (hub, server, image)
}

#[tokio::test]
async fn a_fresh_tag_is_answered_without_the_upstream() {
    let (hub, server, image) = with("fresh_seconds", "600").await;
    let moved = hub.push("1", [random_bytes(2, 5000)]).await;
    for _ in 0..3 {
        server.resolve("1", &image).await;
        let head = ask(server.head(&Hub::manifest("1"))).await.expect(200);
        assert_eq!(head.header("docker-content-digest"), image.manifest.digest);
    }
    hub.front.assert_not_asked();
    // Another server has not seen it.
    let other = hub.proxy().start().await;
    other.resolve("1", &moved).await;
}

#[tokio::test]
async fn a_tag_is_fresh_after_a_restart_too() {
    let (hub, server, image) = with("fresh_seconds", "600").await;
    let server = server.restart().await;
    server.resolve("1", &image).await;
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn a_tag_that_did_not_move_costs_one_head() {
    let (hub, server, image) = with("fresh_seconds", "0").await;
    server.resolve("1", &image).await;
    hub.front
        .assert_count(1, |request| request.is_tag() && request.is_head());
    assert_eq!(hub.front.requests().len(), 1, "{:#?}", hub.front.requests());
}

#[tokio::test]
async fn a_tag_that_moved_gives_the_new_image() {
    let (hub, server, image) = with("fresh_seconds", "0").await;
    let moved = hub.push("1", [random_bytes(2, 5000)]).await;
    server.resolve("1", &moved).await;
    let get = server.get(&Hub::blob(&moved.layers[0]));
    assert_eq!(ask(get).await.expect(200).body, moved.layers[0].bytes);
    hub.front
        .assert_count(0, |request| request.is_tag() && request.is_get());
    // The old one is there by its digest.
    hub.front.forget();
    let get = server.get(&Hub::manifest(&image.manifest.digest));
    assert_eq!(ask(get).await.expect(200).body, image.manifest.bytes);
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn a_tag_that_is_said_never_to_move_is_not_asked_for_again() {
    let hub = Hub::start().await;
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .upstream("hub", "immutable_tags", r"v[0-9]+\.[0-9]+,release-.*")
        .start()
        .await;
    for (tag, seed) in [("v1.2", 1), ("release-7", 2)] {
        let image = hub.push(tag, [random_bytes(seed, 100)]).await;
        server.resolve(tag, &image).await;
        hub.front.forget();
        hub.push(tag, [random_bytes(seed + 10, 100)]).await;
        server.resolve(tag, &image).await;
        hub.front.assert_not_asked();
    }
    // A pattern is of the whole tag.
    let image = hub.push("v1.2-rc", [random_bytes(5, 100)]).await;
    server.resolve("v1.2-rc", &image).await;
    let moved = hub.push("v1.2-rc", [random_bytes(6, 100)]).await;
    server.resolve("v1.2-rc", &moved).await;
}

#[tokio::test]
async fn a_tag_that_the_upstream_has_deleted_is_gone_and_its_image_is_not() {
    let (hub, server, image) = with("fresh_seconds", "0").await;
    let path = "/v2/library/app/manifests/1";
    ask(hub.registry.delete(path)).await.expect(202);
    ask(server.get(&Hub::manifest("1"))).await.expect(404);
    let get = server.get(&Hub::manifest(&image.manifest.digest));
    assert_eq!(ask(get).await.expect(200).body, image.manifest.bytes);
}

#[tokio::test]
async fn an_upstream_that_names_no_digest_is_pulled_from() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    hub.front.always(|_| true, Fault::OmitDigest);
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .start()
        .await;
    for _ in 0..2 {
        server.resolve("1", &image).await;
        let head = ask(server.head(&Hub::manifest("1"))).await.expect(200);
        assert_eq!(head.header("docker-content-digest"), image.manifest.digest);
    }
    let moved = hub.push("1", [random_bytes(2, 5000)]).await;
    server.resolve("1", &moved).await;
    let get = server.get(&Hub::blob(&moved.layers[0]));
    assert_eq!(ask(get).await.expect(200).body, moved.layers[0].bytes);
}

#[tokio::test]
async fn an_upstream_that_knows_no_head_is_pulled_from() {
    for status in [404, 405] {
        let hub = Hub::start().await;
        let image = hub.push("1", [random_bytes(1, 5000)]).await;
        hub.front.always(Request::is_head, Fault::status(status));
        let server = hub
            .proxy()
            .upstream("hub", "fresh_seconds", 0)
            .start()
            .await;
        let head = ask(server.head(&Hub::manifest("1"))).await.expect(200);
        assert_eq!(head.header("docker-content-digest"), image.manifest.digest);
        server.resolve("1", &image).await;
        let moved = hub.push("1", [random_bytes(2, 5000)]).await;
        server.resolve("1", &moved).await;
    }
}

/// containerd and BuildKit resolve by HEAD and pull by digest then. What was said to be there has to
/// be, even if the tag moves or the upstream goes in between.
#[tokio::test]
async fn what_a_head_by_tag_has_named_can_be_pulled() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .start()
        .await;
    let head = ask(server.head(&Hub::manifest("1"))).await.expect(200);
    let digest = head.header("docker-content-digest");
    assert_eq!(digest, image.manifest.digest);
    let length = image.manifest.bytes.len().to_string();
    assert_eq!(head.header("content-length"), length);
    hub.push("1", [random_bytes(2, 5000)]).await;
    let get = server.get(&Hub::manifest(digest));
    assert_eq!(ask(get).await.expect(200).body, image.manifest.bytes);
}

#[tokio::test]
async fn an_index_comes_as_it_is_and_its_images_by_their_digests() {
    let hub = Hub::start().await;
    let image = hub.push("amd64", [random_bytes(1, 100)]).await;
    let index = crate::manifests::index_of(&[image.manifest.descriptor(OCI_MANIFEST)]).to_string();
    let path = "/v2/library/app/manifests/multi";
    let media_type = crate::manifests::OCI_INDEX;
    crate::manifests::put(&hub.registry, path, media_type, index.clone().into_bytes())
        .await
        .expect(201);
    let server = hub.proxy().start().await;
    let answer = ask(server.get(&Hub::manifest("multi"))).await.expect(200);
    assert_eq!(answer.body, index.as_bytes());
    assert_eq!(answer.header("content-type"), media_type);
    // One image of the index is pulled, not all.
    hub.front
        .assert_count(0, |request| request.is_of(&image.manifest.digest));
    let get = server.get(&Hub::manifest(&image.manifest.digest));
    assert_eq!(ask(get).await.expect(200).body, image.manifest.bytes);
}

#[tokio::test]
async fn a_tag_that_did_not_move_costs_none_of_the_few_pulls_that_are_left() {
    let (hub, server, image) = with("fresh_seconds", "0").await;
    hub.front.remaining(3);
    server.resolve("1", &image).await;
    hub.front.forget();
    server.resolve("1", &image).await;
    let counted = hub
        .front
        .count(|request| request.is_manifest() && request.is_get());
    assert_eq!(counted, 0, "{:#?}", hub.front.requests());
}
