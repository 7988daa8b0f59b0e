//! Upstreams that stand in for each other.

use std::time::Duration;

use super::{MIB, cached};
use crate::support::{
    Blob, Download, Fault, Front, Hub, Image, Request, TestServer, TestServerBuilder, ask,
    random_bytes,
};

/// A hub whose registry has a second front.
struct Two {
    hub: Hub,
    second: Front,
    image: Image,
}

impl Two {
    async fn start(layer_bytes: usize) -> Self {
        let hub = Hub::start().await;
        let second = Front::of(&hub.registry);
        let image = hub.push("1", [random_bytes(1, layer_bytes)]).await;
        Self { hub, second, image }
    }

    fn proxy(&self, order: u32, capabilities: &str) -> TestServerBuilder {
        self.hub
            .proxy()
            .upstream("hub", "order", 2)
            .upstream("second", "registry", "docker.io")
            .upstream("second", "url", self.second.url())
            .upstream("second", "order", order)
            .upstream("second", "capabilities", capabilities)
    }

    fn layer(&self) -> &Blob {
        &self.image.layers[0]
    }

    async fn pull(&self, server: &TestServer) {
        let get = server.get(&Hub::blob(self.layer()));
        Download::begin(get, self.layer()).await.finish().await;
    }
}

#[tokio::test]
async fn the_second_upstream_gives_what_the_first_does_not() {
    for fault in [
        Fault::Reset,
        Fault::status(503),
        Fault::status(403),
        Fault::status(404),
        Fault::too_many(600),
        Fault::CorruptByte(10),
        Fault::WrongLength(5),
        Fault::WrongLength(-5),
    ] {
        println!("{fault:?}");
        let two = Two::start(5000).await;
        let server = two.proxy(3, "resolve,pull").start().await;
        server.resolve("1", &two.image).await;
        two.second.assert_not_asked();
        two.hub.front.always(|_| true, fault);
        two.pull(&server).await;
        assert_eq!(two.second.sent(Request::is_blob), 5000);
        cached(&server, two.layer()).await;
    }
}

/// Also where the first one asks for a minute of patience: the client has none.
#[tokio::test]
async fn a_download_that_is_cut_goes_on_at_the_second_upstream_when_the_first_refuses() {
    for fault in [
        Fault::too_many(60),
        Fault::status(404),
        Fault::status(403),
        Fault::IgnoreRange,
    ] {
        println!("{fault:?}");
        let two = Two::start(70 * MIB).await;
        let server = two.proxy(3, "pull").start().await;
        server.resolve("1", &two.image).await;
        let first = &two.hub.front;
        let cut = Fault::CutAfter(66 * MIB as u64);
        first.times(
            1,
            |request| request.is_blob() && request.range.is_none(),
            cut,
        );
        first.always(|request| request.range.is_some(), fault);
        let pull = tokio::time::timeout(Duration::from_secs(30), two.pull(&server));
        pull.await.expect("it goes on at once");
        assert!(two.second.sent(Request::is_blob) <= 5 * MIB as u64);
    }
}

#[tokio::test]
async fn the_second_upstream_resolves_tags_when_the_first_is_down() {
    let two = Two::start(5000).await;
    let server = two.proxy(3, "resolve,pull").start().await;
    two.hub.front.down().await;
    server.resolve("1", &two.image).await;
    two.pull(&server).await;
}

#[tokio::test]
async fn the_upstream_with_the_lowest_order_is_asked_first() {
    let two = Two::start(5000).await;
    let server = two.proxy(1, "resolve,pull").start().await;
    let path = |reference: &str| format!("/v2/library/app/{reference}");
    let answer = ask(server.get(&path("manifests/1"))).await.expect(200);
    assert_eq!(answer.body, two.image.manifest.bytes);
    let blob = path(&format!("blobs/{}", two.layer().digest));
    Download::begin(server.get(&blob), two.layer())
        .await
        .finish()
        .await;
    two.hub.front.assert_not_asked();
}

#[tokio::test]
async fn a_download_goes_on_at_the_second_upstream_where_the_first_ended() {
    let two = Two::start(8 * MIB).await;
    let server = two.proxy(3, "resolve,pull").start().await;
    server.resolve("1", &two.image).await;
    let half = 4 * MIB as u64;
    two.hub
        .front
        .times(1, Request::is_blob, Fault::CutAfter(half));
    two.hub.front.always(
        |request| request.range.is_some() || request.is_head(),
        Fault::Reset,
    );
    two.pull(&server).await;
    let sent = two.second.sent(Request::is_blob);
    assert!(sent <= half + half / 25, "{:#?}", two.second.requests());
    two.second
        .assert_count(1, |request| request.range.is_some());
}

/// A mirror that lags behind may give content, which its digest proves, but not say what a tag is.
#[tokio::test]
async fn an_upstream_that_only_pulls_gives_content_and_resolves_no_tag() {
    let two = Two::start(5000).await;
    let server = two.proxy(1, "pull").start().await;
    server.resolve("1", &two.image).await;
    two.pull(&server).await;
    two.second.assert_count(0, Request::is_tag);
    two.second.assert_count(1, Request::is_manifest_by_digest);
    two.second.assert_count(1, Request::is_blob);
    two.hub.front.assert_count(0, Request::is_blob);
    // HEAD is free at Docker Hub, a GET of a manifest is counted.
    two.hub.front.assert_count(1, Request::is_tag);
    two.hub
        .front
        .assert_count(0, |request| request.is_manifest() && request.is_get());
}

#[tokio::test]
async fn content_that_an_upstream_that_only_pulls_does_not_have_comes_from_the_other() {
    let two = Two::start(5000).await;
    let server = two.proxy(1, "pull").start().await;
    two.second.always(|_| true, Fault::status(404));
    server.resolve("1", &two.image).await;
    two.pull(&server).await;
    two.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn a_spoilt_large_blob_comes_from_the_second_upstream_the_next_time() {
    let two = Two::start(4 * MIB).await;
    let server = two.proxy(3, "resolve,pull").start().await;
    server.resolve("1", &two.image).await;
    let spoils = Fault::CorruptByte(3 * MIB as u64);
    two.hub.front.always(Request::is_blob, spoils);
    let get = server.get(&Hub::blob(two.layer()));
    let first = get.send().await.expect("an answer");
    first.bytes().await.expect_err("the end is missing");
    two.pull(&server).await;
    two.second.assert_count(1, Request::is_blob);
}
