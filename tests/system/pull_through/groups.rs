use super::MIB;
use crate::support::{Blob, Download, Hub, Image, TestServer, ask, create_project, random_bytes};

/// A group of a project here and of Docker Hub, whose pushes go to the former.
async fn group(hub: &Hub) -> TestServer {
    let server = hub.proxy();
    let server = server.env("BERTH_GROUP__ALL__MEMBERS", "shop,hub");
    let server = server.env("BERTH_GROUP__ALL__PUSH", "shop").start().await;
    create_project(&server, "shop").await;
    server
}

#[tokio::test]
async fn a_group_has_what_its_members_have() {
    let hub = Hub::start().await;
    let theirs = hub.push("1", [random_bytes(1, MIB)]).await;
    let server = group(&hub).await;
    let ours = Image::small(7);
    ours.push(&server, "shop/web", "1").await;
    for (path, image) in [("all/web", &ours), ("all/app", &theirs)] {
        let answer = ask(server.get(&format!("/v2/{path}/manifests/1"))).await;
        assert_eq!(answer.expect(200).body, image.manifest.bytes);
        for blob in image.layers.iter().chain([&image.config]) {
            let get = server.get(&format!("/v2/{path}/blobs/{}", blob.digest));
            Download::begin(get, blob).await.finish().await;
        }
    }
    let tags = ask(server.get("/v2/all/app/tags/list")).await.expect(200);
    assert_eq!(tags.json()["tags"], serde_json::json!(["1"]));
}

#[tokio::test]
async fn a_push_to_a_group_goes_to_the_member_that_takes_pushes() {
    let hub = Hub::start().await;
    let server = group(&hub).await;
    let image = Image::small(7);
    image.push(&server, "all/web", "1").await;
    let answer = ask(server.get("/v2/shop/web/manifests/1")).await;
    assert_eq!(answer.expect(200).body, image.manifest.bytes);
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn an_upstream_is_not_asked_for_a_repository_that_a_project_of_the_group_has() {
    let hub = Hub::start().await;
    let server = group(&hub).await;
    Image::small(7).push(&server, "shop/app", "1").await;
    // Somebody elsewhere would like to add to it.
    hub.push("99", [random_bytes(1, 5000)]).await;
    hub.front.forget();
    ask(server.get("/v2/all/app/manifests/99"))
        .await
        .expect(404);
    let unknown = Blob::new("x").digest;
    for path in [format!("blobs/{unknown}"), format!("referrers/{unknown}")] {
        ask(server.get(&format!("/v2/all/app/{path}"))).await;
    }
    let tags = ask(server.get("/v2/all/app/tags/list")).await.expect(200);
    assert_eq!(tags.json()["tags"], serde_json::json!(["1"]));
    let head = server.head(&format!("/v2/all/new-app/blobs/{unknown}"));
    ask(head).await.expect(404);
    hub.front.assert_not_asked();
}
