//! That nothing is answered from memory which a change has made untrue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Caller, Image, TestServer, ask, create_project};

const MOVES: usize = 200;

/// Asks twice, so that the second answer could come from memory.
async fn pull(server: &TestServer, path: &str) -> Answer {
    let path = format!("/v2/shop/web/{path}");
    let head = ask(server.head(&path)).await;
    ask(server.get(&path)).await;
    let answer = ask(server.get(&path)).await;
    assert_eq!(answer.status, head.status, "{path}");
    answer
}

/// A request of the API.
async fn change(server: &Caller, method: Method, path: &str, status: u16) -> Answer {
    let path = format!("/api/v1{path}");
    ask(server.request(method, &path)).await.expect(status)
}

async fn restore_last(server: &TestServer) {
    let list = change(server, Method::GET, "/deletions", 200).await.json();
    let id = &list["items"][0]["id"];
    change(
        server,
        Method::POST,
        &format!("/deletions/{id}/restore"),
        200,
    )
    .await;
}

#[tokio::test]
async fn a_pull_sees_every_change_that_was_answered() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let [one, other] = [1, 2].map(Image::small);
    one.push(&server, "shop/web", "1").await;
    other.push(&server, "shop/web", "2").await;
    let by_digest = format!("manifests/{}", one.manifest.digest);
    assert_eq!(pull(&server, "manifests/1").await.body, one.manifest.bytes);
    assert_eq!(pull(&server, &by_digest).await.body, one.manifest.bytes);

    other.put_manifest(&server, "shop/web", "1").await;
    assert_eq!(
        pull(&server, "manifests/1").await.body,
        other.manifest.bytes
    );
    let tag = json!({"reference": one.manifest.digest});
    let path = "/api/v1/repositories/shop%2Fweb/tags/1";
    ask(server.put(path).json(&tag)).await.expect(200);
    assert_eq!(pull(&server, "manifests/1").await.body, one.manifest.bytes);

    ask(server.delete("/v2/shop/web/manifests/1"))
        .await
        .expect(202);
    pull(&server, "manifests/1").await.expect(404);
    pull(&server, &by_digest).await.expect(200);
    restore_last(&server).await;
    pull(&server, "manifests/1").await.expect(200);
    let path = format!("/v2/shop/web/{by_digest}");
    ask(server.delete(&path)).await.expect(202);
    pull(&server, "manifests/1").await.expect(404);
    pull(&server, &by_digest).await.expect(404);
    restore_last(&server).await;
    pull(&server, "manifests/1").await.expect(200);
    pull(&server, &by_digest).await.expect(200);

    let repository = "/repositories/shop%2Fweb";
    change(&server, Method::DELETE, repository, 204).await;
    pull(&server, "manifests/2").await.expect(404);
    restore_last(&server).await;
    pull(&server, "manifests/2").await.expect(200);
    change(
        &server,
        Method::DELETE,
        "/projects/shop?with_images=true",
        204,
    )
    .await;
    pull(&server, "manifests/2").await.expect(404);
    restore_last(&server).await;
    pull(&server, "manifests/2").await.expect(200);
}

#[tokio::test]
async fn a_blob_that_was_deleted_is_not_given_from_memory() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let image = Image::small(1);
    let layer = &image.layers[0];
    layer.push(&server, "shop/web").await;
    let path = format!("blobs/{}", layer.digest);
    assert_eq!(pull(&server, &path).await.body, layer.bytes);
    ask(server.delete(&format!("/v2/shop/web/{path}")))
        .await
        .expect(202);
    pull(&server, &path).await.expect(404);
    layer.push(&server, "shop/web").await;
    assert_eq!(pull(&server, &path).await.body, layer.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_never_where_it_was_before_the_last_answered_push() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let images: Vec<_> = (0..MOVES as u64).map(Image::small).collect();
    for image in &images {
        image.push(&server, "shop/web", "of-its-own").await;
    }
    images[0].put_manifest(&server, "shop/web", "moved").await;
    let answered = Arc::new(AtomicUsize::new(0));
    let readers = (0..4).map(|_| {
        let (server, answered) = (Caller::clone(&server), Arc::clone(&answered));
        let manifests: Vec<_> = images
            .iter()
            .map(|image| image.manifest.bytes.clone())
            .collect();
        tokio::spawn(async move {
            let mut pulls = 0;
            while answered.load(Ordering::Acquire) < MOVES - 1 {
                let before = answered.load(Ordering::Acquire);
                let pulled = ask(server.get("/v2/shop/web/manifests/moved")).await;
                let pulled = pulled.expect(200).body;
                let seen = manifests.iter().position(|bytes| *bytes == pulled);
                let seen = seen.expect("one of them");
                assert!(seen >= before, "{seen} after {before}");
                pulls += 1;
            }
            pulls
        })
    });
    let readers: Vec<_> = readers.collect();
    for (place, image) in images.iter().enumerate().skip(1) {
        let put = image.put_manifest(&server, "shop/web", "moved").await;
        assert_eq!(put.status(), 201);
        answered.store(place, Ordering::Release);
    }
    for reader in readers {
        let pulls = reader.await.expect("a reader");
        assert!(pulls > 0);
    }
}
