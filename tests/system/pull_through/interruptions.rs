//! Downloads from an upstream that break, of which no client notices anything.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{Cold, MIB};
use crate::support::{Download, Fault, FrontBuilder, Hub, Request, random_bytes};

/// That this was fetched once and little of it again.
fn assert_little_again(cold: &Cold, wanted: impl Fn(&Request) -> bool) {
    let size = cold.layer().bytes.len() as u64;
    let sent = cold.hub.front.sent(wanted);
    assert!(
        sent < size + size / 50,
        "{sent} bytes of {size}: {:#?}",
        cold.hub.front.requests()
    );
}

#[tokio::test]
async fn a_download_that_is_cut_five_times_goes_on_where_it_was() {
    let cold = Cold::start(Hub::start().await, 48 * MIB).await;
    let front = &cold.hub.front;
    front.times(
        5,
        Request::is_blob,
        Fault::CutAfter(7 * MIB as u64 + 12_345),
    );
    let other = Download::begin(cold.get(), cold.layer()).await;
    cold.pull().await;
    other.finish().await;
    front.assert_count(6, Request::is_blob);
    front.assert_count(5, |request| request.range.is_some());
    assert_little_again(&cold, Request::is_blob);
    cold.cached().await;
}

#[tokio::test]
async fn a_download_that_stalls_is_taken_up_again() {
    let cold = Cold::start(Hub::start().await, 8 * MIB).await;
    let front = &cold.hub.front;
    front.times(1, Request::is_blob, Fault::StallAfter(3 * MIB as u64));
    cold.pull().await;
    front.assert_count(1, |request| request.range.is_some());
    assert_little_again(&cold, Request::is_blob);
}

#[tokio::test]
async fn a_download_goes_on_after_the_upstream_was_down() {
    let cold = Cold::start(Hub::start().await, 8 * MIB).await;
    let mut gate = cold.hub.front.gate(&cold.layer().digest, 4 * MIB as u64);
    let mut client = Download::begin(cold.get(), cold.layer()).await;
    gate.reached().await;
    client.up_to(2 * MIB).await;
    cold.hub.front.down().await;
    gate.open();
    cold.hub.front.up();
    client.finish().await;
    cold.hub
        .front
        .assert_count(1, |request| request.range.is_some());
    assert_little_again(&cold, Request::is_blob);
}

#[tokio::test]
async fn a_signature_that_ends_in_the_middle_of_a_download_is_asked_for_again() {
    let cold = Cold::start(Hub::with(FrontBuilder::default().cdn()).await, 8 * MIB).await;
    let front = &cold.hub.front;
    front.signatures_last(1);
    front.times(1, Request::is_cdn, Fault::CutAfter(5 * MIB as u64));
    cold.pull().await;
    let given = front.count(|request| request.is_blob() && !request.is_cdn());
    assert_eq!(given, 2, "{:#?}", front.requests());
    assert_little_again(&cold, Request::is_cdn);
    front.assert_count(0, |request| {
        request.is_cdn() && request.authorization.is_some()
    });
}

#[tokio::test]
async fn where_the_registry_redirects_to_its_credentials_do_not_follow() {
    let front = FrontBuilder::default()
        .tokens(Duration::from_secs(300))
        .credentials("hub-user", "hub-password")
        .cdn();
    let hub = Hub::with(front).await;
    let image = hub.push("1", [vec![7; 2 * MIB]]).await;
    let server = hub
        .proxy()
        .upstream("hub", "username", "hub-user")
        .upstream("hub", "password", "hub-password")
        .start()
        .await;
    server.resolve("1", &image).await;
    let layer = &image.layers[0];
    let get = server.get(&Hub::blob(layer));
    Download::begin(get, layer).await.finish().await;
    hub.front.assert_count(1, Request::is_cdn);
    hub.front.assert_count(0, |request| {
        request.is_cdn() && request.authorization.is_some()
    });
    let log = format!("{:?}", server.log());
    for secret in ["hub-password", "c2lnbmVk"] {
        assert!(!log.contains(secret), "{secret} is logged");
    }
}

#[tokio::test]
async fn a_blob_whose_upstream_closes_or_errs_at_first_is_pulled_all_the_same() {
    for fault in [
        Fault::Reset,
        Fault::CutAfter(0),
        Fault::status(500),
        Fault::status(502),
        Fault::status(503),
    ] {
        for layer_bytes in [5000, 3 * MIB] {
            println!("{fault:?}, {layer_bytes} bytes");
            let cold = Cold::start(Hub::start().await, layer_bytes).await;
            cold.hub.front.times(1, Request::is_blob, fault.clone());
            cold.pull().await;
            cold.cached().await;
        }
    }
}

#[tokio::test]
async fn an_upstream_that_answers_a_resumption_with_the_whole_is_read_past_what_is_known() {
    let cold = Cold::start(Hub::start().await, 8 * MIB).await;
    let front = &cold.hub.front;
    front.times(1, Request::is_blob, Fault::CutAfter(5 * MIB as u64));
    front.always(|request| request.range.is_some(), Fault::IgnoreRange);
    cold.pull().await;
    cold.cached().await;
    let sent = front.sent(Request::is_blob);
    assert!(sent < 14 * MIB as u64, "{sent} bytes were fetched");
}

#[tokio::test]
async fn a_slow_upstream_is_no_broken_one() {
    let cold = Cold::start(Hub::start().await, 3 * MIB).await;
    cold.hub.front.bytes_per_second(MIB as u64);
    cold.pull().await;
    cold.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn downloads_together_take_no_more_than_the_upstream_may_send() {
    let hub = Hub::start().await;
    let layers = [random_bytes(1, 2 * MIB), random_bytes(2, 2 * MIB)];
    let image = hub.push("1", layers).await;
    let server = hub
        .proxy()
        .upstream("hub", "bytes_per_second", MIB)
        .start()
        .await;
    server.resolve("1", &image).await;
    let begun = Instant::now();
    let pulls = image.layers.iter().map(async |layer| {
        let get = server.get(&Hub::blob(layer));
        Download::begin(get, layer).await.finish().await;
    });
    join_all(pulls).await;
    // Four seconds, and what may come at once at the beginning.
    assert!(begun.elapsed() >= Duration::from_millis(2500));
    // What is cached comes from no upstream.
    let begun = Instant::now();
    Download::begin(server.get(&Hub::blob(&image.layers[0])), &image.layers[0])
        .await
        .finish()
        .await;
    assert!(begun.elapsed() < Duration::from_millis(1500));
}
