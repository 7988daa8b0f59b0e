//! What is shown: home, tags with their platforms, comparisons, the API reference, and news.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::time::timeout;

use super::text;
use super::visitor::Visitor;
use crate::support::{
    ADMIN, ADMIN_PASSWORD, Blob, Image, TestServer, ask, create_project, create_user,
};

/// Longer than news take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An image whose config is this one.
async fn push_with_config(
    server: &TestServer,
    repository: &str,
    tag: &str,
    config: serde_json::Value,
) -> Image {
    let mut image = Image::small(1);
    image.config = Blob::new(config.to_string());
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&image.manifest.bytes).expect("JSON");
    manifest["config"]["digest"] = json!(image.config.digest);
    manifest["config"]["size"] = json!(image.config.bytes.len());
    image.manifest = Blob::new(manifest.to_string());
    image.push(server, repository, tag).await;
    image
}

#[tokio::test]
async fn home_shows_what_was_pushed_and_pulled_to_who_may_see_it() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let empty = text(&visitor.get("/").await.expect(200));
    assert!(
        empty.contains("Nothing was pushed to repositories"),
        "{empty}"
    );
    assert!(empty.contains("Nothing: no deployment failed"), "{empty}");

    Image::small(1).push(&server, "shop/web", "1.4").await;
    let shown = text(&visitor.get("/").await.expect(200));
    let link = "href=\"/repositories/shop%2Fweb/images/1.4\"";
    assert!(shown.contains(link), "{shown}");

    let stranger = create_user(&server, "stranger", "correct horse battery").await;
    let mut visitor = Visitor::signed_in(&server, &stranger.name, &stranger.secret).await;
    let shown = text(&visitor.get("/").await.expect(200));
    assert!(!shown.contains("shop"), "{shown}");
}

#[tokio::test]
async fn a_project_that_is_short_of_space_needs_somebody() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    Image::small(1).push(&server, "shop/web", "1.4").await;
    let quota = ask(server.get("/api/v1/projects/shop/quota")).await.json();
    let used = &quota["used_bytes"];
    let set = server.put("/api/v1/projects/shop/quota");
    ask(set.json(&json!({"quota_bytes": used})))
        .await
        .expect(200);
    let matters = ask(server.get("/api/v1/attention"))
        .await
        .expect(200)
        .json();
    assert_eq!(matters["items"][0]["kind"], "quota", "{matters}");
    assert_eq!(matters["items"][0]["subject"], "shop", "{matters}");
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let shown = text(&visitor.get("/").await.expect(200));
    assert!(shown.contains("quota nearly used up"), "{shown}");
    assert!(
        shown.contains("href=\"/projects/shop/settings\""),
        "{shown}"
    );
}

#[tokio::test]
async fn tags_are_shown_with_what_they_run_on() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let config = json!({"os": "linux", "architecture": "riscv64"});
    push_with_config(&server, "shop/web", "1.4", config).await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let shown = visitor.get("/repositories/shop%2Fweb").await.expect(200);
    assert!(
        text(&shown).contains("<td>linux/riscv64</td>"),
        "{}",
        text(&shown)
    );
}

#[tokio::test]
async fn the_commands_that_are_shown_fetch_what_is_there() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    Image::small(1).push(&server, "shop/web", "1.4").await;
    let mut chart = Image::small(2);
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&chart.manifest.bytes).expect("JSON");
    manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    chart.manifest = Blob::new(manifest.to_string());
    chart.push(&server, "shop/charts", "1.0.0").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let host = server.host();
    let pull = format!("docker pull {host}/shop/web:1.4<");
    let helm = format!("helm pull oci://{host}/shop/charts --version 1.0.0<");
    for (path, command) in [
        ("/repositories/shop%2Fweb", &pull),
        ("/repositories/shop%2Fweb/images/1.4", &pull),
        ("/repositories/shop%2Fcharts/images/1.0.0", &helm),
    ] {
        let shown = text(&visitor.get(path).await.expect(200));
        assert!(shown.contains(command), "{path} without {command}: {shown}");
    }
    let shown = visitor
        .get("/repositories/shop%2Fcharts/images/1.0.0")
        .await;
    assert!(!text(&shown.expect(200)).contains("docker pull"));
}

