//! What no end-point answers: unknown paths, wrong methods, names that are none. Whatever is asked,
//! the answer is the specification's error document.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::support::{Image, TestServer, ask, ask_raw, digest_of};

/// A session that nobody was given.
const SESSION: &str = "/v2/app/blobs/uploads/00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn the_version_is_answered_with_and_without_a_slash() {
    let server = TestServer::start().await;
    for path in ["/v2", "/v2/"] {
        let answer = ask(server.get(path)).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json(), serde_json::json!({}));
        ask(server.head(path)).await.expect(200);
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_not_found() {
    let server = TestServer::start().await;
    Image::small(1).push(&server, "app", "latest").await;
    let digest = digest_of(b"content");
    for (path, code) in [
        ("/v1/", "NAME_UNKNOWN"),
        ("/v3/", "NAME_UNKNOWN"),
        ("/v2x", "NAME_UNKNOWN"),
        ("/V2/", "NAME_UNKNOWN"),
        ("/index.html", "NAME_UNKNOWN"),
        ("/livez/", "NAME_UNKNOWN"),
        ("/v2/app", "NAME_INVALID"),
        ("/v2/app/", "NAME_INVALID"),
        ("/v2/app/tags", "NAME_INVALID"),
        ("/v2/app/tags/list/", "NAME_INVALID"),
        ("/v2/tags/list", "NAME_INVALID"),
        ("/v2/manifests/latest", "NAME_INVALID"),
        ("/v2/app/manifests", "NAME_INVALID"),
        ("/v2/app/manifest/latest", "NAME_INVALID"),
        ("/v2/app/manifests/latest/more", "NAME_INVALID"),
        ("/v2/_catalog/", "NAME_INVALID"),
        ("/v2/_catalog/more", "NAME_INVALID"),
        ("/v2/app/_layers/x", "NAME_INVALID"),
        (&format!("/v2/app/blobs/{digest}/"), "NAME_INVALID"),
        (&format!("{SESSION}/"), "NAME_INVALID"),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let answer = ask(server.request(method, path)).await;
            answer.expect_error(404, code);
        }
        ask(server.head(path)).await.expect(404);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = TestServer::start().await;
    Image::small(1).push(&server, "app", "latest").await;
    let digest = digest_of(b"content");
    for (path, allowed) in [
        ("/v2", "GET, HEAD"),
        ("/v2/", "GET, HEAD"),
        ("/v2/_catalog", "GET"),
        ("/v2/app/tags/list", "GET"),
        ("/v2/app/blobs/uploads", "POST"),
        ("/v2/app/blobs/uploads/", "POST"),
        (SESSION, "GET, PATCH, PUT, DELETE"),
        (&format!("/v2/app/blobs/{digest}"), "GET, HEAD, DELETE"),
        ("/v2/app/manifests/latest", "GET, HEAD, PUT, DELETE"),
        ("/v2/app/manifests/none", "GET, HEAD, PUT, DELETE"),
        (
            &format!("/v2/app/manifests/{digest}"),
            "GET, HEAD, PUT, DELETE",
        ),
        (&format!("/v2/app/referrers/{digest}"), "GET"),
        ("/livez", "GET, HEAD"),
        ("/readyz", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
    ] {
        let right: BTreeSet<_> = allowed.split(", ").collect();
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get",
        ] {
            if right.contains(method) {
                continue;
            }
            let answer = ask_raw(&server, &format!("{method} {path} HTTP/1.1")).await;
            if method == "HEAD" {
                assert_eq!(answer.status, 405, "{answer:?}");
            } else {
                answer.expect_error(405, "UNSUPPORTED");
            }
            let told: BTreeSet<_> = answer.header("allow").split(',').map(str::trim).collect();
            assert_eq!(told, right, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_repository_name_that_is_none_is_refused_at_every_end_point() {
    let server = TestServer::start().await;
    let digest = digest_of(b"content");
    let long = "a".repeat(256);
    for name in [
        "",
        "UPPER",
        "a/",
        "/a",
        "a//b",
        "-a",
        "a-",
        "a..b",
        "a___b",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "a%20b",
        "%2e%2e",
        "a%00b",
        "%00",
        "caf%C3%A9",
        "a%5Cb",
        "a%0D%0Ab",
        "a:b",
        "a@b",
        "a%252fb",
        "%F0%9F%98%80",
        "~",
        &long,
    ] {
        for request in [
            format!("GET /v2/{name}/tags/list"),
            format!("GET /v2/{name}/manifests/latest"),
            format!("PUT /v2/{name}/manifests/latest"),
            format!("DELETE /v2/{name}/manifests/{digest}"),
            format!("GET /v2/{name}/blobs/{digest}"),
            format!("GET /v2/{name}/referrers/{digest}"),
            format!("POST /v2/{name}/blobs/uploads/"),
            format!("POST /v2/{name}/blobs/uploads/?mount={digest}&from=app"),
            format!("PATCH /v2/{name}{}", &SESSION["/v2/app".len()..]),
        ] {
            let answer = ask_raw(&server, &format!("{request} HTTP/1.1")).await;
            answer.expect_error(400, "NAME_INVALID");
        }
    }
}

#[tokio::test]
async fn an_encoded_slash_is_a_slash_and_dots_are_no_way_up() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "latest").await;
    for path in [
        "/v2/team%2Fapp/manifests/latest",
        "/v2/team%2fapp/tags/list",
    ] {
        ask_raw(&server, &format!("GET {path} HTTP/1.1"))
            .await
            .expect(200);
    }
    for path in [
        "/v2/x/../team/app/manifests/latest",
        "/v2/x/%2e%2e/team/app/manifests/latest",
        "/v2/team/app/manifests/x/../latest",
        "/v2//team/app/manifests/latest",
        "/x/../v2/team/app/manifests/latest",
        "//v2/team/app/manifests/latest",
    ] {
        let answer = ask_raw(&server, &format!("GET {path} HTTP/1.1")).await;
        assert!(matches!(answer.status.as_u16(), 400 | 404), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_reference_or_digest_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "app", "latest").await;
    let long = "a".repeat(129);
    for tag in [
        ".hidden", "-dash", "a%2Bb", "a%00", "%00", "a%20b", "%C3%A9", "a%0A", &long,
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let request = format!("{method} /v2/app/manifests/{tag} HTTP/1.1");
            ask_raw(&server, &request)
                .await
                .expect_error(400, "TAG_INVALID");
        }
    }
    let upper = image.manifest.digest.to_uppercase();
    for digest in [
        "sha256:",
        "sha256:bad",
        ":",
        "a:b",
        "sha384:00",
        "sha256:%00",
        &upper,
        &image.manifest.digest[..70],
    ] {
        for request in [
            format!("GET /v2/app/manifests/{digest}"),
            format!("PUT /v2/app/manifests/{digest}"),
            format!("DELETE /v2/app/manifests/{digest}"),
            format!("GET /v2/app/blobs/{digest}"),
            format!("DELETE /v2/app/blobs/{digest}"),
            format!("GET /v2/app/referrers/{digest}"),
            format!("POST /v2/app/blobs/uploads/?digest={digest}"),
            format!("POST /v2/app/blobs/uploads/?mount={digest}"),
            format!("PUT {SESSION}?digest={digest}"),
        ] {
            // A control character in a parameter has a code of its own.
            if request.contains('?') && digest.contains("%00") {
                continue;
            }
            ask_raw(&server, &format!("{request} HTTP/1.1"))
                .await
                .expect_error(400, "DIGEST_INVALID");
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_refused() {
    let server = TestServer::start().await;
    for path in [
        "/v2/%FF/tags/list",
        "/v2/app/manifests/%C3%28",
        "/v2/%ED%A0%80/blobs/uploads/",
    ] {
        let answer = ask_raw(&server, &format!("GET {path} HTTP/1.1")).await;
        answer.expect_error(400, "NAME_INVALID");
    }
}

#[tokio::test]
async fn an_error_to_head_has_no_body() {
    let server = TestServer::start().await;
    let digest = digest_of(b"content");
    for (path, status) in [
        ("/v2/app/manifests/none".to_owned(), 404),
        (format!("/v2/app/manifests/{digest}"), 404),
        (format!("/v2/app/blobs/{digest}"), 404),
        ("/v2/app/blobs/sha256:bad".to_owned(), 400),
        ("/v2/UPPER/manifests/latest".to_owned(), 400),
        ("/v2/app/tags/list".to_owned(), 405),
        ("/v2/nothing".to_owned(), 404),
        ("/nothing".to_owned(), 404),
    ] {
        // Read from the connection itself: a client library would drop a body that is too much.
        let answer = ask_raw(&server, &format!("HEAD {path} HTTP/1.1")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_request_leaves_the_connection_in_order() {
    let server = TestServer::start().await;
    let digest = digest_of(b"content");
    for _ in 0..20 {
        // Each refused before its body is read; what is left of that must not become a request.
        let body = "GET /v2/ HTTP/1.1\r\n\r\n".repeat(50);
        for (request, status) in [
            (server.put("/v2/UPPER/manifests/latest"), 400),
            (server.patch(SESSION), 404),
            (server.put(&format!("{SESSION}?digest={digest}")), 404),
            (server.post("/v2/app/tags/list"), 405),
            (server.post("/nothing"), 404),
        ] {
            let answer = ask(request.body(body.clone())).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        ask(server.get("/v2/")).await.expect(200);
    }
}
