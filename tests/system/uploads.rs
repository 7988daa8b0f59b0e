//! end-4 to end-6: every shape in which clients push a blob.

use crate::support::{
    Answer, Session, TestServer, ask, digest_of, place, random_bytes, sha512_of, streamed,
};

const REPOSITORY: &str = "team/app";

#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Docker: one PATCH without a length, then an empty PUT.
    Streamed,
    /// podman, skopeo, crane: one PATCH with a length, then an empty PUT.
    Patched,
    /// containerd, BuildKit, oras.
    WholePut,
    /// Without a session.
    SinglePost,
    /// regctl: chunks with Content-Range.
    Chunks,
    /// The same, with the unit that RFC 9110 has and the specification leaves out.
    ChunksWithUnit,
    /// The last chunk comes with the PUT.
    ClosingChunk,
    /// The last bytes come with the PUT, and nothing says where they belong.
    ClosingBytes,
}

const SHAPES: [Shape; 8] = [
    Shape::Streamed,
    Shape::Patched,
    Shape::WholePut,
    Shape::SinglePost,
    Shape::Chunks,
    Shape::ChunksWithUnit,
    Shape::ClosingChunk,
    Shape::ClosingBytes,
];

impl Shape {
    /// Pushes, and gives the last answer and the session, if there was one.
    async fn push(
        self,
        server: &TestServer,
        parameter: &str,
        bytes: &[u8],
        digest: &str,
    ) -> (Answer, Option<Session>) {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/{parameter}");
        if matches!(self, Self::SinglePost) {
            let and = if parameter.is_empty() { '?' } else { '&' };
            let post = server.post(&format!("{path}{and}digest={digest}"));
            return (ask(post.body(bytes.to_vec())).await, None);
        }
        let answer = ask(server.post(&path)).await;
        let session = check_session(&answer, 202, 0);
        let closing = match self {
            Self::Streamed => {
                let patch = server.patch(&session.location).body(streamed(bytes));
                check_session(&ask(patch).await, 202, bytes.len());
                session.put(server, digest, b"")
            }
            Self::Patched => {
                let answer = ask(session.patch(server, bytes)).await;
                check_session(&answer, 202, bytes.len());
                session.put(server, digest, b"")
            }
            Self::WholePut => session.put(server, digest, bytes),
            Self::SinglePost => unreachable!("it has no session"),
            Self::Chunks | Self::ChunksWithUnit => {
                let unit = match self {
                    Self::ChunksWithUnit => "bytes ",
                    _ => "",
                };
                patch_chunks(server, &session, bytes, unit, usize::MAX).await;
                session.put(server, digest, b"")
            }
            Self::ClosingChunk => {
                let sent = patch_chunks(server, &session, bytes, "", 2).await;
                let rest = &bytes[sent..];
                let put = session.put(server, digest, rest);
                match rest {
                    [] => put,
                    rest => put.header("content-range", place(sent, rest)),
                }
            }
            Self::ClosingBytes => {
                let (first, rest) = bytes.split_at(bytes.len() / 2);
                let answer = ask(session.patch(server, first)).await;
                check_session(&answer, 202, first.len());
                session.put(server, digest, rest)
            }
        };
        (ask(closing).await, Some(session))
    }
}

/// Sends at most `count` of three chunks, and gives the number of bytes sent.
async fn patch_chunks(
    server: &TestServer,
    session: &Session,
    bytes: &[u8],
    unit: &str,
    count: usize,
) -> usize {
    let mut sent = 0;
    for chunk in bytes.chunks(bytes.len() / 3 + 1).take(count) {
        let patch = session
            .patch(server, chunk)
            .header("content-range", format!("{unit}{}", place(sent, chunk)));
        sent += chunk.len();
        check_session(&ask(patch).await, 202, sent);
    }
    sent
}

/// What every answer about a session has to say.
#[track_caller]
fn check_session(answer: &Answer, status: u16, received: usize) -> Session {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    let session = Session::of(answer);
    // Relative: an absolute one with another scheme makes containerd drop its credentials.
    let place = format!("/v2/{REPOSITORY}/blobs/uploads/");
    assert!(session.location.starts_with(&place), "{answer:?}");
    assert_eq!(answer.header("docker-upload-uuid"), session.id());
    // Docker scans `%d-%d`: no unit, and `0-0` where nothing has come.
    let range = format!("0-{}", received.saturating_sub(1));
    assert_eq!(answer.header("range"), range, "{answer:?}");
    session
}

