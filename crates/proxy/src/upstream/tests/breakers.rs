use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use reqwest::Url;
use tokio::time;

use super::fake::{Fake, answer};
use super::{SOON, app, tag, upstream, whole};
use crate::upstream::breaker::Breaker;
use crate::upstream::error::Asked;
use crate::upstream::{Operation, UpstreamError};

fn asked() -> Asked {
    let url: Url = "https://registry.example.com".parse().expect("a URL");
    Asked::new(&url, "something")
}

fn outage() -> UpstreamError {
    UpstreamError::Timeout { asked: asked() }
}

fn fail(breaker: &Breaker) -> bool {
    match breaker.pass(&asked()) {
        Ok(pass) => {
            breaker.failed(&pass, &outage());
            true
        }
        Err(_) => false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_waits_twice_as_long_after_each_probe_that_fails() {
    let breaker = Breaker::default();
    assert!((0..3).all(|_| fail(&breaker)));
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert!(!fail(&breaker), "{wait}");
        time::advance(Duration::from_secs(wait) - Duration::from_millis(1)).await;
        assert!(!fail(&breaker), "{wait}");
        time::advance(Duration::from_millis(1)).await;
        assert!(fail(&breaker), "{wait}");
    }
    time::advance(Duration::from_secs(60)).await;
    drop(breaker.pass(&asked()).expect("a probe"));
    breaker.answered();
    assert!((0..3).all(|_| fail(&breaker)));
    assert!(!fail(&breaker));
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_passes_and_one_that_is_dropped_makes_place() {
    let breaker = Breaker::default();
    assert!((0..3).all(|_| fail(&breaker)));
    time::advance(Duration::from_secs(1)).await;
    let probe = breaker.pass(&asked()).expect("a probe");
    assert!(breaker.pass(&asked()).is_err());
    drop(probe);
    assert!(breaker.pass(&asked()).is_ok());
}

#[tokio::test]
async fn after_three_failures_in_a_row_the_error_is_answered_here() {
    let status = Arc::new(AtomicU16::new(503));
    let now = Arc::clone(&status);
    let registry = Fake::start(move |_| answer(now.load(Ordering::Relaxed), &[], "x")).await;
    let upstream = upstream(&registry.url);
    let manifest = || async { upstream.manifest(&app(), &tag(), SOON).await };
    for _ in 0..2 {
        manifest().await.expect_err("an outage");
    }
    status.store(404, Ordering::Relaxed);
    manifest().await.expect_err("not there, and so no outage");
    status.store(503, Ordering::Relaxed);
    for _ in 0..5 {
        let error = manifest().await.expect_err("an outage");
        assert!(matches!(error, UpstreamError::Server { .. }), "{error}");
    }
    assert_eq!(registry.requests().len(), 6);
    let open = |operation| {
        let operations = upstream.state().operations;
        let mut operations = operations.into_iter();
        let found = operations.find(|state| state.operation == operation);
        found.expect("every operation").open_for.is_some()
    };
    assert!(open(Operation::Manifest));
    assert!(!open(Operation::Blob));

    status.store(200, Ordering::Relaxed);
    let blob = whole(&upstream);
    blob.await.expect("another operation");
    manifest().await.expect_err("too early");
    time::pause();
    time::advance(Duration::from_secs(1)).await;
    time::resume();
    manifest().await.expect("a manifest");
    assert!(!open(Operation::Manifest));
}
