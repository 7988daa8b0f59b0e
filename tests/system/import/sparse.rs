use serde_json::json;

use super::world::{Item, OCI_INDEX, index, layer, oci};
use crate::command_line::Account;
use crate::support::{Blob, Front, TestServer, ask, random_bytes};

#[tokio::test]
async fn an_image_that_is_there_without_its_layers_gets_them_before_a_tag() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let single = oci("shop/web", &["v1"], &[layer(1)], json!({}));
    let child = oci("shop/api", &[], &[layer(2)], json!({}));
    let all = index("shop/api", &["v1"], OCI_INDEX, &[&child]);
    for item in [&single, &child, &all] {
        item.push_to(&source).await;
    }
    // As tools push that copy a part of an image: by digest, and with the config alone.
    for item in [&single, &child] {
        let sparse = Item {
            tags: Vec::new(),
            blobs: item.blobs[1..].to_vec(),
            manifest: item.manifest.clone(),
            ..*item
        };
        sparse.push_to(&server).await;
    }
    let front = Front::of(&source);
    let account = Account::admin(&server);
    account.run(&["import", "registry", &front.url()]);
    for item in [&single, &child, &all] {
        item.assert_at(&server, "").await;
    }
}

#[tokio::test]
async fn a_layer_that_is_collected_while_another_comes_is_sent_again() {
    let (source, server) = (TestServer::start().await, TestServer::start().await);
    let layers = [1, 2].map(|seed| Blob::new(random_bytes(seed, 2_000_000)));
    let image = oci("shop/web", &["v1"], &layers, json!({}));
    image.push_to(&source).await;
    let front = Front::of(&source);
    let mut gate = front.gate(&layers[1].digest, 1_000_000);
    let account = Account::admin(&server);
    let url = front.url();
    let mut child = account
        .command(&["import", "registry", &url])
        .spawn()
        .expect("berth starts");
    gate.reached().await;
    // No manifest names it yet.
    let first = format!("/v2/shop/web/blobs/{}", layers[0].digest);
    crate::support::until("the first layer", async || {
        server
            .head(&first)
            .send()
            .await
            .expect("an answer")
            .status()
            == 200
    })
    .await;
    ask(server.delete(&first)).await.expect(202);
    gate.open();
    let ended = tokio::task::spawn_blocking(move || child.wait().expect("it ran")).await;
    assert!(ended.expect("it ended").success());
    image.assert_at(&server, "").await;
}
