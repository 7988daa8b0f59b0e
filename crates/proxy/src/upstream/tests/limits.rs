use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use tokio::time;

use super::fake::{Fake, answer, ok, status};
use super::{SOON, app, changed, digest, tag, upstream, whole};
use crate::settings::Profile;
use crate::upstream::{Upstream, UpstreamError};

async fn pass(seconds: u64) {
    time::pause();
    time::advance(Duration::from_secs(seconds)).await;
    time::resume();
}

async fn refused_for(upstream: &Upstream) -> u64 {
    let error = upstream.manifest(&app(), &tag(), SOON).await;
    match error.expect_err("too many requests") {
        UpstreamError::TooManyRequests { retry_after, .. } => {
            retry_after.expect("a time").as_secs_f64().ceil() as u64
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn after_a_429_nothing_is_asked_until_it_said() {
    let asked = AtomicUsize::new(0);
    let registry = Fake::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => answer(429, &[("retry-after", "30")], ""),
        _ => ok("manifest"),
    })
    .await;
    let upstream = upstream(&registry.url);
    assert_eq!(refused_for(&upstream).await, 30);
    pass(10).await;
    assert_eq!(refused_for(&upstream).await, 20);
    let blob = whole(&upstream);
    let error = blob.await.err().expect("too many requests");
    assert!(error.to_string().contains("for blob sha256:"), "{error}");
    assert_eq!(registry.requests().len(), 1);
    assert!(upstream.state().paused_for.is_some());

    pass(21).await;
    upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect("a manifest");
    upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect("a manifest");
    assert_eq!(registry.requests().len(), 3);
}

#[tokio::test]
async fn a_long_limit_is_tried_once_a_minute() {
    let registry = Fake::start(|_| answer(429, &[("retry-after", "7200")], "")).await;
    let upstream = upstream(&registry.url);
    assert_eq!(refused_for(&upstream).await, 7200);
    pass(59).await;
    assert_eq!(refused_for(&upstream).await, 7141);
    assert_eq!(registry.requests().len(), 1);
    pass(2).await;
    refused_for(&upstream).await;
    refused_for(&upstream).await;
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn without_pulls_left_only_what_costs_none_is_asked() {
    let registry = Fake::start(|_| {
        let headers = [
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", "0;w=21600"),
            ("docker-ratelimit-source", "192.0.2.1"),
            ("docker-content-digest", "blake3:unknown"),
        ];
        answer(200, &headers, "manifest")
    })
    .await;
    let upstream = upstream(&registry.url);
    assert!(!upstream.quota_low());
    upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect("the last pull");
    assert!(upstream.quota_low());
    let quota = upstream.state().quota.expect("a quota");
    assert_eq!((quota.limit, quota.remaining), (100, 0));
    assert_eq!(refused_for(&upstream).await, 21600);
    let blob = whole(&upstream);
    blob.await.expect("a blob");
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn a_head_that_tells_of_pulls_left_opens_again() {
    let registry = Fake::start(|seen| {
        let left = if seen.method == "HEAD" { "5" } else { "0" };
        let told = digest(b"manifest").to_string();
        let headers = [
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", left),
            ("docker-content-digest", told.as_str()),
        ];
        answer(200, &headers, "manifest")
    })
    .await;
    let upstream = upstream(&registry.url);
    upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect("a manifest");
    refused_for(&upstream).await;
    upstream
        .describe_manifest(&app(), &tag(), SOON)
        .await
        .expect("a description");
    upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect("a manifest");
    assert_eq!(registry.requests().len(), 3);
}

#[tokio::test]
async fn an_accelerator_that_forbids_is_left_alone_for_ten_minutes() {
    let registry = Fake::start(|_| status(StatusCode::FORBIDDEN)).await;
    let upstream = changed(&registry.url, |settings| {
        settings.profile = Profile::AliyunAccelerator;
    });
    for (wait, requests) in [(0, 1), (0, 1), (590, 1), (20, 2), (0, 2)] {
        pass(wait).await;
        let error = upstream.manifest(&app(), &tag(), SOON).await;
        let error = error.expect_err("forbidden");
        assert!(matches!(error, UpstreamError::Forbidden { .. }), "{error}");
        assert_eq!(registry.requests().len(), requests);
    }
}
