//! end-13 and end-14, and requests that do not fit the session.

use reqwest::Method;

use crate::support::{Session, TestServer, ask, digest_of, random_bytes, streamed};

#[tokio::test]
async fn the_status_tells_how_far_the_session_is() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    let content = random_bytes(1, 3000);
    for (end, range) in [(0, "0-0"), (1, "0-0"), (2, "0-1"), (3000, "0-2999")] {
        let answer = session.status(&server).await.expect(204);
        let sent = match answer.header("range") {
            "0-0" => usize::from(end > 1),
            range => range[2..].parse::<usize>().expect("a number") + 1,
        };
        if end > sent {
            let patch = session.patch_at(&server, sent, &content[sent..end]);
            ask(patch).await.expect(202);
        }
        let answer = session.status(&server).await.expect(204);
        assert_eq!(answer.header("range"), range, "{answer:?}");
        assert_eq!(answer.header("location"), session.location, "{answer:?}");
        assert_eq!(answer.header("docker-upload-uuid"), session.id());
    }
    let put = session.put(&server, &digest_of(&content), b"");
    ask(put).await.expect(201);
}

#[tokio::test]
async fn a_cancelled_session_is_gone() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    ask(session.patch(&server, b"content")).await.expect(202);
    ask(server.delete(&session.location)).await.expect(204);
    expect_unknown(&server, &session.location).await;
    let staged = server.data_dir().join("store/uploads").join(session.id());
    assert!(!staged.exists(), "its bytes are still there");
}

/// Whatever is asked of the session at this path, there is none.
async fn expect_unknown(server: &TestServer, location: &str) {
    for (method, query, body) in [
        (Method::GET, String::new(), ""),
        (Method::PATCH, String::new(), "content"),
        (
            Method::PUT,
            format!("?digest={}", digest_of(b"content")),
            "content",
        ),
        (Method::DELETE, String::new(), ""),
    ] {
        let request = server.request(method, &format!("{location}{query}"));
        ask(request.body(body))
            .await
            .expect_error(404, "BLOB_UPLOAD_UNKNOWN");
    }
}

#[tokio::test]
async fn a_session_is_unknown_in_every_other_repository() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    ask(session.patch(&server, b"con")).await.expect(202);
    for repository in ["other", "app/more"] {
        let path = format!("/v2/{repository}/blobs/uploads/{}", session.id());
        expect_unknown(&server, &path).await;
    }
    // And nothing has touched it.
    let put = session.put(&server, &digest_of(b"content"), b"tent");
    ask(put).await.expect(201);
}

#[tokio::test]
async fn an_upload_id_that_nobody_was_given_is_unknown() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    let id = session.id();
    for none in [
        "00000000-0000-4000-8000-000000000000".to_owned(),
        "nope".to_owned(),
        "%2e%2e%00".to_owned(),
        id.to_uppercase(),
        id.replace('-', ""),
        format!("%7B{id}%7D"),
        format!("{id}0"),
        id[..35].to_owned(),
    ] {
        assert_ne!(none, id);
        expect_unknown(&server, &format!("/v2/app/blobs/uploads/{none}")).await;
    }
}

#[tokio::test]
async fn a_chunk_out_of_order_changes_nothing() {
    let server = TestServer::start().await;
    let content = random_bytes(1, 3067);
    let digest = digest_of(&content);
    let session = Session::start(&server, "app").await;
    let chunks = [0_usize..1024, 1024..2048, 2048..3067];
    for (received, good) in chunks.iter().enumerate() {
        let range = match good.start {
            0 => "0-0".to_owned(),
            start => format!("0-{}", start - 1),
        };
        // Too far on, gone back, and overlapping.
        let mut wrong: Vec<_> = chunks.to_vec();
        wrong.remove(received);
        wrong.push(good.start + 1..good.end);
        wrong.push(good.start.saturating_sub(1)..good.end - 1);
        wrong.retain(|wrong| wrong.start != good.start);
        for wrong in wrong {
            let bytes = &content[wrong.clone()];
            let place = format!("{}-{}", wrong.start, wrong.end - 1);
            for request in [
                session.patch(&server, bytes),
                session.put(&server, &digest, bytes),
                server.patch(&session.location).body(streamed(bytes)),
            ] {
                let answer = ask(request.header("content-range", &place)).await;
                answer.expect_error(416, "BLOB_UPLOAD_INVALID");
                assert_eq!(answer.header("location"), session.location, "{answer:?}");
                assert_eq!(answer.header("range"), range, "{answer:?}");
            }
            let path = format!("{}?digest={digest}", session.location);
            let status = ask(server.get(&path)).await.expect(204);
            assert_eq!(status.header("range"), range, "{status:?}");
        }
        let patch = session.patch_at(&server, good.start, &content[good.clone()]);
        ask(patch).await.expect(202);
    }
    ask(session.put(&server, &digest, b"")).await.expect(201);
}

