//! A cache that is full gives up what was not pulled for the longest time.

use futures_util::future::join_all;

use super::{MIB, cached};
use crate::support::{
    Blob, Download, Hub, Image, TestServer, ask, create_project, holds, random_bytes, stored_bytes,
    until,
};

const CAP: u64 = 16 * MIB as u64;

async fn pull(server: &TestServer, tag: &str, image: &Image) {
    server.resolve(tag, image).await;
    for blob in image.layers.iter().chain([&image.config]) {
        let get = server.get(&Hub::blob(blob));
        Download::begin(get, blob).await.finish().await;
    }
}

/// Of lengths of their own.
async fn images(hub: &Hub, count: u64) -> Vec<(String, Image)> {
    let mut images = Vec::new();
    for number in 0..count {
        let length = 2 * MIB + usize::try_from(number).expect("a small number");
        let image = hub
            .push(&number.to_string(), [random_bytes(number, length)])
            .await;
        images.push((number.to_string(), image));
    }
    images
}

async fn within_the_cap(server: &TestServer) {
    until("a cache within its cap", async || {
        stored_bytes(server) <= CAP
    })
    .await;
}

#[tokio::test]
async fn pulls_of_more_than_the_cache_holds_succeed_and_the_cache_stays_within_its_size() {
    let hub = Hub::start().await;
    let images = images(&hub, 24).await;
    let server = hub.proxy().env("BERTH_CACHE__BYTES", CAP).start().await;
    for (tag, image) in &images {
        pull(&server, tag, image).await;
        let most = CAP + 4 * MIB as u64;
        until("a cache near its cap", async || {
            stored_bytes(&server) <= most
        })
        .await;
    }
    within_the_cap(&server).await;
    // Again, at once: what is there and what is not.
    join_all(images.iter().map(|(tag, image)| pull(&server, tag, image))).await;
    within_the_cap(&server).await;
}

#[tokio::test]
async fn what_is_pulled_again_stays_and_what_was_not_for_the_longest_time_goes() {
    let hub = Hub::start().await;
    let images = images(&hub, 12).await;
    let server = hub.proxy().env("BERTH_CACHE__BYTES", CAP).start().await;
    for (tag, image) in &images {
        pull(&server, tag, image).await;
        cached(&server, &image.layers[0]).await;
        pull(&server, &images[0].0, &images[0].1).await;
    }
    within_the_cap(&server).await;
    let last = &images[11].1.layers[0];
    assert!(holds(&server, last), "the last one is gone");
    // It was used all the time.
    let first = &images[0].1.layers[0].digest;
    hub.front.assert_count(1, |request| request.is_of(first));
    assert!(
        !holds(&server, &images[1].1.layers[0]),
        "the second one stays"
    );
}

#[tokio::test]
async fn what_was_pushed_here_is_never_given_up() {
    let hub = Hub::start().await;
    let images = images(&hub, 14).await;
    let server = hub.proxy().env("BERTH_CACHE__BYTES", CAP).start().await;
    create_project(&server, "shop").await;
    // One that only the project has, and one that the upstream has as well.
    let own = Blob::new(random_bytes(99, 2 * MIB + 99));
    own.push(&server, "shop/app").await;
    let shared = &images[0].1.layers[0];
    shared.push(&server, "shop/app").await;
    for (tag, image) in &images {
        pull(&server, tag, image).await;
    }
    for blob in [&own, shared] {
        let path = format!("/v2/shop/app/blobs/{}", blob.digest);
        let answer = ask(server.get(&path)).await.expect(200);
        assert_eq!(answer.body, blob.bytes);
    }
}

#[tokio::test]
async fn a_blob_that_is_larger_than_the_cache_is_pulled() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 20 * MIB)]).await;
    let server = hub.proxy().env("BERTH_CACHE__BYTES", CAP).start().await;
    for _ in 0..2 {
        pull(&server, "1", &image).await;
        within_the_cap(&server).await;
    }
}
