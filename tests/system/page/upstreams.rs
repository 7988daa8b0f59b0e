//! Upstreams, groups and caches, and what clients are told of them.

use reqwest::Method;
use serde_json::{Value, json};

use super::text;
use super::visitor::Visitor;
use crate::support::{
    ADMIN, ADMIN_PASSWORD, Caller, Download, Hub, Image, TestServer, ask, create_project,
    create_user, random_bytes, until,
};

const MIB: usize = 1024 * 1024;

async fn document(server: &Caller, path: &str) -> Value {
    let path = format!("/api/v1{path}");
    ask(server.get(&path)).await.expect(200).json()
}

async fn shown(visitor: &mut Visitor, path: &str) -> String {
    text(&visitor.get(path).await.expect(200))
}

/// A proxy of Docker Hub that has pulled an image, and who looks at its pages.
async fn with_hub() -> (Hub, TestServer, Visitor, Image) {
    let hub = Hub::start().await;
    hub.front.remaining(42);
    let image = hub.push("1", [random_bytes(1, 2 * MIB)]).await;
    let server = hub.proxy().start().await;
    pull(&server, &image).await;
    let visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    (hub, server, visitor, image)
}

async fn pull(server: &TestServer, image: &Image) {
    server.resolve("1", image).await;
    for blob in image.layers.iter().chain([&image.config]) {
        let get = server.get(&Hub::blob(blob));
        Download::begin(get, blob).await.finish().await;
    }
}

#[tokio::test]
async fn an_upstream_is_made_changed_and_removed_with_forms() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let empty = shown(&mut visitor, "/upstreams").await;
    assert!(empty.contains("There is no upstream yet."), "{empty}");

    let fields = [
        ("name", "ghcr"),
        ("registry", "ghcr.io"),
        ("url", ""),
        ("order", ""),
        ("offline", "yes"),
        ("username", "ann"),
        ("password", "correct horse"),
        ("allow", "owner/**\r\nteam/*\r\n"),
        ("immutable_tags", "<script>alert(1)</script>"),
    ];
    let made = visitor.post("/upstreams", &fields).await.expect(303);
    assert_eq!(made.header("location"), "/upstreams/ghcr");
    let page = shown(&mut visitor, "/upstreams/ghcr").await;
    for holds in [
        "Upstream ghcr is made.",
        "offline: never asked",
        "A password is set; it is never shown.",
        "owner/**\nteam/*</textarea>",
        "&#60;script&#62;alert(1)",
    ] {
        assert!(page.contains(holds), "no {holds}: {page}");
    }
    for hides in ["correct horse", "<script>alert"] {
        assert!(!page.contains(hides), "{hides}: {page}");
    }
    let list = shown(&mut visitor, "/upstreams").await;
    for holds in ["/upstreams/ghcr", "this page or the API", "/caches/ghcr"] {
        assert!(list.contains(holds), "no {holds}: {list}");
    }

    // What is shown and was not touched stays the default that it was.
    let fields = [
        ("url", "https://ghcr.io/"),
        ("profile", "ghcr"),
        ("username", "ann"),
        ("password", ""),
        ("order", "5"),
        ("offline", "yes"),
        ("deny", "owner/old-*"),
        ("allow", "owner/**\r\nteam/*"),
        ("fresh_seconds", ""),
    ];
    let changed = visitor.post("/upstreams/ghcr", &fields).await.expect(303);
    assert_eq!(changed.header("location"), "/upstreams/ghcr");
    let upstream = document(&server, "/upstreams/ghcr").await;
    assert_eq!(upstream["order"], 5, "{upstream}");
    assert_eq!(upstream["has_password"], true, "{upstream}");
    assert_eq!(upstream["allow"], json!(["owner/**", "team/*"]));
    assert_eq!(upstream["deny"], json!(["owner/old-*"]));
    assert_eq!(upstream["fresh_seconds"], 300);
    let moved = [("registry", "quay.io"), ("username", "")];
    visitor.post("/upstreams/ghcr", &moved).await.expect(303);
    let upstream = document(&server, "/upstreams/ghcr").await;
    assert_eq!(upstream["url"], "https://quay.io/", "{upstream}");
    assert_eq!(upstream["has_password"], false, "{upstream}");

    for wrong in [
        ("order", "first"),
        ("bytes_per_second", "1"),
        ("allow", "**a**"),
    ] {
        visitor.post("/upstreams/ghcr", &[wrong]).await.expect(400);
    }
    let removed = visitor
        .post("/upstreams/ghcr/delete", &[])
        .await
        .expect(303);
    assert_eq!(removed.header("location"), "/upstreams");
    visitor.get("/upstreams/ghcr").await.expect(404);
    let kept = shown(&mut visitor, "/caches/ghcr").await;
    assert!(kept.contains("No upstream leads here any more."), "{kept}");
    visitor.get("/caches/ghcr/mirror").await.expect(404);
}

