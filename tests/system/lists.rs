//! end-8 and the catalog: lists, and the pages that they come in.

use serde_json::json;

use crate::manifests::{bare_image, path, put};
use crate::support::{Answer, Blob, Image, OCI_MANIFEST, TestServer, ask, digest_of};

/// In the order of their bytes, which is not that of a dictionary.
const TAGS: [&str; 9] = ["0.9", "1.10", "1.9", "A", "Z", "_x", "a", "a-b", "a.b"];

/// An image under each of the tags, pushed in another order.
async fn server_with_tags() -> TestServer {
    let server = TestServer::start().await;
    push_tags(&server).await;
    server
}

async fn push_tags(server: &TestServer) {
    let image = bare_image(server, "app").await.to_string();
    for tag in TAGS.iter().rev() {
        put(server, &path("app", tag), OCI_MANIFEST, image.clone())
            .await
            .expect(201);
    }
}

/// Where the next page is: a relative target in angle brackets, since Docker splits at `;`.
#[track_caller]
fn next(answer: &Answer) -> Option<String> {
    let link = answer.maybe("link")?;
    let target = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix(">; rel=\"next\""))
        .unwrap_or_else(|| panic!("{answer:?}"));
    assert!(target.starts_with("/v2/"), "{answer:?}");
    Some(target.to_owned())
}

/// The entries of each page, from the first one to the last.
async fn pages(server: &TestServer, first: &str, member: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut path = Some(first.to_owned());
    while let Some(current) = path {
        let answer = ask(server.get(&current)).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        let entries = serde_json::from_value(answer.json()[member].clone());
        pages.push(entries.unwrap_or_else(|error| panic!("{error}: {answer:?}")));
        path = next(&answer);
        assert!(pages.len() < 100, "a list without an end: {answer:?}");
    }
    pages
}

#[tokio::test]
async fn tags_are_listed_in_the_order_of_their_bytes() {
    let server = server_with_tags().await;
    let answer = ask(server.get("/v2/app/tags/list")).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json(), json!({"name": "app", "tags": TAGS}));
    assert_eq!(answer.maybe("link"), None, "{answer:?}");
}

#[tokio::test]
async fn the_pages_of_tags_hold_each_tag_once() {
    let server = server_with_tags().await;
    for n in 1..=TAGS.len() + 1 {
        let pages = pages(&server, &format!("/v2/app/tags/list?n={n}"), "tags").await;
        let expected: Vec<_> = TAGS.chunks(n).collect();
        assert_eq!(pages, expected, "n={n}");
    }
}

#[tokio::test]
async fn a_page_begins_behind_last_whether_that_is_there_or_not() {
    let server = server_with_tags().await;
    for (query, expected, more) in [
        ("last=1.9", &TAGS[3..], false),
        ("last=1.8", &TAGS[2..], false),
        ("last=B", &TAGS[4..], false),
        ("last=", &TAGS[..], false),
        ("last=a.b", &[], false),
        ("last=zzz", &[], false),
        ("last=%C3%A9", &[], false),
        ("last=a%2Fb", &[], false),
        ("n=2&last=A", &TAGS[4..6], true),
        ("n=3&last=_x", &TAGS[6..], false),
        // Nothing, and no page behind it.
        ("n=0", &[], false),
        ("n=0&last=A", &[], false),
        // More than there is, and more than a number holds.
        ("n=1000", &TAGS[..], false),
        ("n=99999999999999999999999999", &TAGS[..], false),
        ("n=02", &TAGS[..2], true),
    ] {
        let path = format!("/v2/app/tags/list?{query}");
        let answer = ask(server.get(&path)).await.expect(200);
        assert_eq!(answer.json()["tags"], json!(expected), "{query}");
        assert_eq!(next(&answer).is_some(), more, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn a_page_that_can_not_be_is_refused() {
    let server = server_with_tags().await;
    let long = format!("last={}", "a".repeat(256));
    for list in ["/v2/app/tags/list", "/v2/_catalog"] {
        for query in [
            "n=-1",
            "n=",
            "n=a",
            "n=1.5",
            "n=%2B1",
            "n=0x1",
            "n=1&n=2",
            "last=a&last=b",
            "last=a%00",
            "last=%0A",
            &long,
        ] {
            ask(server.get(&format!("{list}?{query}")))
                .await
                .expect_error(400, "PAGINATION_NUMBER_INVALID");
        }
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_when_the_server_says_so() {
    let server = TestServer::builder()
        .env("BERTH_LIMITS__PAGE_ENTRIES", 4)
        .start()
        .await;
    push_tags(&server).await;
    let expected: Vec<_> = TAGS.chunks(4).collect();
    for query in ["", "?n=1000"] {
        let path = format!("/v2/app/tags/list{query}");
        assert_eq!(pages(&server, &path, "tags").await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_repository_without_tags_has_an_empty_list_and_no_repository_has_none() {
    let server = TestServer::start().await;
    for repository in ["nobody", "team/nobody"] {
        ask(server.get(&format!("/v2/{repository}/tags/list")))
            .await
            .expect_error(404, "NAME_UNKNOWN");
    }
    let image = bare_image(&server, "app").await.to_string();
    let path = path("app", &digest_of(image.as_bytes()));
    put(&server, &path, OCI_MANIFEST, image).await.expect(201);
    let answer = ask(server.get("/v2/app/tags/list")).await.expect(200);
    assert_eq!(answer.json(), json!({"name": "app", "tags": []}));
}

#[tokio::test]
async fn the_catalog_holds_a_repository_once_it_has_a_manifest() {
    let server = TestServer::start().await;
    let catalog = || async {
        let answer = ask(server.get("/v2/_catalog")).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        answer.json()
    };
    assert_eq!(catalog().await, json!({"repositories": []}));
    Blob::new("content").push(&server, "blobs/only").await;
    let refused = Image::small(1)
        .put_manifest(&server, "refused", "latest")
        .await;
    assert_eq!(refused.status(), 400);
    assert_eq!(catalog().await, json!({"repositories": []}));
    let image = Image::small(1);
    image.push(&server, "app", "latest").await;
    assert_eq!(catalog().await, json!({"repositories": ["app"]}));
    let manifest = path("app", &image.manifest.digest);
    ask(server.delete(&manifest)).await.expect(202);
    assert_eq!(catalog().await, json!({"repositories": []}));
}

#[tokio::test]
async fn the_pages_of_the_catalog_hold_each_repository_once() {
    // `-` and `.` come before `/`, and that before digits and letters.
    const NAMES: [&str; 7] = ["0", "a", "a-b", "a.b/c", "a/b", "a0", "b/c/d"];
    let server = TestServer::start().await;
    for name in NAMES.iter().rev() {
        let image = bare_image(&server, name).await.to_string();
        put(&server, &path(name, "latest"), OCI_MANIFEST, image)
            .await
            .expect(201);
    }
    for n in 1..=NAMES.len() {
        let first = format!("/v2/_catalog?n={n}");
        let expected: Vec<_> = NAMES.chunks(n).collect();
        let pages = pages(&server, &first, "repositories").await;
        assert_eq!(pages, expected, "n={n}");
    }
    let answer = ask(server.get("/v2/_catalog?n=0")).await.expect(200);
    assert_eq!(answer.json(), json!({"repositories": []}));
    assert_eq!(next(&answer), None);
}
