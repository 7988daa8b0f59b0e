use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Url;
use tokio::time::Instant;

use super::fake::{Fake, answer, ok};
use super::{app, digest, read, settings, upstream};
use crate::upstream::body::BlobBody;
use crate::upstream::error::Nonsense;
use crate::upstream::error::{Asked, Cause};
use crate::upstream::link::Link;
use crate::upstream::throttle::Throttle;
use crate::upstream::{BlobRange, UpstreamError};

const REST: BlobRange = BlobRange { from: 4, to: None };

#[tokio::test]
async fn a_part_is_asked_for_with_a_range() {
    let registry = Fake::start(|seen| match seen.header("range") {
        Some("bytes=4-") => answer(206, &[("content-range", "bytes 4-9/10")], "456789"),
        Some("bytes=2-4") => answer(206, &[("content-range", "bytes 2-4/10")], "234"),
        _ => ok("0123456789"),
    })
    .await;
    let upstream = upstream(&registry.url);
    let middle = BlobRange {
        from: 2,
        to: Some(5),
    };
    let cases = [
        (BlobRange::default(), 0, "0123456789"),
        (REST, 4, "456789"),
        (middle, 2, "234"),
    ];
    for (range, start, expected) in cases {
        let blob = upstream
            .blob(&app(), &digest(b"x"), range)
            .await
            .expect("a blob");
        assert_eq!((blob.start, blob.total_bytes), (start, Some(10)));
        assert_eq!(read(blob).await.expect("bytes"), expected);
    }
    assert_eq!(upstream.state().bytes_fetched, 19);
}

#[tokio::test]
async fn a_registry_that_knows_no_ranges_gives_the_whole() {
    let registry = Fake::start(|_| ok("0123456789")).await;
    let upstream = upstream(&registry.url);
    let blob = upstream
        .blob(&app(), &digest(b"x"), REST)
        .await
        .expect("a blob");
    assert_eq!((blob.start, blob.total_bytes), (0, Some(10)));
    assert_eq!(read(blob).await.expect("bytes"), "0123456789");
}

#[tokio::test]
async fn another_part_than_was_asked_for_is_refused() {
    for (status, range) in [
        (206, "bytes 3-9/10"),
        (206, "bytes */10"),
        (416, "bytes */3"),
    ] {
        let registry =
            Fake::start(move |_| answer(status, &[("content-range", range)], "3456789")).await;
        let upstream = upstream(&registry.url);
        let error = upstream.blob(&app(), &digest(b"x"), REST).await;
        let error = error.err().expect("an error");
        assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_ends_before_its_length_is_cut() {
    let short = |_: &_| {
        let pieces = ["0123", "45"].map(|piece| Ok(Bytes::from(piece)));
        let broken = async {
            // The server sends what it has when it would have to wait.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("broken"))
        };
        let body = Body::from_stream(stream::iter(pieces).chain(stream::once(broken)));
        answer(200, &[("content-length", "10")], body)
    };
    let half = |_: &_| answer(206, &[("content-range", "bytes 4-6/10")], "456");
    let registries = [(Fake::start(short).await, 6), (Fake::start(half).await, 3)];
    for (registry, expected) in registries {
        let upstream = upstream(&registry.url);
        let blob = upstream
            .blob(&app(), &digest(b"x"), REST)
            .await
            .expect("a blob");
        let mut body = blob.body;
        let mut got = 0;
        let error = loop {
            match body.try_next().await {
                Ok(piece) => got += piece.expect("no end before the cut").len(),
                Err(error) => break error,
            }
        };
        let UpstreamError::Cut { received_bytes, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((got, received_bytes), (expected, expected as u64));
        assert!(body.next().await.is_none());
    }
}

fn body_of<S>(bytes: S, expected_bytes: u64) -> BlobBody<S> {
    let url: Url = "http://127.0.0.1:1".parse().expect("a URL");
    let link = Link::new(settings(&url), Arc::new(berth_registry::SystemClock));
    BlobBody {
        bytes,
        asked: Asked::new(&url, "a blob"),
        expected_bytes: Some(expected_bytes),
        received_bytes: 0,
        link: Arc::new(link.expect("a client")),
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_silent_for_twenty_seconds_is_given_up() {
    let first = stream::iter([Ok::<_, Cause>(Bytes::from_static(b"0123"))]);
    let mut body = body_of(first.chain(stream::pending()), 10).stream();
    let begun = Instant::now();
    assert_eq!(body.try_next().await.expect("bytes"), Some("0123".into()));
    let error = body.try_next().await.expect_err("silence");
    assert!(matches!(error, UpstreamError::Stalled { .. }), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn more_bytes_than_were_announced_are_refused() {
    let bytes = stream::iter(["0123", "4567"].map(|piece| Ok::<_, Cause>(Bytes::from(piece))));
    let mut body = body_of(bytes, 6).stream();
    body.try_next().await.expect("bytes");
    let error = body.try_next().await.expect_err("too many");
    let UpstreamError::Invalid { nonsense, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*nonsense, Nonsense::TooLong);
}

#[tokio::test(start_paused = true)]
async fn all_downloads_together_keep_to_the_pace() {
    let throttle = Throttle::new(Some(1000));
    let begun = Instant::now();
    let download = || async {
        for _ in 0..10 {
            throttle.take(500).await;
        }
    };
    tokio::join!(download(), download());
    let took = begun.elapsed();
    let expected = Duration::from_secs(10);
    assert!(
        took.abs_diff(expected) < Duration::from_millis(100),
        "{took:?}"
    );
}
