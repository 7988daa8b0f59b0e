//! Uploads that are cut, killed, or worked on by two clients at the same time.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{
    Session, TestServer, ask, digest_of, random_bytes, read_answer, sha512_of, signed_in,
};

/// Longer than what is waited for takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often two clients meet: each time they may do so in another way.
fn rounds() -> u64 {
    match std::env::var_os("BERTH_TEST_FULL") {
        Some(_) => 300,
        None => 10,
    }
}

/// Begins a request that says it has `length` bytes, and sends only these.
async fn begin(server: &TestServer, line: &str, length: usize, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.host())
        .await
        .expect("a connection");
    let head = format!(
        "{line} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
        server.host()
    );
    stream
        .write_all(signed_in(&head).as_bytes())
        .await
        .expect("a server");
    stream.write_all(bytes).await.expect("a server");
    stream
}

/// Waits until the status says that so many bytes were received.
async fn wait_for_status(server: &TestServer, session: &Session, received: usize) {
    let wanted = format!("0-{}", received - 1);
    let begun = Instant::now();
    loop {
        let answer = session.status(server).await.expect(204);
        if answer.header("range") == wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {wanted}: {answer:?}");
    }
}

/// Waits until the store has so many bytes of the session, which the status does not tell while a
/// request is under way.
async fn wait_for_staged(server: &TestServer, session: &Session, length: usize) {
    let staged = server.data_dir().join("store/uploads").join(session.id());
    let begun = Instant::now();
    while std::fs::metadata(&staged).map_or(0, |file| file.len()) < length as u64 {
        assert!(begun.elapsed() < PATIENCE, "{length} bytes never came");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_arrived_of_a_patch_that_is_cut_is_kept() {
    let server = TestServer::start().await;
    let content = random_bytes(1, 4_000_000);
    // In the head of the first batch of 1 MiB, in its middle, at and behind its end.
    for cut in [1, 500_000, 1_048_576, 2_600_001] {
        for digest in [digest_of(&content), sha512_of(&content)] {
            let session = Session::start(&server, "app").await;
            let line = format!("PATCH {}", session.location);
            drop(begin(&server, &line, content.len(), &content[..cut]).await);
            wait_for_status(&server, &session, cut).await;
            let patch = session.patch_at(&server, cut, &content[cut..]);
            ask(patch).await.expect(202);
            ask(session.put(&server, &digest, b"")).await.expect(201);
            let path = format!("/v2/app/blobs/{digest}");
            let blob = ask(server.get(&path)).await.expect(200);
            assert!(blob.body == content, "cut at {cut}: {blob:?}");
        }
    }
}

#[tokio::test]
async fn a_put_that_is_cut_leaves_the_session_as_it_was() {
    let server = TestServer::start().await;
    let content = random_bytes(2, 3_000_000);
    let digest = digest_of(&content);
    let session = Session::start(&server, "app").await;
    ask(session.patch(&server, &content[..1000]))
        .await
        .expect(202);
    let line = format!("PUT {}?digest={digest}", session.location);
    let cut = begin(&server, &line, 2_999_000, &content[1000..2_000_000]).await;
    wait_for_staged(&server, &session, 1_000_000).await;
    drop(cut);
    // Waits for the cut request to end, since one request at a time works on a session.
    let put = session.put(&server, &digest, &content[1000..]);
    ask(put).await.expect(201);
    let path = format!("/v2/app/blobs/{digest}");
    let blob = ask(server.get(&path)).await.expect(200);
    assert!(blob.body == content, "{blob:?}");
}

#[tokio::test]
async fn a_post_that_is_cut_stores_nothing() {
    let server = TestServer::start().await;
    let content = random_bytes(3, 3_000_000);
    let line = format!("POST /v2/app/blobs/uploads/?digest={}", digest_of(&content));
    let cut = begin(&server, &line, content.len(), &content[..2_000_000]).await;
    let uploads = server.data_dir().join("store/uploads");
    let count = || std::fs::read_dir(&uploads).expect("a folder").count();
    let begun = Instant::now();
    while count() == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing came");
        tokio::task::yield_now().await;
    }
    drop(cut);
    while count() > 0 {
        assert!(begun.elapsed() < PATIENCE, "its bytes are still there");
        tokio::task::yield_now().await;
    }
    let path = format!("/v2/app/blobs/{}", digest_of(&content));
    ask(server.get(&path))
        .await
        .expect_error(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_session_goes_on_after_a_kill_between_any_two_requests() {
    let mut server = TestServer::start().await;
    let content = random_bytes(4, 3_000_001);
    for (parameter, digest) in [
        ("", digest_of(&content)),
        ("", sha512_of(&content)),
        ("?digest-algorithm=sha512", sha512_of(&content)),
    ] {
        let path = format!("/v2/app/blobs/uploads/{parameter}");
        let session = Session::of(&ask(server.post(&path)).await.expect(202));
        server = server.restart().await;
        let mut sent = 0;
        // Odd lengths, so that the hash is put aside in the middle of its block.
        for chunk in content.chunks(1_000_003) {
            if sent > 0 {
                wait_for_status(&server, &session, sent).await;
            }
            let patch = session.patch_at(&server, sent, chunk);
            ask(patch).await.expect(202);
            sent += chunk.len();
            server = server.restart().await;
        }
        ask(session.put(&server, &digest, b"")).await.expect(201);
        server = server.restart().await;
        let path = format!("/v2/app/blobs/{digest}");
        let blob = ask(server.get(&path)).await.expect(200);
        assert!(blob.body == content, "{digest}: {blob:?}");
        ask(server.delete(&path)).await.expect(202);
    }
}

#[tokio::test]
async fn a_session_goes_on_from_its_last_answer_after_a_kill_inside_a_patch() {
    let server = TestServer::start().await;
    let content = random_bytes(5, 500_000);
    let digest = digest_of(&content);
    let session = Session::start(&server, "app").await;
    ask(session.patch(&server, &content[..1001]))
        .await
        .expect(202);
    let line = format!("PATCH {}", session.location);
    // More than the whole blob, so that what is left of it would show.
    let garbage = vec![0; 3_000_000];
    let cut = begin(&server, &line, 4_000_000, &garbage).await;
    wait_for_staged(&server, &session, 1_000_000).await;
    let server = server.restart().await;
    drop(cut);
    let status = session.status(&server).await.expect(204);
    assert_eq!(status.header("range"), "0-1000", "{status:?}");
    let patch = session.patch_at(&server, 1001, &content[1001..2000]);
    ask(patch).await.expect(202);
    ask(session.put(&server, &digest, &content[2000..]))
        .await
        .expect(201);
    let path = format!("/v2/app/blobs/{digest}");
    let blob = ask(server.get(&path)).await.expect(200);
    assert!(blob.body == content, "{blob:?}");
    let id = session.id();
    let object = server
        .data_dir()
        .join("store/blobs")
        .join(&id[..2])
        .join(id);
    let length = std::fs::metadata(object).expect("the blob's file").len();
    assert_eq!(length, content.len() as u64, "what was cut is still there");
}

#[tokio::test]
async fn two_patches_at_the_same_time_are_never_mixed() {
    let server = TestServer::start().await;
    for round in 0..rounds() {
        let one = random_bytes(1000 + round, 2_000_000);
        let two = random_bytes(2000 + round, 1_500_000);
        let session = Session::start(&server, "app").await;
        let (first, second) = tokio::join!(
            ask(session.patch(&server, &one)),
            ask(session.patch(&server, &two))
        );
        // Neither says where it belongs, so both are taken, one behind the other.
        let (first, second) = (first.expect(202), second.expect(202));
        let ends = (first.header("range"), second.header("range"));
        let content = match ends {
            ("0-1999999", "0-3499999") => [one, two].concat(),
            ("0-3499999", "0-1499999") => [two, one].concat(),
            other => panic!("not one behind the other: {other:?}"),
        };
        let digest = digest_of(&content);
        ask(session.put(&server, &digest, b"")).await.expect(201);
        let blob = ask(server.get(&format!("/v2/app/blobs/{digest}"))).await;
        assert!(blob.body == content, "round {round}: {blob:?}");
    }
}

#[tokio::test]
async fn of_two_patches_for_the_same_place_one_is_out_of_order() {
    let server = TestServer::start().await;
    for round in 0..rounds() {
        let content = random_bytes(3000 + round, 60_000);
        let session = Session::start(&server, "app").await;
        let (first, second) = tokio::join!(
            ask(session.patch_at(&server, 0, &content)),
            ask(session.patch_at(&server, 0, &content))
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 416], "{first:?} {second:?}");
        let digest = digest_of(&content);
        ask(session.put(&server, &digest, b"")).await.expect(201);
    }
}

#[tokio::test]
async fn of_two_closes_at_the_same_time_one_finds_no_session() {
    let server = TestServer::start().await;
    for round in 0..rounds() {
        let content = random_bytes(4000 + round, 60_000);
        let digest = digest_of(&content);
        let session = Session::start(&server, "app").await;
        let (first, second) = tokio::join!(
            ask(session.put(&server, &digest, &content)),
            ask(session.put(&server, &digest, &content))
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 404], "{first:?} {second:?}");
        let blob = ask(server.get(&format!("/v2/app/blobs/{digest}"))).await;
        assert!(blob.body == content, "round {round}: {blob:?}");
    }
}

#[tokio::test]
async fn a_request_for_a_session_that_stays_busy_is_told_to_come_again() {
    let server = TestServer::start().await;
    let content = random_bytes(6, 3_000_000);
    let digest = digest_of(&content);
    let session = Session::start(&server, "app").await;
    let line = format!("PATCH {}", session.location);
    let mut slow = begin(&server, &line, content.len(), &content[..2_000_000]).await;
    wait_for_staged(&server, &session, 1_000_000).await;
    let (patch, put, cancel) = tokio::join!(
        ask(session.patch(&server, b"content")),
        ask(session.put(&server, &digest, b"content")),
        ask(server.delete(&session.location)),
    );
    for answer in [patch, put, cancel] {
        answer.expect_error(409, "BLOB_UPLOAD_INVALID");
        assert_eq!(answer.header("retry-after"), "1");
    }
    // The one that was first has not noticed.
    slow.write_all(&content[2_000_000..])
        .await
        .expect("a server");
    read_answer(&line, slow).await.expect(202);
    ask(session.put(&server, &digest, b"")).await.expect(201);
}
