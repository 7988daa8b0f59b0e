//! end-11: a blob taken over from another repository.

use crate::support::{Blob, Session, TestServer, ask, digest_of, random_bytes, sha512_of};

fn mount(query: &str) -> String {
    format!("/v2/target/blobs/uploads/?{query}")
}

#[tokio::test]
async fn a_blob_is_mounted_from_the_repository_that_has_it() {
    for from in ["&from=team/source", "&from=team%2Fsource", ""] {
        let server = TestServer::start().await;
        let blob = Blob::new("content");
        blob.push(&server, "team/source").await;
        let encoded = blob.digest.replace(':', "%3A");
        let answer = ask(server.post(&mount(&format!("mount={encoded}{from}"))))
            .await
            .expect(201);
        let location = format!("/v2/target/blobs/{}", blob.digest);
        assert_eq!(answer.header("location"), location);
        assert_eq!(answer.header("docker-content-digest"), blob.digest);
        let source = format!("/v2/team/source/blobs/{}", blob.digest);
        ask(server.delete(&source)).await.expect(202);
        let pulled = ask(server.get(&location)).await.expect(200);
        assert_eq!(pulled.body, blob.bytes, "{from}");
    }
}

#[tokio::test]
async fn a_mount_that_nothing_satisfies_becomes_a_session() {
    let server = TestServer::start().await;
    let blob = Blob::new("content");
    blob.push(&server, "source").await;
    let missing = digest_of(b"missing");
    for (query, content) in [
        (format!("mount={missing}&from=source"), "missing"),
        (format!("mount={missing}&from=nobody"), "missing"),
        (format!("mount={}&from=nobody", blob.digest), "content"),
        (format!("mount={}", sha512_of(b"content")), "content"),
    ] {
        let answer = ask(server.post(&mount(&query))).await.expect(202);
        assert_eq!(answer.header("range"), "0-0", "{query}");
        let session = Session::of(&answer);
        assert!(session.location.starts_with("/v2/target/blobs/uploads/"));
        assert_eq!(answer.header("docker-upload-uuid"), session.id());
        let digest = query[6..].split('&').next().expect("a digest");
        // The refusal gave nothing away: what was asked for is not in the target.
        let path = format!("/v2/target/blobs/{digest}");
        ask(server.get(&path))
            .await
            .expect_error(404, "BLOB_UNKNOWN");
        let put = session.put(&server, digest, content.as_bytes());
        ask(put).await.expect(201);
        ask(server.delete(&path)).await.expect(202);
    }
}

#[tokio::test]
async fn a_blob_that_every_repository_has_deleted_is_not_mounted() {
    let server = TestServer::start().await;
    let blob = Blob::new("content");
    blob.push(&server, "source").await;
    let source = format!("/v2/source/blobs/{}", blob.digest);
    ask(server.delete(&source)).await.expect(202);
    for from in ["", "&from=source"] {
        let post = server.post(&mount(&format!("mount={}{from}", blob.digest)));
        ask(post).await.expect(202);
    }
}

#[tokio::test]
async fn a_mount_of_a_digest_that_is_none_is_refused() {
    let server = TestServer::start().await;
    let digest = digest_of(b"content");
    for (query, code) in [
        ("mount=".to_owned(), "DIGEST_INVALID"),
        ("mount=sha256:bad&from=source".to_owned(), "DIGEST_INVALID"),
        (format!("mount={digest}&mount={digest}"), "DIGEST_INVALID"),
    ] {
        let post = server.post(&mount(&query));
        ask(post).await.expect_error(400, code);
    }
}

/// Also when another repository has the blob: a name that can not exist is no reason to look
/// everywhere.
#[tokio::test]
async fn a_mount_from_a_name_that_can_not_exist_becomes_a_session() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(9, 100));
    blob.push(&server, "source").await;
    for from in ["", "UPPER", "a//b", "..", "%E4"] {
        let post = server.post(&mount(&format!("mount={}&from={from}", blob.digest)));
        let answer = ask(post).await.expect(202);
        assert_eq!(answer.header("range"), "0-0", "{from}: {answer:?}");
    }
}
