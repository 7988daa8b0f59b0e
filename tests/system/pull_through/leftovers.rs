use std::time::Duration;

use super::MIB;
use crate::support::{Download, Fault, FrontBuilder, Hub, Request, ask, files, random_bytes};

#[tokio::test]
async fn a_cached_tag_that_is_deleted_here_comes_again() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().upstream("hub", "fresh_seconds", 600);
    let server = server.start().await;
    server.resolve("1", &image).await;
    ask(server.delete(&Hub::manifest("1"))).await.expect(202);
    server.resolve("1", &image).await;
}

#[tokio::test]
async fn downloads_that_fail_leave_no_files() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    hub.front.always(Request::is_blob, Fault::status(404));
    for _ in 0..5 {
        let get = server.get(&Hub::blob(&image.layers[0]));
        ask(get).await.expect(404);
    }
    let staged = files(&server.data_dir().join("store/uploads"));
    assert!(staged.is_empty(), "{staged:?}");
}

#[tokio::test]
async fn a_far_range_is_waited_for_where_the_upstream_gives_none() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 80 * MIB)]).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    hub.front.always(Request::is_blob, Fault::IgnoreRange);
    let layer = &image.layers[0];
    let range = 70 * MIB..70 * MIB + 100;
    let get = server.get(&Hub::blob(layer));
    let get = get.header("range", format!("bytes={}-{}", range.start, range.end - 1));
    let answer = ask(get).await.expect(206);
    assert_eq!(answer.body, layer.bytes[range]);
}

/// Docker Hub locks the name of a user who signs in wrongly again and again.
#[tokio::test]
async fn a_password_that_is_refused_is_not_shown_again_at_once() {
    let front = FrontBuilder::default()
        .credentials("berth", "right")
        .tokens(Duration::from_secs(60));
    let hub = Hub::with(front).await;
    let server = hub.proxy().upstream("hub", "username", "berth");
    let server = server.upstream("hub", "password", "wrong").start().await;
    for tag in ["1", "2", "3"] {
        ask(server.get(&Hub::manifest(tag))).await.expect(403);
    }
    hub.front.assert_count(1, Request::is_token);
}

#[tokio::test]
async fn an_upstream_can_not_have_the_name_of_a_project_that_is_there() {
    let hub = Hub::start().await;
    let mut server = hub.proxy().start().await;
    crate::support::create_project(&server, "shop").await;
    server.kill();
    let folder = server.data();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_berth"))
        .arg("serve")
        .env("BERTH_LISTEN", "127.0.0.1:0")
        .env("BERTH_DATA_DIR", folder.path())
        .env("BERTH_UPSTREAM__SHOP__REGISTRY", "docker.io")
        .env("BERTH_UPSTREAM__SHOP__URL", hub.front.url())
        .output()
        .expect("berth runs");
    assert!(!status.status.success());
    let said = String::from_utf8_lossy(&status.stderr);
    assert!(said.contains("there is a project shop already"), "{said}");
}

#[tokio::test]
async fn a_blob_of_another_repository_of_the_cache_is_not_fetched_twice() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 2 * MIB)]).await;
    image.push(&hub.registry, "library/other", "1").await;
    let server = hub.proxy().start().await;
    let layer = &image.layers[0];
    for name in ["app", "other"] {
        let path = format!("/v2/hub/library/{name}");
        ask(server.get(&format!("{path}/manifests/1")))
            .await
            .expect(200);
        let get = server.get(&format!("{path}/blobs/{}", layer.digest));
        Download::begin(get, layer).await.finish().await;
        super::cached(&server, layer).await;
    }
    hub.front.assert_count(1, |request| {
        request.is_of(&layer.digest) && request.is_get()
    });
}