#[tokio::test]
async fn a_chunk_of_another_length_than_it_says_changes_nothing() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    ask(session.patch(&server, b"one ")).await.expect(202);
    let digest = digest_of(b"one two");
    let close = format!("{}?digest={digest}", session.location);
    for place in ["4-5", "4-7", "4-18446744073709551615"] {
        for request in [
            session.patch(&server, b"two"),
            session.put(&server, &digest, b"two"),
            // Without Content-Length it shows only at the end.
            server.patch(&session.location).body(streamed(b"two")),
            server.put(&close).body(streamed(b"two")),
        ] {
            ask(request.header("content-range", place))
                .await
                .expect_error(400, "SIZE_INVALID");
            let status = session.status(&server).await.expect(204);
            assert_eq!(status.header("range"), "0-3", "{place}");
        }
    }
    ask(session.put(&server, &digest, b"two")).await.expect(201);
}

#[tokio::test]
async fn a_content_range_that_is_none_changes_nothing() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    let digest = digest_of(b"content");
    for place in [
        "",
        "0",
        "-",
        "0-",
        "-6",
        "6-0",
        "a-b",
        "bytes=0-6",
        "+0-6",
        "0-6-7",
        "0x0-0x6",
        "0-18446744073709551616",
    ] {
        for request in [
            session.patch(&server, b"content"),
            session.put(&server, &digest, b"content"),
        ] {
            ask(request.header("content-range", place))
                .await
                .expect_error(400, "BLOB_UPLOAD_INVALID");
        }
    }
    let status = session.status(&server).await.expect(204);
    assert_eq!(status.header("range"), "0-0");
    ask(session.put(&server, &digest, b"content"))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_close_without_a_digest_that_is_one_leaves_the_session() {
    let server = TestServer::start().await;
    let session = Session::start(&server, "app").await;
    ask(session.patch(&server, b"content")).await.expect(202);
    let digest = digest_of(b"content");
    for query in [
        String::new(),
        "?digest=".to_owned(),
        "?digest=sha256:bad".to_owned(),
        "?digest=md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        format!("?digest={}", digest.to_uppercase()),
        format!("?digest={digest}&digest={digest}"),
        format!("?digest={}", &digest[7..]),
    ] {
        let put = server.put(&format!("{}{query}", session.location));
        ask(put).await.expect_error(400, "DIGEST_INVALID");
    }
    ask(session.put(&server, &digest, b"")).await.expect(201);
}

#[tokio::test]
async fn a_start_with_a_parameter_that_makes_no_sense_is_refused() {
    let server = TestServer::start().await;
    for query in [
        "digest-algorithm=md5",
        "digest-algorithm=",
        "digest-algorithm=sha256&digest-algorithm=sha512",
        "digest=sha256:bad",
        "digest=",
    ] {
        let post = server.post(&format!("/v2/app/blobs/uploads/?{query}"));
        ask(post).await.expect_error(400, "DIGEST_INVALID");
    }
}

/// A server that answers and closes while the client still sends looks like a broken connection.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let server = TestServer::start().await;
    let content = random_bytes(1, 8 * 1024 * 1024);
    let nobodys = "/v2/app/blobs/uploads/00000000-0000-4000-8000-000000000000";
    for _ in 0..10 {
        let patch = server.patch(nobodys).body(content.clone());
        ask(patch).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        let put = server.put("/v2/App/manifests/v1").body(content.clone());
        ask(put).await.expect_error(400, "NAME_INVALID");
    }
    let session = Session::start(&server, "app").await;
    let early = server
        .patch(&session.location)
        .header("content-range", format!("1-{}", content.len()))
        .body(content.clone());
    ask(early).await.expect_error(416, "BLOB_UPLOAD_INVALID");
}

/// As a power cut or somebody's clean-up may leave it.
#[tokio::test]
async fn a_session_whose_bytes_are_gone_is_unknown() {
    let server = TestServer::start().await;
    for lost in [false, true] {
        let session = Session::start(&server, "app").await;
        ask(session.patch(&server, b"content")).await.expect(202);
        let staged = server.data_dir().join("store/uploads").join(session.id());
        if lost {
            std::fs::remove_file(&staged).expect("the staged bytes");
        } else {
            std::fs::write(&staged, b"con").expect("fewer bytes");
        }
        let put = session.put(&server, &digest_of(b"content!"), b"!");
        ask(put).await.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
        expect_unknown(&server, &session.location).await;
        assert!(!staged.exists(), "what is left of its bytes is still there");
    }
}