#[tokio::test]
async fn what_the_configuration_says_is_shown_and_not_changed() {
    let hub = Hub::start().await;
    let server = hub.proxy().env("BERTH_GROUP__ALL__MEMBERS", "shop,hub");
    let server = server.env("BERTH_GROUP__ALL__PUSH", "shop").start().await;
    create_project(&server, "shop").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    for place in ["/upstreams/hub", "/groups/all"] {
        let page = shown(&mut visitor, place).await;
        let says = "is in the configuration file: change it there, and restart Berth.";
        assert!(page.contains(says), "{page}");
        assert!(!page.contains(&format!("action=\"{place}")), "{page}");
        let fields = [("members", "shop"), ("push", ""), ("order", "5")];
        visitor.post(place, &fields).await.expect(409);
        visitor
            .post(&format!("{place}/delete"), &[])
            .await
            .expect(409);
    }
    let list = shown(&mut visitor, "/upstreams").await;
    for holds in ["not asked yet", "shop, hub", "configuration file"] {
        assert!(list.contains(holds), "no {holds}: {list}");
    }
    let group = shown(&mut visitor, "/groups/all").await;
    for holds in ["/upstreams/hub", "/projects/shop"] {
        assert!(group.contains(holds), "no {holds}: {group}");
    }
}

#[tokio::test]
async fn a_group_is_made_changed_and_removed_with_forms() {
    let hub = Hub::start().await;
    let server = hub.proxy().start().await;
    create_project(&server, "shop").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let fields = [
        ("name", "all"),
        ("members", "shop\r\nhub"),
        ("push", "shop"),
    ];
    let made = visitor.post("/groups", &fields).await.expect(303);
    assert_eq!(made.header("location"), "/groups/all");
    let group = document(&server, "/groups/all").await;
    assert_eq!(group["members"], json!(["shop", "hub"]), "{group}");
    assert_eq!(group["push"], "shop", "{group}");

    let page = shown(&mut visitor, "/groups/all").await;
    assert!(page.contains("shop\nhub</textarea>"), "{page}");
    let fields = [("members", "hub"), ("push", "shop")];
    visitor.post("/groups/all", &fields).await.expect(422);
    let fields = [("members", "hub"), ("push", "")];
    visitor.post("/groups/all", &fields).await.expect(303);
    let group = document(&server, "/groups/all").await;
    assert_eq!(group["push"], Value::Null, "{group}");
    let page = shown(&mut visitor, "/groups").await;
    for holds in ["/groups/all", "nowhere"] {
        assert!(page.contains(holds), "no {holds}: {page}");
    }
    visitor.post("/groups/all/delete", &[]).await.expect(303);
    visitor.get("/groups/all").await.expect(404);
}

#[tokio::test]
async fn a_cache_shows_what_it_saved_and_its_repositories_can_be_deleted() {
    let (hub, server, mut visitor, image) = with_hub().await;
    pull(&server, &image).await;
    let list = shown(&mut visitor, "/upstreams").await;
    for holds in [">fine</span>", "42 / 100", "50 %"] {
        assert!(list.contains(holds), "no {holds}: {list}");
    }
    let upstream = shown(&mut visitor, "/upstreams/hub").await;
    assert!(upstream.contains("Pulls left: 42 / 100"), "{upstream}");

    // A change of the upstreams has written down what was counted, as each minute does.
    let other = [
        ("name", "far"),
        ("registry", "far.example"),
        ("offline", "yes"),
    ];
    visitor.post("/upstreams", &other).await.expect(303);
    for days in ["", "?days=7", "?days=31"] {
        let page = shown(&mut visitor, &format!("/caches/hub{days}")).await;
        for holds in [
            "<svg class=\"plot\"",
            "<title>",
            ": 50 %</title>",
            "<dt>Saved</dt><dd>2.1\u{a0}MB</dd>",
            "The hours as a table",
            "/repositories/hub%2Flibrary%2Fapp",
        ] {
            assert!(page.contains(holds), "no {holds}: {page}");
        }
    }
    visitor.get("/caches/hub?days=2").await.expect(400);
    visitor.get("/caches/shop").await.expect(404);

    let repository = "/repositories/hub%2Flibrary%2Fapp";
    let page = shown(&mut visitor, repository).await;
    let delete = format!("{repository}/delete");
    assert!(page.contains(&delete), "{page}");
    visitor.post(&delete, &[]).await.expect(303);
    let page = shown(&mut visitor, "/caches/hub").await;
    assert!(page.contains("Nothing that you may pull"), "{page}");
    hub.front.forget();
    pull(&server, &image).await;
    assert!(hub.front.count(|request| request.is_blob()) > 0);
}

