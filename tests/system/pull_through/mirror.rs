//! The address of the mirror, which asks nobody who they are: the engine sends a user's password for
//! Docker Hub to whatever mirror challenges it (moby#42022).

use reqwest::Method;
use reqwest::header::AUTHORIZATION;

use crate::support::{Answer, Caller, Hub, Image, TestServer, ask, create_project, random_bytes};

async fn mirror() -> (Hub, TestServer, Image) {
    let hub = Hub::start().await;
    let image = hub.push("1", [random_bytes(1, 3000)]).await;
    let server = hub.proxy().start().await;
    (hub, server, image)
}

/// An answer of the mirror, of which none may ask for credentials.
async fn asked(request: reqwest::RequestBuilder) -> Answer {
    let answer = ask(request).await;
    assert_eq!(answer.maybe("www-authenticate"), None, "{answer:?}");
    assert_ne!(answer.status, 401, "{answer:?}");
    answer
}

fn paths(image: &Image) -> [String; 3] {
    let reference = &image.manifest.digest;
    [
        "/v2/library/app/manifests/1".to_owned(),
        format!("/v2/library/app/manifests/{reference}"),
        format!("/v2/library/app/blobs/{}", image.layers[0].digest),
    ]
}

#[tokio::test]
async fn the_mirror_is_open_to_everybody() {
    let (_hub, server, image) = mirror().await;
    let mirror = server.mirror();
    asked(mirror.get("/v2/")).await.expect(200);
    asked(mirror.head("/v2/")).await.expect(200);
    for path in paths(&image) {
        asked(mirror.get(&path)).await.expect(200);
        asked(mirror.head(&path)).await.expect(200);
    }
}

#[tokio::test]
async fn the_mirror_ignores_credentials_of_any_kind_and_never_logs_them() {
    let (hub, server, image) = mirror().await;
    let mirror = server.mirror();
    // Of hub-user:hub-secret-password, and of something else.
    let basic = "Basic aHViLXVzZXI6aHViLXNlY3JldC1wYXNzd29yZA==";
    for credentials in [
        basic,
        "Basic !!! not base64",
        "Bearer hub-secret-token",
        "Bearer",
        "Negotiate hub-secret-ticket",
        "garbage",
        "",
    ] {
        let with = |path: &str| mirror.get(path).header(AUTHORIZATION, credentials);
        asked(with("/v2/")).await.expect(200);
        for path in paths(&image) {
            asked(with(&path)).await.expect(200);
        }
        let none = with("/v2/library/none/manifests/1");
        asked(none).await.expect_error(404, "MANIFEST_UNKNOWN");
    }
    // Nor does the upstream get to see them.
    hub.front.assert_count(0, |request| {
        let sent = request.authorization.as_deref().unwrap_or_default();
        sent == basic || sent.contains("secret")
    });
    let log = server.log();
    let tells = |line: &&serde_json::Value| {
        let line = line.to_string();
        line.contains("hub-secret") || line.contains("hub-user") || line.contains("aHViLXV")
    };
    let told: Vec<_> = log.iter().filter(tells).collect();
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test]
async fn the_mirror_changes_nothing() {
    let (hub, server, image) = mirror().await;
    let mirror = server.mirror();
    let mut paths = paths(&image).to_vec();
    paths.extend([
        "/v2/".to_owned(),
        "/v2/library/app/blobs/uploads/".to_owned(),
        "/v2/shop/app/blobs/uploads/".to_owned(),
    ]);
    for path in paths {
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            let answer = asked(mirror.request(method, &path).body("text")).await;
            answer.expect(405);
        }
    }
    hub.front.assert_not_asked();
}

#[tokio::test]
async fn what_is_private_looks_absent_from_the_mirror() {
    let (_hub, server, _image) = mirror().await;
    create_project(&server, "shop").await;
    let shop = Image::small(7);
    shop.push(&server, "shop/app", "1").await;
    let answers = async |caller: &Caller| {
        let mut answers = Vec::new();
        for path in [
            "/v2/shop/app/manifests/1".to_owned(),
            format!("/v2/shop/app/blobs/{}", shop.layers[0].digest),
            "/v2/shop/none/manifests/1".to_owned(),
            "/v2/shop/app/tags/list".to_owned(),
        ] {
            answers.push(asked(caller.get(&path)).await.status.as_u16());
        }
        answers
    };
    let mirror = server.mirror();
    assert_eq!(answers(&mirror).await, [404; 4]);
    // Not even for one who may have it elsewhere.
    let admin = server.at(mirror.url(""));
    assert_eq!(answers(&admin).await, [404; 4]);
}

#[tokio::test]
async fn the_mirror_serves_the_distribution_api_and_nothing_else() {
    let (_hub, server, _image) = mirror().await;
    let mirror = server.mirror();
    let admin = server.at(mirror.url(""));
    for caller in [&mirror, &admin] {
        for path in [
            "/token",
            "/token?service=berth&scope=repository:library/app:pull",
            "/api/v1",
            "/api/v1/projects",
            "/api/v1/me",
            "/metrics",
        ] {
            asked(caller.get(path)).await.expect(404);
        }
    }
}
