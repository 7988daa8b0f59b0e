//! Clients that stall, and clients that want too much.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::support::{Blob, Raw, Session, TestServer, admin_headers, ask, random_bytes, until};

const GET: &str = "GET /v2/ HTTP/1.1\r\nhost: berth\r\n\r\n";

async fn impatient() -> TestServer {
    TestServer::builder()
        .env("BERTH_LIMITS__HEADER_SECONDS", 1)
        .env("BERTH_LIMITS__IDLE_SECONDS", 1)
        .start()
        .await
}

async fn assert_serves(server: &TestServer) {
    let answer = server.get("/v2/").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_connection_whose_request_does_not_come_is_closed() {
    let server = impatient().await;
    let beginnings = [
        "",
        "PUT",
        "GET /v2/ HTTP/1.1\r\n",
        "GET /v2/ HTTP/1.1\r\nhost: berth\r\nx-slow: ",
        "PRI * HTTP/2.0\r\n\r\nSM",
    ];
    for beginning in beginnings {
        let mut slow = Raw::connect(&server).await;
        slow.send(beginning).await;
        let rest = slow.rest().await;
        assert!(
            !rest.starts_with(b"HTTP/1.1 2"),
            "{beginning:?} was answered {:?}",
            String::from_utf8_lossy(&rest)
        );
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off_all_the_same() {
    let server = impatient().await;
    let mut slow = Raw::connect(&server).await;
    let begun = Instant::now();
    slow.send("GET /v2/ HTTP/1.1\r\nx-slow: ").await;
    // Each byte is progress; the head as a whole has its time.
    while tokio::io::AsyncWriteExt::write_all(&mut slow.stream, b"a")
        .await
        .is_ok()
    {
        assert!(begun.elapsed() < Duration::from_secs(30), "it goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_connection_that_is_kept_open_and_not_used_is_closed() {
    let server = impatient().await;
    for after in ["", "GET /v2/"] {
        let mut idle = Raw::connect(&server).await;
        idle.request(GET).await;
        assert!(idle.answer().await.head.starts_with("HTTP/1.1 200 "));
        idle.send(after).await;
        idle.rest().await;
    }
}

#[tokio::test]
async fn an_upload_that_stalls_is_answered_408_and_keeps_what_arrived() {
    let server = TestServer::builder()
        .env("BERTH_LIMITS__IDLE_SECONDS", 1)
        .start()
        .await;
    let blob = Blob::new(random_bytes(1, 300_000));
    let session = Session::start(&server, "slow/pushes").await;

    let mut slow = Raw::connect(&server).await;
    slow.request(format!(
        "PATCH {} HTTP/1.1\r\nhost: berth\r\ncontent-length: 300000\r\n\r\n",
        session.location
    ))
    .await;
    slow.send(&blob.bytes[..200_000]).await;
    let answer = slow.answer().await;
    assert!(answer.head.starts_with("HTTP/1.1 408 "), "{}", answer.head);
    let error: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(error["errors"][0]["code"], "BLOB_UPLOAD_INVALID");
    assert_eq!(error["errors"][0]["message"], "nothing came for 1 seconds");

    let status = session.status(&server).await.expect(204);
    assert_eq!(status.header("range"), "0-199999", "{status:?}");
    let put = session.put(&server, &blob.digest, &blob.bytes[200_000..]);
    ask(put).await.expect(201);
}

#[tokio::test]
async fn a_manifest_that_stalls_is_answered_408() {
    let server = TestServer::builder()
        .env("BERTH_LIMITS__IDLE_SECONDS", 1)
        .start()
        .await;
    let mut slow = Raw::connect(&server).await;
    slow.request("PUT /v2/slow/pushes/manifests/latest HTTP/1.1\r\nhost: berth\r\ncontent-length: 99\r\n\r\n{").await;
    let answer = slow.answer().await;
    assert!(answer.head.starts_with("HTTP/1.1 408 "), "{}", answer.head);
    let error: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(error["errors"][0]["message"], "nothing came for 1 seconds");
}

/// Whether the access log has a download that did not come to its end.
fn download_was_cut(server: &TestServer) -> bool {
    server
        .log()
        .iter()
        .any(|line| line["endpoint"] == "get_blob" && line["complete"] == false)
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_download_is_cut_off() {
    let server = impatient().await;
    // More than the kernel buffers between the two.
    let blob = Blob::new(random_bytes(2, 48 * 1024 * 1024));
    blob.push(&server, "slow/pulls").await;
    let mut slow = Raw::connect(&server).await;
    slow.request(format!(
        "GET /v2/slow/pulls/blobs/{} HTTP/1.1\r\nhost: berth\r\n\r\n",
        blob.digest
    ))
    .await;
    assert!(slow.head().await.starts_with("HTTP/1.1 200 "));
    until("the end of the download", async || {
        download_was_cut(&server)
    })
    .await;
    let rest = slow.rest().await;
    assert!(rest.len() < blob.bytes.len(), "{} bytes came", rest.len());
    assert_serves(&server).await;
}

/// With HTTP/2 the connection lives on, answers pings and has room: only the window stays shut.
#[tokio::test]
async fn an_http_2_client_that_takes_nothing_of_its_download_is_cut_off() {
    let server = impatient().await;
    let blob = Blob::new(random_bytes(4, 48 * 1024 * 1024));
    blob.push(&server, "slow/pulls").await;
    let client = Client::builder()
        .default_headers(admin_headers())
        .http2_prior_knowledge()
        .build()
        .expect("a client");
    let url = server.url(&format!("/v2/slow/pulls/blobs/{}", blob.digest));
    let answer = client.get(url).send().await.expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    until("the end of the download", async || {
        download_was_cut(&server)
    })
    .await;
    answer.bytes().await.expect_err("the rest of the download");
    assert_serves(&server).await;
}

#[tokio::test]
async fn a_client_that_takes_a_little_now_and_then_gets_its_whole_download() {
    let server = TestServer::builder()
        .env("BERTH_LIMITS__IDLE_SECONDS", 2)
        .start()
        .await;
    let blob = Blob::new(random_bytes(3, 24 * 1024 * 1024));
    blob.push(&server, "slow/pulls").await;
    let mut answer = server
        .get(&format!("/v2/slow/pulls/blobs/{}", blob.digest))
        .send()
        .await
        .expect("an answer");
    let mut received = Vec::new();
    // Three seconds in all, with an idle time-out of two.
    let mut pause_at = 0;
    while let Some(piece) = answer.chunk().await.expect("more of it") {
        received.extend_from_slice(&piece);
        if received.len() >= pause_at {
            pause_at += 4 * 1024 * 1024;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    assert_eq!(Blob::new(received).digest, blob.digest);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = TestServer::start().await;
    let cases = [
        (
            "one header of a MiB",
            format!("x-large: {}\r\n", "a".repeat(1024 * 1024)),
        ),
        ("a thousand headers", "x-many: 1\r\n".repeat(1000)),
    ];
    for (case, headers) in cases {
        let mut greedy = Raw::connect(&server).await;
        let head = format!("GET /v2/ HTTP/1.1\r\nhost: berth\r\n{headers}\r\n");
        // The server may close before all of it is sent.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut greedy.stream, head.as_bytes()).await;
        let answer = greedy.rest().await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
            "{case}: {answer}"
        );
    }
    let mut greedy = Raw::connect(&server).await;
    let path = "a".repeat(100_000);
    greedy
        .send(format!("GET /{path} HTTP/1.1\r\nhost: berth\r\n\r\n"))
        .await;
    let answer = greedy.rest().await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 404 "),
        "a long path: {answer}"
    );
    assert_serves(&server).await;
}

#[tokio::test]
async fn connections_above_the_limit_wait_until_one_closes() {
    let server = TestServer::builder()
        .env("BERTH_LIMITS__CONNECTIONS", 2)
        .start()
        .await;
    let mut first = Raw::connect(&server).await;
    let mut second = Raw::connect(&server).await;
    for open in [&mut first, &mut second] {
        open.request(GET).await;
        assert!(open.answer().await.head.starts_with("HTTP/1.1 200 "));
    }
    let mut third = Raw::connect(&server).await;
    third.request(GET).await;
    // While the third waits, the others are served.
    for open in [&mut first, &mut second] {
        open.request(GET).await;
        assert!(open.answer().await.head.starts_with("HTTP/1.1 200 "));
    }
    let early = third.stream.try_read(&mut [0; 16]);
    assert!(
        early
            .as_ref()
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "the third is served beside the others: {early:?}"
    );
    drop(second);
    assert!(third.answer().await.head.starts_with("HTTP/1.1 200 "));
}