#[tokio::test]
async fn an_upstream_that_fails_is_shown_as_it_is() {
    let (hub, server, mut visitor, _) = with_hub().await;
    hub.front.down().await;
    for _ in 0..3 {
        let get = server.get("/v2/hub/library/other/manifests/1");
        assert_ne!(ask(get).await.status, 200);
    }
    let page = shown(&mut visitor, "/upstreams/hub").await;
    assert!(page.contains("keeps failing: manifests"), "{page}");
    let list = shown(&mut visitor, "/upstreams").await;
    assert!(list.contains("keeps failing: manifests"), "{list}");
}

#[tokio::test]
async fn a_download_that_is_under_way_is_shown_with_how_far_it_is() {
    let (hub, server, mut visitor, _) = with_hub().await;
    let image = hub.push("2", [random_bytes(2, 4 * MIB)]).await;
    server.resolve("2", &image).await;
    let layer = &image.layers[0];
    let mut gate = hub.front.gate(&layer.digest, 3 * MIB as u64);
    let mut download = Download::begin(server.get(&Hub::blob(layer)), layer).await;
    gate.reached().await;
    download.up_to(MIB).await;
    let page = shown(&mut visitor, "/caches/hub").await;
    let region = "<section id=\"downloads\" data-refresh";
    assert!(page.contains(region), "{page}");
    let progress = page.split("<progress ").nth(1).expect("a download");
    let progress = progress.split('>').next().expect("its end");
    let size = format!("max=\"{}\"", layer.bytes.len());
    assert!(progress.contains(&size), "{progress}");
    assert!(!progress.contains("value=\"0\""), "{progress}");
    assert!(progress.contains(&layer.digest), "{progress}");
    gate.open();
    download.finish().await;
    until("the end of the download", async || {
        !shown(&mut visitor, "/caches/hub")
            .await
            .contains("<progress ")
    })
    .await;
}

#[tokio::test]
async fn images_are_fetched_ahead_with_a_form_that_says_what_came() {
    let (hub, server, mut visitor, _) = with_hub().await;
    let image = hub.push("2", [random_bytes(2, 3 * MIB)]).await;
    let form = shown(&mut visitor, "/caches/hub/warm").await;
    let action = "action=\"/caches/hub/warm\"";
    assert!(form.contains(action), "{form}");
    let cache = shown(&mut visitor, "/caches/hub").await;
    assert!(cache.contains(action), "{cache}");

    let fields = [
        ("images", "hub/library/app:2\r\nhub/library/app:none\r\n"),
        ("platforms", ""),
    ];
    // It comes in pieces, so that a browser that waits hears something.
    let post = visitor.request(Method::POST, "/caches/hub/warm");
    let answer = post.form(&fields).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let page = answer.text().await.expect("a page");
    for holds in [
        "hub/library/app:2",
        "3.1\u{a0}MB",
        "not fetched",
        "there is no image hub/library/app none",
    ] {
        assert!(page.contains(holds), "no {holds}: {page}");
    }
    hub.front.down().await;
    server.resolve("2", &image).await;

    let wrong = [("images", "hub/<script>alert(1)</script>:1")];
    let refused = visitor.post("/caches/hub/warm", &wrong).await.expect(400);
    let refused = text(&refused);
    assert!(!refused.contains("<script>alert"), "{refused}");
    let none = [("images", ""), ("platforms", "")];
    visitor.post("/caches/hub/warm", &none).await.expect(400);
}

