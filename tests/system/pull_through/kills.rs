//! kill -9 in the middle of a download into the cache.

use super::{Cold, MIB, cached};
use crate::kills::seed;
use crate::support::{
    Download, Hub, Random, Request, TestServer, ask, files, full, random_bytes, until,
};

#[tokio::test]
async fn a_download_that_a_kill_has_interrupted_goes_on_where_it_was() {
    let cold = Cold::start(Hub::start().await, 32 * MIB).await;
    let Cold {
        hub,
        mut server,
        image,
    } = cold;
    let layer = &image.layers[0];
    let size = layer.bytes.len() as u64;
    let offset = size * 60 / 100;
    let mut gate = hub.front.gate(&layer.digest, offset);
    let mut client = Download::begin(server.get(&Hub::blob(layer)), layer).await;
    gate.reached().await;
    let given = usize::try_from(offset).expect("a length") - 256 * 1024;
    client.up_to(given).await;
    std::sync::Arc::get_mut(&mut server).expect("ours").kill();
    client.expect_cut().await;
    gate.open();
    hub.front.forget();

    let server = std::sync::Arc::into_inner(server).expect("ours");
    let server = server.restart().await;
    let get = server.get(&Hub::blob(layer));
    Download::begin(get, layer).await.finish().await;
    cached(&server, layer).await;
    hub.front
        .assert_count(1, |request| request.is_blob() && request.range.is_some());
    let sent = hub.front.sent(Request::is_blob);
    let most = size - offset + size / 20;
    assert!(sent <= most, "{sent} bytes: {:#?}", hub.front.requests());
}

#[tokio::test]
async fn after_kills_at_any_moment_of_a_download_everything_is_pulled_and_nothing_is_left() {
    let seed = seed();
    println!("the seed is {seed}; BERTH_TEST_SEED={seed} gives the same downloads");
    let mut random = Random::new(seed);
    let hub = Hub::start().await;
    let mut server = hub.proxy().start().await;
    for round in 0..if full() { 50 } else { 5 } {
        let tag = format!("round-{round}");
        let length = 2 * MIB + random.below(6 * MIB);
        let image = hub.push(&tag, [random_bytes(random.word(), length)]).await;
        let layer = &image.layers[0];
        server.resolve(&tag, &image).await;
        let offset = random.below(length) as u64;
        let mut gate = hub.front.gate(&layer.digest, offset);
        let client = server.get(&Hub::blob(layer)).send();
        let client = tokio::spawn(client);
        gate.reached().await;
        server.kill();
        // Whether it had an answer by then, or not.
        let _ = client.await.expect("it does not panic");
        gate.open();
        server = server.restart().await;

        let get = server.get(&Hub::blob(layer));
        Download::begin(get, layer).await.finish().await;
        cached(&server, layer).await;
        check(&server).await;
    }
}

/// Each blob that is stored can be pulled, once, and no beginning of one is left.
async fn check(server: &TestServer) {
    until("an end of what is staged", async || {
        files(&server.data_dir().join("store/uploads")).is_empty()
    })
    .await;
    let blobs = files(&server.data_dir().join("store/blobs"));
    let mut digests = std::collections::BTreeSet::new();
    for file in blobs {
        let bytes = std::fs::read(&file).expect("a file of the store");
        let digest = crate::support::digest_of(&bytes);
        assert!(digests.insert(digest), "{file:?} is stored twice");
    }
    for digest in digests {
        let path = format!("/v2/hub/library/app/blobs/{digest}");
        let head = ask(server.head(&path)).await;
        assert_eq!(head.status, 200, "nobody holds {digest}");
    }
}
