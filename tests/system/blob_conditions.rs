//! Ranges and conditions of a blob's GET (RFC 9110, sections 13 and 14).

use std::ops::Range;

use reqwest::Method;

use crate::blobs::path;
use crate::support::{Blob, TestServer, ask, digest_of, random_bytes};

enum Want {
    Whole,
    Part(Range<usize>),
    Refused,
}

use Want::{Part, Refused, Whole};

#[tokio::test]
async fn a_range_is_cut_out_exactly() {
    // More than two of the pieces of 256 KiB that the server reads.
    const SIZE: usize = 600_000;
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(1, SIZE));
    blob.push(&server, "app").await;
    for (range, want) in [
        ("bytes=0-0", Part(0..1)),
        ("bytes=500-1499", Part(500..1500)),
        ("bytes=0-", Part(0..SIZE)),
        ("bytes=599999-", Part(SIZE - 1..SIZE)),
        ("bytes=262143-524288", Part(262_143..524_289)),
        ("bytes=-1", Part(SIZE - 1..SIZE)),
        ("bytes=-300000", Part(SIZE - 300_000..SIZE)),
        ("BYTES=5-6", Part(5..7)),
        // Past the end: clamped.
        ("bytes=599000-900000", Part(599_000..SIZE)),
        ("bytes=-900000", Part(0..SIZE)),
        ("bytes=7-18446744073709551615", Part(7..SIZE)),
        // Nothing of it is there.
        ("bytes=600000-", Refused),
        ("bytes=600000-600001", Refused),
        ("bytes=-0", Refused),
        ("bytes=18446744073709551615-", Refused),
        // The conformance suite wants the refusal where RFC 9110 would ignore the header.
        ("bytes=500-0", Refused),
        // Several ranges may be ignored, and another unit has to be.
        ("bytes=0-0,5-6", Whole),
        ("lines=1-2", Whole),
    ] {
        let request = server.get(&path("app", &blob.digest));
        let answer = ask(request.header("range", range)).await;
        match want {
            Whole => {
                let answer = answer.expect(200);
                assert_eq!(answer.maybe("content-range"), None, "{range}");
                assert!(answer.body == blob.bytes, "{range}: {answer:?}");
            }
            Part(part) => {
                let answer = answer.expect(206);
                let place = format!("bytes {}-{}/{SIZE}", part.start, part.end - 1);
                assert_eq!(answer.header("content-range"), place, "{range}");
                assert_eq!(answer.header("docker-content-digest"), blob.digest);
                assert_eq!(answer.header("accept-ranges"), "bytes");
                assert!(answer.body == blob.bytes[part], "{range}: {answer:?}");
            }
            Refused => {
                answer.expect_error(416, "RANGE_INVALID");
                let place = format!("bytes */{SIZE}");
                assert_eq!(answer.header("content-range"), place, "{range}");
            }
        }
    }
}

#[tokio::test]
async fn the_empty_blob_has_no_range() {
    let server = TestServer::start().await;
    let blob = Blob::new("");
    blob.push(&server, "app").await;
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
        let request = server.get(&path("app", &blob.digest));
        let answer = ask(request.header("range", range)).await;
        answer.expect_error(416, "RANGE_INVALID");
        assert_eq!(answer.header("content-range"), "bytes */0", "{range}");
    }
}

#[tokio::test]
async fn head_ignores_a_range() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(2, 2048));
    blob.push(&server, "app").await;
    for range in ["bytes=0-9", "bytes=5000-"] {
        let request = server.head(&path("app", &blob.digest));
        let answer = ask(request.header("range", range)).await.expect(200);
        assert_eq!(answer.header("content-length"), "2048", "{range}");
    }
}

#[tokio::test]
async fn if_range_gives_the_part_only_of_the_same_content() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(3, 2048));
    blob.push(&server, "app").await;
    let tag = format!("\"{}\"", blob.digest);
    for (if_range, status, length) in [
        (tag.clone(), 206, 10),
        // A weak tag never matches here (RFC 9110, section 13.1.5).
        (format!("W/{tag}"), 200, 2048),
        (format!("\"{}\"", digest_of(b"other")), 200, 2048),
        (blob.digest.clone(), 200, 2048),
        ("Tue, 15 Nov 1994 12:45:26 GMT".to_owned(), 200, 2048),
    ] {
        let request = server
            .get(&path("app", &blob.digest))
            .header("range", "bytes=0-9")
            .header("if-range", &if_range);
        let answer = ask(request).await.expect(status);
        assert!(
            answer.body == blob.bytes[..length],
            "{if_range}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_has_the_blob_is_not_sent_it_again() {
    let server = TestServer::start().await;
    let blob = Blob::new("content");
    blob.push(&server, "app").await;
    let tag = format!("\"{}\"", blob.digest);
    for (condition, status) in [
        (tag.clone(), 304),
        (format!("W/{tag}"), 304),
        (format!("\"other\", {tag}"), 304),
        ("*".to_owned(), 304),
        ("\"other\"".to_owned(), 200),
        (blob.digest.clone(), 200),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let request = server
                .request(method, &path("app", &blob.digest))
                .header("if-none-match", &condition);
            let answer = ask(request).await.expect(status);
            assert_eq!(answer.header("etag"), tag, "{condition}");
            assert_eq!(answer.header("docker-content-digest"), blob.digest);
        }
    }
    // It goes before a range, and a blob that is not there matches nothing.
    let request = server
        .get(&path("app", &blob.digest))
        .header("range", "bytes=0-1");
    ask(request.header("if-none-match", &tag)).await.expect(304);
    let request = server.get(&path("elsewhere", &blob.digest));
    ask(request.header("if-none-match", "*"))
        .await
        .expect_error(404, "BLOB_UNKNOWN");
}
