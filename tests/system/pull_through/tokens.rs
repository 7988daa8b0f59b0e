//! Tokens of an upstream.

use std::time::Duration;

use futures_util::future::join_all;

use super::MIB;
use crate::support::{Download, Fault, FrontBuilder, Hub, Image, Request, ask, random_bytes};

fn tokens() -> FrontBuilder {
    FrontBuilder::default().tokens(Duration::from_secs(300))
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_used_for_everything_in_its_repository() {
    let hub = Hub::with(tokens()).await;
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .start()
        .await;
    for tag in 1..=5 {
        let layer = random_bytes(tag, 1000);
        let image = hub.push(&tag.to_string(), [layer]).await;
        server.resolve(&tag.to_string(), &image).await;
        let layer = &image.layers[0];
        let get = server.get(&Hub::blob(layer));
        Download::begin(get, layer).await.finish().await;
    }
    hub.front.assert_count(1, Request::is_token);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_need_a_token_at_once_ask_for_one() {
    let hub = Hub::with(tokens()).await;
    for tag in 0..20 {
        hub.push(&tag.to_string(), [random_bytes(tag, 100)]).await;
    }
    let server = hub.proxy().start().await;
    let anonymous = server.anonymous();
    let pulls = (0..20).map(async |tag: u64| {
        let path = Hub::manifest(&tag.to_string());
        ask(anonymous.get(&path)).await.expect(200)
    });
    join_all(pulls).await;
    hub.front.assert_count(1, Request::is_token);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced() {
    let hub = Hub::with(tokens()).await;
    let image = hub.push("1", [random_bytes(1, 4 * MIB)]).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    hub.front.expire_tokens();
    let layer = &image.layers[0];
    hub.front
        .times(1, Request::is_blob, Fault::CutAfter(2 * MIB as u64));
    Download::begin(server.get(&Hub::blob(layer)), layer)
        .await
        .finish()
        .await;
    hub.front.assert_count(2, Request::is_token);
}

#[tokio::test]
async fn a_token_service_that_closes_at_first_is_asked_again() {
    let hub = Hub::with(tokens()).await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let server = hub.proxy().start().await;
    hub.front.times(1, Request::is_token, Fault::Reset);
    server.resolve("1", &image).await;
    hub.front.assert_count(2, Request::is_token);
}

#[tokio::test]
async fn credentials_go_to_the_token_service_and_nowhere_else() {
    let hub = Hub::with(tokens().credentials("hub-user", "hub-password")).await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "username", "hub-user")
        .upstream("hub", "password", "hub-password")
        .start()
        .await;
    server.resolve("1", &image).await;
    for request in hub.front.requests() {
        let credentials = request.authorization.as_deref().unwrap_or_default();
        assert_eq!(
            request.is_token(),
            credentials.starts_with("Basic "),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_password_itself_gets_it() {
    let front = FrontBuilder::default().credentials("hub-user", "hub-password");
    let hub = Hub::with(front).await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "username", "hub-user")
        .upstream("hub", "password", "hub-password")
        .start()
        .await;
    server.resolve("1", &image).await;
}

#[tokio::test]
async fn repositories_do_not_share_a_token() {
    let hub = Hub::with(tokens()).await;
    let image = hub.push("1", [random_bytes(1, 100)]).await;
    let other = Image::small(2);
    other.push(&hub.registry, "library/other", "1").await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    let path = "/v2/hub/library/other/manifests/1";
    let answer = ask(server.get(path)).await.expect(200);
    assert_eq!(answer.body, other.manifest.bytes);
    hub.front.assert_count(2, Request::is_token);
}
