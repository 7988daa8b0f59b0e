//! What those learn who may read nothing.

use serde_json::json;

use crate::support::{
    Answer, Blob, Hub, Image, OCI_MANIFEST, Session, TestServer, ask, create_project,
    publish_project,
};

/// The author of a manifest at the upstream need not have what it names.
#[tokio::test]
async fn a_digest_of_something_private_that_a_public_manifest_names_opens_nothing() {
    let hub = Hub::start().await;
    let server = hub.proxy().start().await;
    create_project(&server, "shop").await;
    let secret = Image::small(7);
    secret.push(&server, "shop/app", "1").await;
    let wanted = &secret.layers[0];
    let own = Image::small(3);
    own.push(&hub.registry, "evil/app", "0").await;
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": own.config.descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [wanted.descriptor(foreign)],
    });
    let put = hub.registry.put("/v2/evil/app/manifests/1");
    let put = put.header("content-type", OCI_MANIFEST);
    ask(put.body(manifest.to_string())).await.expect(201);

    let mirror = server.mirror();
    ask(mirror.get("/v2/evil/app/manifests/1"))
        .await
        .expect(200);
    let path = format!("/v2/evil/app/blobs/{}", wanted.digest);
    ask(mirror.get(&path)).await.expect(404);
    ask(mirror.head(&path)).await.expect(404);
}

#[tokio::test]
async fn a_project_that_hides_and_a_name_that_nobody_has_are_answered_alike() {
    let hub = Hub::start().await;
    let public = hub.proxy().start().await;
    let private = hub.proxy().upstream("hub", "public", false).start().await;
    for server in [&public, &private] {
        create_project(server, "shop").await;
        let (hides, nobody) = (shown(server, "shop").await, shown(server, "none").await);
        assert_eq!(hides.len(), nobody.len());
        for (hides, nobody) in hides.into_iter().zip(nobody) {
            assert_eq!(hides.replace("shop", "none"), nobody);
        }
    }
}

/// What a stranger is answered for a repository of a project, in every way to ask.
async fn shown(server: &TestServer, project: &str) -> Vec<String> {
    let name = format!("{project}/app");
    let digest = Blob::new("x").digest;
    let paths = [
        format!("/v2/{name}/manifests/1"),
        format!("/v2/{name}/manifests/{digest}"),
        format!("/v2/{name}/blobs/{digest}"),
        format!("/v2/{name}/tags/list"),
        format!("/v2/{name}/referrers/{digest}"),
        format!("/v2/{name}/manifests/1?ns=docker.io"),
        format!("/v2/{name}/manifests/1?ns=elsewhere.example"),
    ];
    let mut shown = Vec::new();
    for path in paths {
        for caller in [&server.anonymous(), &server.mirror()] {
            let answer = ask(caller.get(&path)).await;
            shown.push(format!("{path} {}", text(&answer)));
        }
    }
    let path = format!("/token?scope=repository:{name}:pull");
    let token = ask(server.anonymous().get(&path)).await.expect(200);
    shown.push(format!("{path} {}", token.json()["scope"]));
    shown
}

fn text(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let challenge = answer.maybe("www-authenticate");
    // The port of the server is the same for both.
    format!("{} {body} {challenge:?}", answer.status)
}

#[tokio::test]
async fn a_mirror_tells_nothing_of_uploads() {
    let hub = Hub::start().await;
    let server = hub.proxy().start().await;
    create_project(&server, "shop").await;
    publish_project(&server, "shop").await;
    let session = Session::start(&server, "shop/app").await;
    let path = format!("/v2/shop/app/blobs/uploads/{}", session.id());
    ask(server.mirror().get(&path)).await.expect(404);
}
