//! The versions of HTTP, and what is none of them.

use std::time::{Duration, Instant};

use reqwest::{StatusCode, Version};

use crate::support::{Blob, Raw, TestServer, admin_headers, digest_of, random_bytes, signed_in};

#[tokio::test]
async fn http_1_0_is_answered_and_its_connection_closed() {
    let server = TestServer::start().await;
    let mut old = Raw::connect(&server).await;
    old.request("GET /v2/ HTTP/1.0\r\n\r\n").await;
    let answer = String::from_utf8(old.rest().await).expect("text");
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{}"), "{answer}");
}

#[tokio::test]
async fn http_1_0_with_keep_alive_gets_several_answers() {
    let server = TestServer::start().await;
    let mut old = Raw::connect(&server).await;
    for _ in 0..2 {
        old.request("GET /v2/ HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            .await;
        let answer = old.answer().await;
        assert!(answer.head.starts_with("HTTP/1.0 200 "), "{}", answer.head);
        assert_eq!(answer.body, b"{}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let server = TestServer::start().await;
    let mut pipe = Raw::connect(&server).await;
    let paths = ["/v2/", "/nowhere", "/livez", "/v2/a/b/tags/list", "/v2/"];
    let requests: String = paths
        .iter()
        .map(|path| signed_in(&format!("GET {path} HTTP/1.1\r\nhost: berth\r\n\r\n")))
        .collect();
    pipe.send(requests).await;
    for (path, status) in paths.iter().zip([200, 404, 200, 404, 200]) {
        let answer = pipe.answer().await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            answer.head.starts_with(&expected),
            "{path}: {}",
            answer.head
        );
    }
}

#[tokio::test]
async fn a_tls_hello_to_the_plain_port_ends_at_once() {
    let server = TestServer::builder()
        .env("BERTH_LIMITS__HEADER_SECONDS", 3600)
        .start()
        .await;
    // A record of type handshake, and the beginning of a ClientHello.
    let hello = [
        &[
            0x16, 0x03, 0x01, 0x00, 0xc4, 0x01, 0x00, 0x00, 0xc0, 0x03, 0x03,
        ][..],
        &[0x5a; 190],
    ]
    .concat();
    let begun = Instant::now();
    let mut confused = Raw::connect(&server).await;
    confused.send(hello).await;
    let answer = confused.rest().await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
        "{:?}",
        String::from_utf8_lossy(&answer)
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn http_2_without_tls_carries_a_push_and_a_pull() {
    let server = TestServer::start().await;
    let client = reqwest::Client::builder()
        .default_headers(admin_headers())
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let blob = Blob::new(random_bytes(1, 16 * 1024 * 1024));
    let started = client
        .post(server.url("/v2/two/blobs/blobs/uploads/"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (started.status(), started.version()),
        (StatusCode::ACCEPTED, Version::HTTP_2)
    );
    let location = started.headers()["location"].to_str().expect("a path");
    let stored = client
        .put(server.url(&format!("{location}?digest={}", blob.digest)))
        .body(blob.bytes.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (stored.status(), stored.version()),
        (StatusCode::CREATED, Version::HTTP_2)
    );
    // Many at a time share the connection and its window.
    let pulls = (0..4).map(async |_| {
        let url = server.url(&format!("/v2/two/blobs/blobs/{}", blob.digest));
        let pulled = client.get(url).send().await.expect("an answer");
        assert_eq!(pulled.version(), Version::HTTP_2);
        digest_of(&pulled.bytes().await.expect("a body"))
    });
    for digest in futures_util::future::join_all(pulls).await {
        assert_eq!(digest, blob.digest);
    }
}