#[tokio::test]
async fn clients_are_told_where_the_mirror_is() {
    let (_hub, server, mut visitor, _) = with_hub().await;
    let page = shown(&mut visitor, "/caches/hub/mirror?port=5001").await;
    let by_name = format!("docker pull {}/hub/library/alpine:3", server.host());
    for holds in [
        by_name.as_str(),
        "It listens at port",
        "&#34;registry-mirrors&#34;: [",
        "&#34;http://127.0.0.1:5001&#34;",
        "insecure-registries",
        "/etc/containerd/certs.d/docker.io/hosts.toml",
        "[host.&#34;http://127.0.0.1:5001&#34;]",
        "location = &#34;127.0.0.1:5001/hub&#34;\ninsecure = true",
        "by an address that only this machine knows",
    ] {
        assert!(page.contains(holds), "no {holds}: {page}");
    }
    let page = shown(&mut visitor, "/caches/hub/mirror?port=6001&scheme=https").await;
    assert!(page.contains("https://127.0.0.1:6001"), "{page}");
    assert!(!page.contains("insecure"), "{page}");
    visitor.get("/caches/hub/mirror?port=x").await.expect(400);

    // What is not public is had with credentials, and so at the main address.
    let private = json!({"public": false});
    let change = server.patch("/api/v1/projects/hub").json(&private);
    ask(change).await.expect(200);
    let page = shown(&mut visitor, "/caches/hub/mirror").await;
    let host = format!("[host.&#34;http://{}&#34;.header]", server.host());
    for holds in [host.as_str(), "Basic BASE64", "podman login"] {
        assert!(page.contains(holds), "no {holds}: {page}");
    }
    assert!(!page.contains("registry-mirrors&#34;"), "{page}");

    let fields = [
        ("name", "ghcr"),
        ("registry", "ghcr.io"),
        ("offline", "yes"),
    ];
    visitor.post("/upstreams", &fields).await.expect(303);
    let page = shown(&mut visitor, "/caches/ghcr/mirror?port=5001").await;
    for holds in [
        "/ghcr/OWNER/NAME:TAG",
        "/etc/containerd/certs.d/ghcr.io/hosts.toml",
        "prefix = &#34;ghcr.io&#34;",
        "location = &#34;127.0.0.1:5001/ghcr&#34;",
    ] {
        assert!(page.contains(holds), "no {holds}: {page}");
    }
    assert!(!page.contains("default = "), "{page}");
}

#[tokio::test]
async fn where_there_is_no_mirror_address_the_lines_that_make_one_are_shown() {
    let server = TestServer::start().await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    for (name, registry) in [("hub", "docker.io"), ("ghcr", "ghcr.io")] {
        let fields = [("name", name), ("registry", registry), ("offline", "yes")];
        visitor.post("/upstreams", &fields).await.expect(303);
        let page = shown(&mut visitor, &format!("/caches/{name}/mirror")).await;
        assert!(page.contains("[mirror]"), "{page}");
        // What has no registry in its name is of Docker Hub.
        let default = page.contains("default = &#34;hub&#34;");
        assert_eq!(default, name == "hub", "{page}");
    }
}

#[tokio::test]
async fn a_stranger_sees_no_upstream_and_changes_none() {
    let (_hub, server, _, _) = with_hub().await;
    let stranger = create_user(&server, "stranger", "correct horse battery").await;
    let mut visitor = Visitor::signed_in(&server, &stranger.name, &stranger.secret).await;
    for path in [
        "/upstreams",
        "/upstreams/hub",
        "/upstreams/none",
        "/groups",
        "/groups/all",
        "/caches/hub",
        "/caches/hub/warm",
        "/caches/hub/mirror",
    ] {
        visitor.get(path).await.expect(404);
    }
    let fields = [
        ("name", "mine"),
        ("registry", "mine.example"),
        ("members", "hub"),
        ("push", ""),
        ("images", "hub/library/app:1"),
    ];
    for path in [
        "/upstreams",
        "/upstreams/hub",
        "/upstreams/hub/delete",
        "/groups",
        "/groups/all",
        "/groups/all/delete",
        "/caches/hub/warm",
    ] {
        visitor.post(path, &fields).await.expect(404);
    }
    let upstreams = document(&server, "/upstreams").await;
    assert_eq!(upstreams["items"].as_array().map(Vec::len), Some(1));
    let home = shown(&mut visitor, "/").await;
    assert!(!home.contains("href=\"/upstreams\""), "{home}");
}
