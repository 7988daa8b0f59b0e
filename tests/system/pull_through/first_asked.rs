//! What a client is told of what was never seen here, when the upstream does not give it.

use crate::support::{Answer, Fault, FrontBuilder, Hub, Request, TestServer, ask, random_bytes};

async fn cold() -> (Hub, TestServer) {
    let hub = Hub::start().await;
    hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().start().await;
    (hub, server)
}

async fn manifest(server: &TestServer, tag: &str) -> Answer {
    ask(server.get(&Hub::manifest(tag))).await
}

#[tokio::test]
async fn an_upstream_that_can_not_be_reached_is_a_bad_gateway() {
    let (hub, server) = cold().await;
    hub.front.down().await;
    let answer = manifest(&server, "1").await;
    assert!([502, 504].contains(&answer.status.as_u16()), "{answer:?}");
    answer.expect_error(answer.status.as_u16(), "UNAVAILABLE");
    hub.front.up();
    crate::support::until("an answer of the upstream", async || {
        manifest(&server, "1").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_a_gateway_that_took_too_long() {
    let (hub, server) = cold().await;
    hub.front.always(|_| true, Fault::Hang);
    let answer = manifest(&server, "1").await;
    assert!([502, 504].contains(&answer.status.as_u16()), "{answer:?}");
}

#[tokio::test]
async fn an_upstream_that_errs_is_unavailable_and_says_when_to_come_again() {
    for status in [500, 502, 503] {
        let (hub, server) = cold().await;
        hub.front
            .always(Request::is_manifest, Fault::status(status));
        let answer = manifest(&server, "1").await.expect(503);
        answer.expect_error(503, "UNAVAILABLE");
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&seconds), "{answer:?}");
    }
}

#[tokio::test]
async fn a_limit_of_the_upstream_is_told_to_clients_and_kept() {
    let (hub, server) = cold().await;
    hub.front.always(Request::is_manifest, Fault::too_many(600));
    let answer = manifest(&server, "1").await;
    answer.expect_error(429, "TOOMANYREQUESTS");
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=600).contains(&seconds), "{answer:?}");

    hub.front.forget();
    for caller in [&server.mirror(), &*server] {
        for path in ["/v2/library/app/manifests/1", "/v2/library/app/manifests/2"] {
            let again = ask(caller.get(path)).await;
            again.expect_error(429, "TOOMANYREQUESTS");
            again.header("retry-after");
        }
    }
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn what_an_upstream_does_not_have_is_not_found_and_not_asked_for_again_soon() {
    let (hub, server) = cold().await;
    for _ in 0..3 {
        let answer = manifest(&server, "none").await;
        answer.expect_error(404, "MANIFEST_UNKNOWN");
    }
    let asked = hub.front.count(Request::is_manifest);
    // HEAD, and GET to be sure of it.
    assert!((1..=2).contains(&asked), "{:#?}", hub.front.requests());
    hub.front.forget();
    manifest(&server, "none").await.expect(404);
    ask(server.head(&Hub::manifest("none"))).await.expect(404);
    hub.front.assert_not_asked();
    manifest(&server, "1").await.expect(200);
}

#[tokio::test]
async fn a_blob_that_an_upstream_does_not_have_is_unknown() {
    let (hub, server) = cold().await;
    let image = hub.push("2", [random_bytes(2, 5000)]).await;
    server.resolve("2", &image).await;
    hub.front.always(Request::is_blob, Fault::status(404));
    let layer = &image.layers[0];
    let answer = ask(server.get(&Hub::blob(layer))).await;
    answer.expect_error(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_upstream_that_denies_is_told_without_a_challenge() {
    for status in [401, 403] {
        let (hub, server) = cold().await;
        hub.front
            .always(Request::is_manifest, Fault::status(status));
        let mirror = server.mirror();
        for (caller, path) in [
            (&*server, Hub::manifest("1")),
            (&mirror, "/v2/library/app/manifests/1".to_owned()),
        ] {
            let answer = ask(caller.get(&path)).await;
            match answer.status.as_u16() {
                403 => answer.expect_error(403, "DENIED"),
                _ => answer.expect_error(404, "MANIFEST_UNKNOWN"),
            };
            assert_eq!(answer.maybe("www-authenticate"), None, "{answer:?}");
        }
    }
}

/// A registry that says 404 when its login limit is reached makes people look for the wrong fault
/// (harbor#23750).
#[tokio::test]
async fn a_limit_of_the_token_service_is_a_limit_and_never_an_absence() {
    let front = FrontBuilder::default().tokens(std::time::Duration::from_secs(300));
    let hub = Hub::with(front).await;
    hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().start().await;
    hub.front.always(Request::is_token, Fault::too_many(600));
    for _ in 0..2 {
        let answer = manifest(&server, "1").await;
        answer.expect_error(429, "TOOMANYREQUESTS");
        answer.header("retry-after");
    }
    hub.front.assert_count(1, Request::is_token);
}
