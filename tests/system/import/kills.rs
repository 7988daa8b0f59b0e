use std::process::Command;
use std::slice;
use std::time::Duration;

use serde_json::{Value, json};

use super::world::oci;
use crate::command_line::Account;
use crate::support::{Blob, Fault, Front, FrontBuilder, Request, TestServer, random_bytes, until};

#[tokio::test]
async fn an_import_that_was_killed_goes_on_and_sends_nothing_twice() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let first = oci(
        "a/first",
        &["v1"],
        &[Blob::new(random_bytes(1, 9000))],
        json!({}),
    );
    let layers = [2, 3].map(|seed| Blob::new(random_bytes(seed, 2_000_000)));
    let second = oci("b/second", &["v1"], &layers, json!({}));
    for item in [&first, &second] {
        item.push_to(&source).await;
    }
    let front = Front::of(&source);
    let mut gate = front.gate(&layers[1].digest, 1_000_000);
    let account = Account::admin(&server);
    let url = front.url();
    let import = ["import", "registry", &url];
    let mut child = account.command(&import).spawn().expect("berth starts");
    gate.reached().await;
    let there = |path: String| {
        let server = &server;
        async move { server.head(&path).send().await.expect("an answer").status() == 200 }
    };
    let manifest = |item: &super::world::Item| format!("/v2/{}/manifests/v1", item.repository);
    let first_layer = format!("/v2/b/second/blobs/{}", layers[0].digest);
    until("the first image", async || there(manifest(&first)).await).await;
    until("the first layer", async || there(first_layer.clone()).await).await;
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
    // No tag is on what is not whole.
    assert!(!there(manifest(&second)).await);
    gate.open();
    front.forget();

    account.run(&import);
    for item in [&first, &second] {
        item.assert_at(&server, "").await;
    }
    for blob in [&first.blobs[0], &first.blobs[1], &layers[0]] {
        front.assert_count(0, |request| request.is_get() && request.is_of(&blob.digest));
    }
}

#[tokio::test]
async fn an_import_that_is_interrupted_says_what_it_has_done() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let first = oci(
        "a/first",
        &["v1"],
        &[Blob::new(random_bytes(4, 9000))],
        json!({}),
    );
    let layer = Blob::new(random_bytes(5, 2_000_000));
    let second = oci("b/second", &["v1"], &[layer], json!({}));
    for item in [&first, &second] {
        item.push_to(&source).await;
    }
    let front = Front::of(&source);
    let mut gate = front.gate(&second.blobs[0].digest, 1_000_000);
    let account = Account::admin(&server);
    let url = front.url();
    let import = ["import", "registry", &url, "--json", "--jobs", "1"];
    let child = account.command(&import).spawn().expect("berth starts");
    gate.reached().await;
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-INT", &id]).status();
    assert!(kill.expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["interrupted"], true, "{report:#}");
    assert_eq!(report["repositories"][0]["tags"]["copied"], 1, "{report:#}");
    assert_eq!(report["repositories"][1]["tags"]["copied"], 0, "{report:#}");
}

#[tokio::test]
async fn an_import_whose_token_ends_in_its_middle_gets_itself_another() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let layer = Blob::new(random_bytes(6, 2_000_000));
    let image = oci("shop/web", &["v1"], slice::from_ref(&layer), json!({}));
    image.push_to(&source).await;
    let front = FrontBuilder::default().tokens(Duration::from_secs(3600));
    let front = front.credentials("ann", "hunter2").start(&source);
    // Behind the gate, so that the rest is asked for with a token that is over.
    let digest = layer.digest.clone();
    front.times(
        1,
        move |request| request.is_of(&digest),
        Fault::CutAfter(1_500_000),
    );
    let mut gate = front.gate(&layer.digest, 1_000_000);
    let account = Account::admin(&server);
    let url = front.url();
    let import = [
        "import",
        "registry",
        &url,
        "--username",
        "ann",
        "--password-env",
        "SOURCE",
    ];
    let mut command = account.command(&import);
    let child = command
        .env("SOURCE", "hunter2")
        .spawn()
        .expect("berth starts");
    gate.reached().await;
    front.expire_tokens();
    gate.open();
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    image.assert_at(&server, "").await;
    assert!(front.count(|request| request.is_token()) > 1);
    let of_layer = |request: &Request| request.is_of(&layer.digest);
    assert_eq!(front.sent(of_layer), 2_000_000);
}

#[tokio::test]
async fn an_import_ends_when_its_server_does() {
    let source = TestServer::start().await;
    let mut server = TestServer::start().await;
    let layer = Blob::new(random_bytes(7, 2_000_000));
    let image = oci("shop/web", &["v1"], slice::from_ref(&layer), json!({}));
    image.push_to(&source).await;
    let front = Front::of(&source);
    let mut gate = front.gate(&layer.digest, 1_000_000);
    let account = Account::admin(&server);
    let url = front.url();
    let import = ["import", "registry", &url, "--json"];
    let child = account.command(&import).spawn().expect("berth starts");
    gate.reached().await;
    server.kill();
    gate.open();
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let reason = &report["repositories"][0]["failures"][0]["reason"];
    let reason = reason.as_str().expect("a reason");
    assert!(reason.contains("no answer from"), "{reason}");
}
