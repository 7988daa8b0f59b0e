//! Who may pull what is cached.

use crate::support::{
    Caller, FrontBuilder, Hub, Image, Request, TestServer, ask, create_project, create_user,
    random_bytes, set_member,
};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a_blob_of_another_project_is_not_read_through_an_upstream_that_does_not_have_it() {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub.proxy().start().await;
    server.resolve("1", &image).await;
    create_project(&server, "shop").await;
    let secret = Image::small(7);
    secret.push(&server, "shop/app", "1").await;
    hub.front.forget();
    let layer = &secret.layers[0].digest;
    let mirror = server.mirror();
    for caller in [&mirror, &*server] {
        for path in [
            format!("/v2/library/app/blobs/{layer}"),
            format!("/v2/library/other/blobs/{layer}"),
            format!("/v2/library/app/manifests/{}", secret.manifest.digest),
        ] {
            ask(caller.get(&path)).await.expect(404);
            ask(caller.head(&path)).await.expect(404);
        }
    }
    let asked = hub.front.count(|request| request.is_of(layer));
    assert!(asked >= 1, "{:#?}", hub.front.requests());
}

/// Two upstreams, one of which nobody but its members may read.
#[tokio::test]
async fn a_blob_of_a_private_upstream_is_not_read_through_a_public_one() {
    let hub = Hub::start().await;
    hub.push("1", [random_bytes(1, 5000)]).await;
    let front = FrontBuilder::default().credentials("berth", "password-of-berth");
    let private = Hub::with(front).await;
    let secret = Image::small(7);
    secret.push(&private.registry, "team/app", "1").await;
    let server = hub
        .proxy()
        .upstream("internal", "registry", "registry.internal")
        .upstream("internal", "url", private.front.url())
        .upstream("internal", "username", "berth")
        .upstream("internal", "password", "password-of-berth")
        .start()
        .await;
    let layer = &secret.layers[0].digest;
    for path in ["manifests/1", &format!("blobs/{layer}")] {
        let path = format!("/v2/internal/team/app/{path}");
        ask(server.get(&path)).await.expect(200);
    }
    for path in [
        format!("/v2/hub/library/app/blobs/{layer}"),
        format!("/v2/hub/team/app/blobs/{layer}"),
        format!("/v2/hub/team/app/manifests/{}", secret.manifest.digest),
    ] {
        ask(server.get(&path)).await.expect(404);
        ask(server.anonymous().get(&path)).await.expect(404);
    }
    // Nor is it there for the mirror, by any name.
    let mirror = server.mirror();
    for path in [
        "/v2/internal/team/app/manifests/1",
        "/v2/team/app/manifests/1?ns=registry.internal",
        "/internal/v2/team/app/manifests/1",
    ] {
        ask(mirror.get(path)).await.expect(404);
    }
}

/// A proxy that has credentials at its upstream.
async fn private() -> (Hub, TestServer, Image) {
    let front = FrontBuilder::default().credentials("berth", "password-of-berth");
    let hub = Hub::with(front).await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "username", "berth")
        .upstream("hub", "password", "password-of-berth")
        .start()
        .await;
    (hub, server, image)
}

async fn assert_all(caller: &Caller, image: &Image, status: u16) {
    for path in [
        Hub::manifest("1"),
        Hub::manifest(&image.manifest.digest),
        Hub::blob(&image.layers[0]),
        Hub::manifest("none"),
        "/v2/hub/library/app/tags/list".to_owned(),
    ] {
        let answer = ask(caller.get(&path)).await;
        if status == 200 && path.ends_with("/none") {
            answer.expect(404);
        } else {
            answer.expect(status);
        }
    }
}

#[tokio::test]
async fn an_upstream_with_credentials_is_for_those_who_have_rights() {
    let (hub, server, image) = private().await;
    let ada = create_user(&server, "ada", PASSWORD).await;
    let ada = server.user(&ada.name, &ada.secret);
    let anonymous = server.anonymous();
    // The same before and after it is cached, and nothing is asked of the upstream for them.
    assert_all(&anonymous, &image, 401).await;
    assert_all(&ada, &image, 401).await;
    hub.front.assert_not_asked();
    assert_all(&server, &image, 200).await;
    hub.front.forget();
    assert_all(&anonymous, &image, 401).await;
    assert_all(&ada, &image, 401).await;
    hub.front.assert_not_asked();

    set_member(&server, "hub", "ada", &["reader"]).await;
    assert_all(&ada, &image, 200).await;
}

#[tokio::test]
async fn an_upstream_with_credentials_can_be_made_public() {
    let front = FrontBuilder::default().credentials("berth", "password-of-berth");
    let hub = Hub::with(front).await;
    let image = hub.push("1", [random_bytes(1, 5000)]).await;
    let server = hub
        .proxy()
        .upstream("hub", "username", "berth")
        .upstream("hub", "password", "password-of-berth")
        .upstream("hub", "public", true)
        .start()
        .await;
    assert_all(&server.anonymous(), &image, 200).await;
    let path = "/v2/library/app/manifests/1";
    ask(server.mirror().get(path)).await.expect(200);
    let blobs = hub.front.count(Request::is_blob);
    assert_eq!(blobs, 1, "{:#?}", hub.front.requests());
}
