use serde_json::{Value, json};

use super::world::{Item, oci};
use crate::command_line::Account;
use crate::support::{Blob, Cutter, Fault, Front, Request, TestServer, random_bytes};

const LENGTH: usize = 3_000_000;

fn image(seed: u64) -> Item {
    let layer = Blob::new(random_bytes(seed, LENGTH));
    oci("shop/web", &["v1"], &[layer], json!({}))
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on_where_it_was() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let image = image(1);
    image.push_to(&source).await;
    let front = Front::of(&source);
    let digest = image.blobs[0].digest.clone();
    let wanted = digest.clone();
    let of_layer = move |request: &Request| request.is_of(&wanted);
    front.times(2, of_layer, Fault::CutAfter(1_000_000));
    let account = Account::admin(&server);
    account.run(&["import", "registry", &front.url()]);
    image.assert_at(&server, "").await;
    // Each byte came once.
    let sent = front.sent(|request| request.is_get() && request.is_of(&digest));
    assert_eq!(sent, LENGTH as u64);
}

#[tokio::test]
async fn a_registry_without_ranges_gives_the_whole_again_and_the_rest_is_taken() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let image = image(6);
    image.push_to(&source).await;
    let front = Front::of(&source);
    let digest = image.blobs[0].digest.clone();
    let wanted = digest.clone();
    let of_layer = move |request: &Request| request.is_of(&wanted);
    front.times(2, of_layer.clone(), Fault::CutAfter(1_000_000));
    front.always(of_layer, Fault::IgnoreRange);
    let account = Account::admin(&server);
    account.run(&["import", "registry", &front.url()]);
    image.assert_at(&server, "").await;
    front.assert_count(3, |request| request.is_get() && request.is_of(&digest));
}

#[tokio::test]
async fn a_registry_that_had_too_many_requests_is_asked_again_when_it_says() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let image = image(2);
    image.push_to(&source).await;
    let front = Front::of(&source);
    front.times(1, |request| request.is_tag_list(), Fault::too_many(1));
    front.times(1, |request| request.is_blob(), Fault::too_many(1));
    front.times(
        1,
        |request| request.is_manifest_by_digest(),
        Fault::status(503),
    );
    let account = Account::admin(&server);
    account.run(&["import", "registry", &front.url()]);
    image.assert_at(&server, "").await;
}

#[tokio::test]
async fn wrong_bytes_are_told_of_and_nothing_is_tagged() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let bad = image(3);
    bad.push_to(&source).await;
    let good = oci(
        "shop/api",
        &["v1"],
        &[Blob::new(random_bytes(4, 900))],
        json!({}),
    );
    good.push_to(&source).await;
    let front = Front::of(&source);
    let digest = bad.blobs[0].digest.clone();
    front.always(move |request| request.is_of(&digest), Fault::CorruptByte(7));
    let account = Account::admin(&server);
    let url = front.url();
    let output = account.berth(&["import", "registry", &url, "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let failure = &report["repositories"][1]["failures"][0];
    assert_eq!(failure["what"], "shop/web:v1", "{report:#}");
    let reason = failure["reason"].as_str().expect("a reason");
    let expected = format!("the source gives other bytes for {}", bad.blobs[0].digest);
    assert!(reason.contains(&expected), "{reason}");
    bad.assert_not_at(&server, "").await;
    good.assert_at(&server, "").await;
}

#[tokio::test]
async fn an_upload_that_is_cut_goes_on_where_it_was() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    // Of more than one chunk.
    let layer = Blob::new(random_bytes(5, 40 << 20));
    let image = oci("shop/web", &["v1"], &[layer], json!({}));
    image.push_to(&source).await;
    // Between the import and its server: each way is cut once, in the first and the second chunk.
    let cutter = Cutter::before(server.host());
    let account = Account::admin_at(&cutter.url());
    cutter.cut_after(&[10 << 20, 25 << 20]);
    let front = Front::of(&source);
    let report = account.json(&["import", "registry", &front.url()]);
    image.assert_at(&server, "").await;
    assert_eq!(report["repositories"][0]["blobs"]["sent"], 2, "{report:#}");
    // What had come before was not sent again, but for what was on its way.
    let sent = cutter.sent();
    assert!(sent < 60 << 20, "{sent} bytes");
}
