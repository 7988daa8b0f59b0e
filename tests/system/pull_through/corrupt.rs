//! An upstream that sends something else than was asked for.

use super::{Cold, MIB};
use crate::support::{Blob, Download, Fault, Hub, Request, ask, holds};

#[tokio::test]
async fn a_small_blob_that_comes_spoilt_is_fetched_again_and_nobody_notices() {
    let cold = Cold::start(Hub::start().await, 900_000).await;
    let front = &cold.hub.front;
    front.times(1, Request::is_blob, Fault::CorruptByte(700_000));
    cold.pull().await;
    front.assert_count(2, Request::is_blob);
    cold.cached().await;
}

#[tokio::test]
async fn a_small_blob_that_always_comes_spoilt_is_never_given() {
    let cold = Cold::start(Hub::start().await, 5000).await;
    let front = &cold.hub.front;
    front.always(Request::is_blob, Fault::CorruptByte(4999));
    let answer = cold.get().send().await.expect("an answer");
    let refused = answer.status().is_server_error();
    let body = answer.bytes().await;
    assert!(refused || body.is_err(), "it came as if whole");
    assert!(!holds(&cold.server, cold.layer()));
    front.mend();
    crate::support::until("a good answer", async || {
        let answer = cold.get().send().await.expect("an answer");
        answer.status() == 200 && answer.bytes().await.is_ok()
    })
    .await;
    cold.cached().await;
}

/// Wherever the wrong byte is, the end is missing.
#[tokio::test]
async fn a_large_blob_that_comes_spoilt_is_never_given_whole_and_never_kept() {
    for place in [0, 2 * MIB as u64, 4 * MIB as u64 - 1] {
        let cold = Cold::start(Hub::start().await, 4 * MIB).await;
        let front = &cold.hub.front;
        front.always(Request::is_blob, Fault::CorruptByte(place));
        let clients = (0..3).map(async |_| {
            let answer = cold.get().send().await.expect("an answer");
            let refused = answer.status().is_server_error();
            // The spoilt byte itself may come; the whole must not.
            let body = answer.bytes().await;
            assert!(refused || body.is_err(), "{place}: it came as if whole");
        });
        futures_util::future::join_all(clients).await;
        assert!(!holds(&cold.server, cold.layer()), "{place}");
        front.mend();
        crate::support::until("a good answer", async || {
            let answer = cold.get().send().await.expect("an answer");
            let body = answer.bytes().await;
            body.is_ok_and(|body| Blob::new(body).digest == cold.layer().digest)
        })
        .await;
        cold.cached().await;
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_digest_says_is_never_given() {
    let hub = Hub::start().await;
    let image = hub.push("1", [vec![1; 1000]]).await;
    let server = hub.proxy().start().await;
    hub.front
        .always(|request| request.is_manifest(), Fault::CorruptByte(20));
    for reference in ["1", &image.manifest.digest] {
        let answer = ask(server.get(&Hub::manifest(reference))).await;
        assert!([502, 503].contains(&answer.status.as_u16()), "{answer:?}");
    }
    hub.front.mend();
    crate::support::until("a good answer", async || {
        let answer = ask(server.get(&Hub::manifest("1"))).await;
        answer.status == 200 && answer.body == image.manifest.bytes
    })
    .await;
}

#[tokio::test]
async fn a_moved_tag_whose_manifest_comes_spoilt_stays_where_it_was() {
    let hub = Hub::start().await;
    let image = hub.push("1", [vec![1; 1000]]).await;
    let server = hub
        .proxy()
        .upstream("hub", "fresh_seconds", 0)
        .start()
        .await;
    server.resolve("1", &image).await;
    hub.push("1", [vec![2; 1000]]).await;
    hub.front
        .always(Request::is_manifest, Fault::CorruptByte(20));
    server.resolve("1", &image).await;
}

/// The manifest says how long it is.
#[tokio::test]
async fn a_blob_that_comes_with_another_length_is_never_given_whole() {
    for difference in [-5, 5] {
        for layer_bytes in [5000, 3 * MIB] {
            let cold = Cold::start(Hub::start().await, layer_bytes).await;
            let front = &cold.hub.front;
            front.always(Request::is_blob, Fault::WrongLength(difference));
            let answer = cold.get().send().await.expect("an answer");
            let refused = answer.status().is_server_error();
            let body = answer.bytes().await;
            assert!(
                refused || body.is_err(),
                "{difference}: it came as if whole"
            );
            assert!(!holds(&cold.server, cold.layer()));
            front.mend();
            crate::support::until("a good answer", async || {
                let answer = cold.get().send().await.expect("an answer");
                answer.status() == 200 && answer.bytes().await.is_ok()
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_spoilt_resumption_does_not_make_a_whole_blob() {
    let cold = Cold::start(Hub::start().await, 4 * MIB).await;
    let front = &cold.hub.front;
    front.times(1, Request::is_blob, Fault::CutAfter(2 * MIB as u64));
    front.always(
        |request| request.range.is_some(),
        Fault::CorruptByte(3 * MIB as u64),
    );
    let answer = cold.get().send().await.expect("an answer");
    answer.bytes().await.expect_err("the end is missing");
    assert!(!holds(&cold.server, cold.layer()));
    front.mend();
    crate::support::until("a good answer", async || {
        let answer = cold.get().send().await.expect("an answer");
        answer.status() == 200 && answer.bytes().await.is_ok()
    })
    .await;
    Download::begin(cold.get(), cold.layer())
        .await
        .finish()
        .await;
}
