//! Images that are fetched before anybody asks for them.

use serde_json::{Value, json};

use super::MIB;
use crate::support::{Download, Hub, Image, TestServer, random_bytes, until};

/// Everything of the image, with nobody upstream.
async fn pull(server: &TestServer, tag: &str, image: &Image) {
    server.resolve(tag, image).await;
    for blob in image.layers.iter().chain([&image.config]) {
        let get = server.get(&Hub::blob(blob));
        Download::begin(get, blob).await.finish().await;
    }
}

#[tokio::test]
async fn an_image_that_was_warmed_is_there_with_its_signature_when_the_upstream_is_not() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 2 * MIB)]).await;
    let signature = format!("{}.sig", image.manifest.digest.replace(':', "-"));
    let signed = hub.push(&signature, [random_bytes(2, 500)]).await;
    let server = hub.proxy().start().await;
    let asked = json!({"images": ["hub/library/app:1", "hub/library/app:none"]});
    let warm = server.post("/api/v1/caches/warm").json(&asked);
    // It comes in pieces, so that a client that waits hears something.
    let answer: Value = warm.send().await.unwrap().json().await.unwrap();
    let fetched = answer["items"][0]["fetched_bytes"].as_u64();
    assert!(fetched.unwrap() > (2 * MIB + 500) as u64, "{answer:#}");
    assert_eq!(answer["items"][0]["manifests"], 2, "{answer:#}");
    assert!(answer["items"][1]["error"].is_string(), "{answer:#}");

    hub.front.down().await;
    pull(&server, "1", &image).await;
    pull(&server, &signature, &signed).await;
}

#[tokio::test]
async fn tags_that_are_to_be_kept_warm_are_fetched_by_themselves() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().upstream("hub", "warm", "library/app:1");
    let server = server.start().await;
    for blob in image.layers.iter().chain([&image.config]) {
        until("the blob", async || crate::support::holds(&server, blob)).await;
    }
    super::cached(&server, &image.layers[0]).await;
    hub.front.down().await;
    pull(&server, "1", &image).await;
}
