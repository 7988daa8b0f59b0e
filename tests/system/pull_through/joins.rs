//! Clients that want the same at the same time.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Cold, MIB, cached};
use crate::support::{Download, FrontBuilder, Hub, Request, ask, random_bytes};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_clients_that_pull_an_image_at_once_cost_one_pull() {
    let hub = Hub::with(FrontBuilder::default().tokens(Duration::from_secs(300))).await;
    let layers = (1..=3).map(|seed| random_bytes(seed, 4 * MIB));
    let image = hub.push("1", layers).await;
    let server = hub.proxy().start().await;
    let anybody = server.anonymous();
    let pull = async || {
        anybody.resolve("1", &image).await;
        let blobs = image.layers.iter().chain([&image.config]);
        let blobs = blobs.map(async |blob| {
            let get = anybody.get(&Hub::blob(blob));
            Download::begin(get, blob).await.finish().await;
        });
        join_all(blobs).await;
    };
    join_all((0..20).map(|_| pull())).await;

    let front = &hub.front;
    for blob in image.layers.iter().chain([&image.config]) {
        let digest = &blob.digest;
        front.assert_count(1, |request| request.is_of(digest));
        let sent = front.sent(|request| request.is_of(digest));
        assert_eq!(sent, blob.bytes.len() as u64);
    }
    front.assert_count(1, Request::is_token);
    front.assert_count(0, |request| request.is_head() && request.is_blob());
    // Beside the question that told us of the token.
    let manifests = front.sent(Request::is_manifest);
    assert_eq!(
        manifests,
        image.manifest.bytes.len() as u64,
        "{:#?}",
        front.requests()
    );
    let heads = front.count(|request| request.is_manifest() && request.is_head());
    assert!(heads <= 1, "{:#?}", front.requests());

    front.forget();
    pull().await;
    front.assert_not_asked();
}

#[tokio::test]
async fn a_client_that_comes_in_the_middle_of_a_download_gets_all_of_it_from_that_one() {
    let cold = Cold::start(Hub::start().await, 8 * MIB).await;
    let size = cold.layer().bytes.len() as u64;
    for part in [5, 50, 90] {
        let offset = size * part / 100;
        let (hub, layer) = (&cold.hub, cold.layer());
        let server = hub.proxy().start().await;
        server.resolve("1", &cold.image).await;
        hub.front.forget();
        let mut gate = hub.front.gate(&layer.digest, offset);
        let get = || server.get(&Hub::blob(layer));
        let mut clients = vec![Download::begin(get(), layer).await];
        gate.reached().await;
        for _ in 0..3 {
            clients.push(Download::begin(get(), layer).await);
        }
        let given = usize::try_from(offset).expect("a length") / 2;
        join_all(clients.iter_mut().map(|client| client.up_to(given))).await;
        gate.open();
        join_all(clients.into_iter().map(Download::finish)).await;
        hub.front.assert_count(1, |request| request.is_blob());
        assert_eq!(hub.front.sent(Request::is_blob), size, "at {part} %");
    }
}

#[tokio::test]
async fn the_client_that_began_a_download_may_leave_and_the_others_go_on() {
    let cold = Cold::start(Hub::start().await, 8 * MIB).await;
    let mut gate = cold.hub.front.gate(&cold.layer().digest, 4 * MIB as u64);
    let mut first = Download::begin(cold.get(), cold.layer()).await;
    let mut second = Download::begin(cold.get(), cold.layer()).await;
    gate.reached().await;
    first.up_to(2 * MIB).await;
    second.up_to(2 * MIB).await;
    drop(first);
    let third = Download::begin(cold.get(), cold.layer()).await;
    gate.open();
    second.finish().await;
    third.finish().await;
    cold.cached().await;
    cold.pull().await;
    cold.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn a_download_that_every_client_has_left_is_finished_and_kept() {
    let cold = Cold::start(Hub::start().await, 8 * MIB).await;
    let mut gate = cold.hub.front.gate(&cold.layer().digest, 6 * MIB as u64);
    let mut only = Download::begin(cold.get(), cold.layer()).await;
    gate.reached().await;
    only.up_to(3 * MIB).await;
    drop(only);
    gate.open();
    cold.cached().await;
    cold.hub.front.down().await;
    cold.pull().await;
    cold.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn a_slow_client_does_not_slow_another() {
    let cold = Cold::start(Hub::start().await, 32 * MIB).await;
    // It takes the beginning, and then nothing that does not fit into the buffers of the kernel.
    let mut slow = Download::begin(cold.get(), cold.layer()).await;
    slow.up_to(1).await;
    cold.pull().await;
    slow.finish().await;
    cold.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn the_size_of_a_blob_that_a_manifest_names_is_known_without_the_upstream() {
    let cold = Cold::start(Hub::start().await, 3 * MIB).await;
    for blob in [cold.layer(), &cold.image.config] {
        let head = ask(cold.server.head(&Hub::blob(blob))).await.expect(200);
        let size = blob.bytes.len().to_string();
        assert_eq!(head.header("content-length"), size);
        assert_eq!(head.header("docker-content-digest"), blob.digest);
    }
    cold.hub.front.assert_not_asked();
    cold.pull().await;
}

#[tokio::test]
async fn what_one_path_has_cached_the_other_paths_have() {
    let cold = Cold::start(Hub::start().await, 2 * MIB).await;
    cold.pull().await;
    cached(&cold.server, cold.layer()).await;
    cold.hub.front.forget();
    let digest = &cold.layer().digest;
    let paths = ["/v2/hub/app", "/v2/library/app", "/hub/v2/app"];
    for get in [
        cold.server.get(&format!("{}/blobs/{digest}", paths[0])),
        cold.server.get(&format!("{}/blobs/{digest}", paths[1])),
        cold.server.get(&format!("{}/blobs/{digest}", paths[2])),
        cold.server
            .mirror()
            .get(&format!("/v2/library/app/blobs/{digest}?ns=docker.io")),
    ] {
        Download::begin(get, cold.layer()).await.finish().await;
    }
    cold.hub.front.assert_count(0, Request::is_blob);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_many_resolve_at_once_is_resolved_once() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let server = hub.proxy().start().await;
    let anybody = server.anonymous();
    hub.front.latency(Duration::from_millis(100));
    join_all((0..30).map(|_| anybody.resolve("1", &image))).await;
    let requests = hub.front.count(Request::is_manifest);
    assert!(requests <= 2, "{:#?}", hub.front.requests());
}

/// Between the look whether a blob is stored and the look whether it is coming, it may come.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_come_while_a_download_ends_do_not_begin_another() {
    let hub = Hub::start().await;
    let layers = (1..=100).map(|seed| random_bytes(seed, 20_000));
    let image = hub.push("1", layers).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    let anybody = server.anonymous();
    for layer in &image.layers {
        let pull = async || {
            for _ in 0..4 {
                let get = anybody.get(&Hub::blob(layer));
                Download::begin(get, layer).await.finish().await;
            }
        };
        join_all((0..12).map(|_| pull())).await;
        hub.front
            .assert_count(1, |request| request.is_of(&layer.digest));
    }
}
