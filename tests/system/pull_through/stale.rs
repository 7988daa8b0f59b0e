//! What is known goes on being answered, quickly, whatever happens to the upstream.

use std::time::Duration;

use tokio::time::timeout;

use super::{MIB, cached};
use crate::support::{
    Answer, Download, Fault, FrontBuilder, Hub, Image, Request, TestServer, ask, random_bytes,
};

const SOON: Duration = Duration::from_millis(1200);

/// A server that has all of an image, and asks for its tag again each time.
async fn warm(front: FrontBuilder) -> (Hub, TestServer, Image) {
    let hub = Hub::with(front).await;
    let image = hub.push("1", [random_bytes(1, 2 * MIB)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .start()
        .await;
    server.resolve("1", &image).await;
    for blob in image.layers.iter().chain([&image.config]) {
        let get = server.get(&Hub::blob(blob));
        Download::begin(get, blob).await.finish().await;
        cached(&server, blob).await;
    }
    hub.front.forget();
    (hub, server, image)
}

/// All of the image, with a tag that is known to be old.
async fn assert_stale(server: &TestServer, image: &Image, case: &str) {
    for head in [false, true] {
        let path = Hub::manifest("1");
        let request = if head {
            server.head(&path)
        } else {
            server.get(&path)
        };
        let answer = timeout(SOON, ask(request)).await;
        let answer: Answer = answer.unwrap_or_else(|_| panic!("{case}: no answer so soon"));
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
        assert_eq!(
            answer.header("docker-content-digest"),
            image.manifest.digest
        );
        let warning = answer.header("warning");
        assert!(warning.starts_with("110 "), "{case}: {answer:?}");
    }
    // What is asked for by its digest is never old.
    let by_digest = server.get(&Hub::manifest(&image.manifest.digest));
    let answer = timeout(SOON, ask(by_digest)).await.expect("it is known");
    assert_eq!(answer.expect(200).maybe("warning"), None, "{case}");
    let layer = &image.layers[0];
    let download = async {
        let get = server.get(&Hub::blob(layer));
        Download::begin(get, layer).await.finish().await;
    };
    timeout(SOON, download).await.expect("it is cached");
}

#[tokio::test]
async fn a_tag_that_is_known_is_answered_soon_when_the_upstream_fails() {
    for fault in [
        Fault::Reset,
        Fault::Hang,
        Fault::status(500),
        Fault::status(503),
        Fault::too_many(3600),
        Fault::status(408),
    ] {
        let case = format!("{fault:?}");
        let (hub, server, image) = warm(FrontBuilder::default()).await;
        hub.front.always(|_| true, fault);
        assert_stale(&server, &image, &case).await;
        assert_stale(&server, &image, &case).await;
    }
}

#[tokio::test]
async fn a_tag_that_is_known_is_answered_soon_when_the_upstream_is_down() {
    let (hub, server, image) = warm(FrontBuilder::default()).await;
    hub.front.down().await;
    assert_stale(&server, &image, "down").await;
    // And is asked for again once the upstream is back.
    let moved = hub.push("1", [random_bytes(2, 5000)]).await;
    hub.front.up();
    crate::support::until("the moved tag", async || {
        let answer = ask(server.get(&Hub::manifest("1"))).await.expect(200);
        answer.body == moved.manifest.bytes
    })
    .await;
}

#[tokio::test]
async fn a_tag_that_is_known_is_answered_soon_when_there_are_no_tokens() {
    for fault in [
        Fault::Reset,
        Fault::Hang,
        Fault::status(500),
        Fault::too_many(600),
    ] {
        let case = format!("{fault:?}");
        let front = FrontBuilder::default().tokens(Duration::from_secs(300));
        let (hub, server, image) = warm(front).await;
        hub.front.expire_tokens();
        hub.front.always(Request::is_token, fault);
        assert_stale(&server, &image, &case).await;
    }
}

#[tokio::test]
async fn a_tag_that_is_known_survives_a_restart_without_the_upstream() {
    let (hub, server, image) = warm(FrontBuilder::default()).await;
    hub.front.down().await;
    let server = server.restart().await;
    assert_stale(&server, &image, "restarted").await;
}

#[tokio::test]
async fn a_tag_that_is_too_old_is_not_answered_without_the_upstream() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .upstream("hub", "stale_days", 0)
        .start()
        .await;
    server.resolve("1", &image).await;
    hub.front.always(|_| true, Fault::status(503));
    let answer = ask(server.get(&Hub::manifest("1"))).await;
    answer.expect(503);
    let by_digest = server.get(&Hub::manifest(&image.manifest.digest));
    ask(by_digest).await.expect(200);
}

#[tokio::test]
async fn an_upstream_that_is_told_to_be_offline_is_never_asked() {
    let (hub, mut server, image) = warm(FrontBuilder::default()).await;
    server.kill();
    let data = server.data();
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .upstream("hub", "offline", true)
        .start_on(data)
        .await;
    let answer = ask(server.get(&Hub::manifest("1"))).await.expect(200);
    assert_eq!(answer.body, image.manifest.bytes);
    let layer = &image.layers[0];
    Download::begin(server.get(&Hub::blob(layer)), layer)
        .await
        .finish()
        .await;
    let unknown = ask(server.get(&Hub::manifest("2"))).await;
    assert!(unknown.status.as_u16() >= 400, "{unknown:?}");
    hub.front.assert_not_asked();
}