#[tokio::test]
async fn every_shape_of_push_stores_the_same_blob() {
    type DigestOf = fn(&[u8]) -> String;
    let hashes: [(&str, DigestOf); 4] = [
        ("", digest_of),
        ("", sha512_of),
        ("?digest-algorithm=sha256", digest_of),
        ("?digest-algorithm=sha512", sha512_of),
    ];
    let server = TestServer::start().await;
    let mut seed = 0;
    for shape in SHAPES {
        for (parameter, digest_of) in hashes {
            // The last is more than the server hashes and writes at a time.
            for length in [0, 1, 3067, 2_500_000] {
                seed += 1;
                let bytes = random_bytes(seed, length);
                let digest = digest_of(&bytes);
                let (answer, session) = shape.push(&server, parameter, &bytes, &digest).await;
                let answer = answer.expect(201);
                let location = format!("/v2/{REPOSITORY}/blobs/{digest}");
                assert_eq!(answer.header("location"), location, "{shape:?}");
                assert_eq!(answer.header("docker-content-digest"), digest, "{shape:?}");
                // Readable the moment that 201 is sent.
                let blob = ask(server.get(&location)).await.expect(200);
                assert!(blob.body == bytes, "{shape:?} {parameter}: {blob:?}");
                if let Some(session) = session {
                    let answer = session.status(&server).await;
                    answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
                }
            }
        }
    }
}

#[tokio::test]
async fn no_shape_of_push_stores_content_under_a_digest_that_it_does_not_have() {
    let server = TestServer::start().await;
    let bytes = random_bytes(1, 3067);
    let wrong = [digest_of(b"other content"), sha512_of(b"other content")];
    for shape in SHAPES {
        for declared in &wrong {
            let (answer, session) = shape.push(&server, "", &bytes, declared).await;
            answer.expect_error(400, "DIGEST_INVALID");
            for digest in [declared, &digest_of(&bytes), &sha512_of(&bytes)] {
                let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
                ask(server.get(&path))
                    .await
                    .expect_error(404, "BLOB_UNKNOWN");
            }
            if let Some(session) = session {
                let answer = session.status(&server).await;
                answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN");
            }
        }
    }
}

#[tokio::test]
async fn a_push_may_leave_the_slash_out_and_encode_the_digest() {
    let server = TestServer::start().await;
    let answer = ask(server.post(&format!("/v2/{REPOSITORY}/blobs/uploads"))).await;
    let session = check_session(&answer, 202, 0);
    let encoded = digest_of(b"content").replace(':', "%3A");
    ask(session.put(&server, &encoded, b"content"))
        .await
        .expect(201);

    let encoded = digest_of(b"more content").replace(':', "%3a");
    let path = format!("/v2/{REPOSITORY}/blobs/uploads?digest={encoded}");
    ask(server.post(&path).body("more content"))
        .await
        .expect(201);
}

#[tokio::test]
async fn any_content_type_or_none_will_do() {
    let server = TestServer::start().await;
    for content_type in ["application/octet-stream", "text/plain", "x"] {
        let path = format!(
            "/v2/{REPOSITORY}/blobs/uploads/?digest={}",
            digest_of(content_type.as_bytes())
        );
        let post = server.post(&path).header("content-type", content_type);
        ask(post.body(content_type)).await.expect(201);
    }
}

#[tokio::test]
async fn a_blob_pushed_again_is_the_same_blob() {
    let server = TestServer::start().await;
    let bytes = random_bytes(1, 3067);
    let digest = digest_of(&bytes);
    for shape in SHAPES {
        let (answer, _) = shape.push(&server, "", &bytes, &digest).await;
        let stored = answer.expect(201);
        let blob = ask(server.get(stored.location())).await.expect(200);
        assert!(blob.body == bytes, "{shape:?}: {blob:?}");
    }
}
