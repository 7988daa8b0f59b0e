//! A cache whose disk is full gives what the upstream gives, and keeps nothing of it.

use super::MIB;
use crate::support::{Disk, Download, Hub, ask, holds, random_bytes, until};

#[tokio::test]
async fn pulls_succeed_while_the_disk_is_full() {
    let Some(disk) = Disk::mount(24) else { return };
    let hub = Hub::start().await;
    let image = hub
        .push("1", [random_bytes(1, 5000), random_bytes(2, 3 * MIB)])
        .await;
    let cached = hub.push("2", [random_bytes(3, 4 * MIB)]).await;
    let server = hub.proxy().start_on(disk.folder()).await;
    server.resolve("2", &cached).await;
    let kept = &cached.layers[0];
    Download::begin(server.get(&Hub::blob(kept)), kept)
        .await
        .finish()
        .await;
    super::cached(&server, kept).await;
    disk.fill();

    let answer = ask(server.get(&Hub::manifest("1"))).await.expect(200);
    assert_eq!(answer.body, image.manifest.bytes);
    for layer in image.layers.iter().chain([kept]) {
        let first = Download::begin(server.get(&Hub::blob(layer)), layer).await;
        let second = Download::begin(server.get(&Hub::blob(layer)), layer).await;
        first.finish().await;
        second.finish().await;
    }
    for layer in &image.layers {
        assert!(!holds(&server, layer), "it is kept where there is no space");
    }

    disk.make_space();
    until("the blob in the store", async || {
        let layer = &image.layers[1];
        let get = server.get(&Hub::blob(layer));
        Download::begin(get, layer).await.finish().await;
        holds(&server, layer)
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_is_larger_than_the_disk_is_pulled_and_leaves_nothing() {
    let Some(disk) = Disk::mount(16) else { return };
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 24 * MIB)]).await;
    let server = hub.proxy().start_on(disk.folder()).await;
    server.resolve("1", &image).await;
    let before = disk.free();
    let layer = &image.layers[0];
    for _ in 0..2 {
        let get = server.get(&Hub::blob(layer));
        Download::begin(get, layer).await.finish().await;
    }
    until("the space of before", async || {
        disk.free() + MIB as u64 > before
    })
    .await;
}