#[tokio::test]
async fn where_some_tags_are_not_shown_no_command_takes_one_for_the_newest() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    for tag in ["1.4", "1.5"] {
        Image::small(1).push(&server, "shop/web", tag).await;
    }
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let path = "/repositories/shop%2Fweb";
    let all = text(&visitor.get(path).await.expect(200));
    assert!(all.contains("docker pull"), "{all}");
    for query in ["?q=1.4", "?limit=1"] {
        let some = visitor.get(&format!("{path}{query}")).await;
        let some = text(&some.expect(200));
        assert!(some.contains("images/1.4"), "{query}: {some}");
        assert!(!some.contains("docker pull"), "{query}: {some}");
    }
}

#[tokio::test]
async fn two_images_are_compared() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let config = |value: &str| {
        json!({"os": "linux", "architecture": "amd64", "config": {
            "Env": ["SAME=1", format!("MODE={value}")], "Labels": {"note": "<script>alert(1)</script>"}}})
    };
    push_with_config(&server, "shop/web", "old", config("slow")).await;
    push_with_config(&server, "shop/web", "new", config("fast")).await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let path = "/repositories/shop%2Fweb/diff?from=old&to=new";
    let shown = text(&visitor.get(path).await.expect(200));
    for part in ["MODE", "slow", "fast", "in both"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("SAME"), "{shown}");
    assert!(!shown.contains("<script>alert"), "{shown}");
    let same = visitor
        .get("/repositories/shop%2Fweb/diff?from=old&to=old")
        .await;
    let same = text(&same.expect(200));
    assert!(same.contains("Both are the same image."), "{same}");
    for (query, status) in [
        ("from=old&to=none", 404),
        ("from=old", 400),
        ("from=old&to=%20", 400),
    ] {
        let path = format!("/repositories/shop%2Fweb/diff?{query}");
        visitor.get(&path).await.expect(status);
    }
}

#[tokio::test]
async fn the_reference_of_the_api_has_every_operation() {
    let server = TestServer::start().await;
    let document = ask(server.get("/api/v1/openapi.json")).await.json();
    let shown = Visitor::new(&server).get("/api/v1/docs").await.expect(200);
    let shown = text(&shown);
    let paths = document["paths"].as_object().expect("an object");
    for (path, operations) in paths {
        assert!(shown.contains(&format!("<code>{path}</code>")), "{path}");
        for operation in operations.as_object().expect("an object").values() {
            let id = operation["operationId"].as_str().expect("a text");
            assert!(shown.contains(&format!("id=\"{id}\"")), "{id}");
        }
    }
    // Every schema that is linked is there.
    for link in shown.split("href=\"#").skip(1) {
        let id = link.split('"').next().expect("an id");
        assert!(shown.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[tokio::test]
async fn what_changed_before_the_feed_began_is_told_too() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    let mut visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let page = text(&visitor.get("/").await.expect(200));
    let seen = page.split("data-seen=\"").nth(1).expect("a mark");
    let seen = seen.split('"').next().expect("a mark");
    Image::small(1).push(&server, "shop/web", "1.4").await;
    let feed = visitor.request(Method::GET, &format!("/live?seen={seen}"));
    listen_for_news(feed).await;
}

/// Listens until it is told that something of the registry has changed.
async fn listen_for_news(feed: RequestBuilder) -> String {
    let feed = feed.send().await.expect("an answer");
    assert_eq!(feed.headers()["content-type"], "text/event-stream");
    let mut pieces = feed.bytes_stream();
    let mut told = String::new();
    let listen = async {
        while !told.contains("event: registry\n") {
            let piece = pieces.next().await.expect("an event").expect("a piece");
            told.push_str(std::str::from_utf8(&piece).expect("UTF-8"));
        }
    };
    timeout(PATIENCE, listen).await.expect("news of the push");
    told
}

#[tokio::test]
async fn who_has_a_page_open_is_told_of_a_push_and_nobody_else_is() {
    let server = TestServer::start().await;
    create_project(&server, "shop").await;
    Visitor::new(&server).get("/live").await.expect(303);
    let visitor = Visitor::signed_in(&server, ADMIN, ADMIN_PASSWORD).await;
    let image = Image::small(1);
    let feed = visitor.request(Method::GET, "/live");
    let (told, ()) = tokio::join!(listen_for_news(feed), async {
        image.push(&server, "shop/web", "1.4").await;
    });
    assert!(!told.contains("shop"), "{told}");
}
