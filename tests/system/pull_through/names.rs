//! Which names are asked of an upstream, and which are not.

use serde_json::json;

use crate::support::{Blob, Hub, Image, OCI_MANIFEST, Session, ask, create_project, random_bytes};

#[tokio::test]
async fn a_hosted_project_is_never_asked_of_an_upstream() {
    let hub = Hub::start().await;
    // The upstream has one of the same name.
    Image::small(1).push(&hub.registry, "shop/app", "1").await;
    Image::small(1).push(&hub.registry, "shop/app", "2").await;
    let server = hub.proxy().start().await;
    create_project(&server, "shop").await;
    let own = Image::small(2);
    own.push(&server, "shop/app", "1").await;

    let answer = ask(server.get("/v2/shop/app/manifests/1")).await;
    assert_eq!(answer.expect(200).body, own.manifest.bytes);
    let mirror = server.mirror();
    for caller in [&mirror, &*server] {
        for path in [
            "shop/app/manifests/2",
            "shop/none/manifests/1",
            "shop/app/manifests/2?ns=docker.io",
        ] {
            let answer = ask(caller.get(&format!("/v2/{path}"))).await;
            answer.expect(404);
        }
    }
    ask(server.anonymous().get("/v2/shop/app/manifests/2"))
        .await
        .expect(401);
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn a_project_that_was_deleted_is_not_asked_of_an_upstream() {
    let hub = Hub::start().await;
    Image::small(1).push(&hub.registry, "shop/app", "1").await;
    let server = hub.proxy().start().await;
    create_project(&server, "shop").await;
    ask(server.delete("/api/v1/projects/shop"))
        .await
        .expect(204);
    for path in ["shop/app/manifests/1", "shop/app/tags/list"] {
        ask(server.get(&format!("/v2/{path}"))).await.expect(404);
        let mirrored = server.mirror().get(&format!("/v2/{path}"));
        ask(mirrored).await.expect(404);
    }
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn a_project_can_not_take_the_name_of_an_upstream_or_of_what_docker_hub_has() {
    let hub = Hub::start().await;
    let server = hub.proxy().start().await;
    for name in ["hub", "library"] {
        let create = server.post("/api/v1/projects").json(&json!({"name": name}));
        let answer = ask(create).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(said.contains(name), "{answer:?}");
    }
    // Nor by a push, which makes projects too.
    let push = server.post("/v2/library/app/blobs/uploads/");
    let answer = ask(push).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    let projects = ask(server.get("/api/v1/projects")).await.expect(200);
    let text = String::from_utf8_lossy(&projects.body).into_owned();
    assert!(!text.contains("\"library\""), "{text}");
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn a_push_to_what_comes_from_an_upstream_is_refused_and_says_why() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    let before = hub.front.requests().len();
    let digest = &image.manifest.digest;
    let uploads = "/v2/hub/library/app/blobs/uploads/";
    let requests = [
        server.post(uploads),
        server.post(&format!("{uploads}?mount={digest}&from=shop/app")),
        server
            .put(&Hub::manifest("2"))
            .header("content-type", OCI_MANIFEST)
            .body(image.manifest.bytes.clone()),
        server.post("/v2/hub/new/blobs/uploads/"),
    ];
    for request in requests {
        let entry = ask(request).await.expect_error(405, "UNSUPPORTED");
        let message = entry["message"].as_str().expect("a message");
        assert!(message.contains("hub"), "{message}");
    }
    assert_eq!(hub.front.requests().len(), before);

    // What is cached is no way into a project that one may push to.
    create_project(&server, "shop").await;
    let session = Session::start(&server, "shop/app").await;
    let blob = Blob::new(random_bytes(9, 100));
    ask(session.put(&server, &blob.digest, &blob.bytes))
        .await
        .expect(201);
}

#[tokio::test]
async fn names_that_are_denied_or_not_allowed_are_never_asked_for() {
    let hub = Hub::start().await;
    for name in ["library/app", "library/secret", "team/app"] {
        Image::small(1).push(&hub.registry, name, "1").await;
    }
    let server = hub
        .proxy()
        .upstream("hub", "allow", "library/**")
        .upstream("hub", "deny", "library/secret")
        .start()
        .await;
    ask(server.get("/v2/hub/library/app/manifests/1"))
        .await
        .expect(200);
    hub.front.forget();
    for name in [
        "hub/library/secret",
        "hub/secret",
        "hub/team/app",
        "team/app",
    ] {
        let answer = ask(server.get(&format!("/v2/{name}/manifests/1"))).await;
        assert!([403, 404].contains(&answer.status.as_u16()), "{answer:?}");
    }
    hub.front.assert_not_asked();
}
