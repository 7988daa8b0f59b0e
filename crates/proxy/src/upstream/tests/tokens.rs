use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use futures_util::stream;
use http::StatusCode;
use reqwest::Url;
use tokio::sync::Notify;
use tokio::time;

use super::fake::{Fake, answer, ok, status};
use super::{app, changed, digest, password, read, upstream, whole};
use crate::settings::{Credentials, Secret};
use crate::upstream::guard::Refusal;
use crate::upstream::{BlobRange, UpstreamError};

/// A token service that gives `t1`, `t2` and so on, each for ten seconds.
async fn token_service() -> Fake {
    let given = AtomicUsize::new(0);
    Fake::at("127.0.0.2", move |_| {
        let count = given.fetch_add(1, Ordering::Relaxed) + 1;
        ok(format!(r#"{{"token":"t{count}","expires_in":10}}"#))
    })
    .await
}

/// A registry that takes tokens of a number or above.
async fn registry(realm: &Url, lowest: Arc<AtomicUsize>) -> Fake {
    let challenge = format!(r#"Bearer realm="{realm}token",service="here""#);
    Fake::start(move |seen| {
        let number = seen
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer t")?.parse::<usize>().ok());
        match number {
            Some(number) if number >= lowest.load(Ordering::Relaxed) => ok("blob"),
            _ => answer(401, &[("www-authenticate", challenge.as_str())], "{}"),
        }
    })
    .await
}

fn any() -> Arc<AtomicUsize> {
    Arc::default()
}

#[tokio::test]
async fn fifty_blobs_at_once_ask_for_one_token() {
    let tokens = token_service().await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    let digest = digest(b"blob");
    let repository = app();
    let blob = || upstream.blob(&repository, &digest, BlobRange::default());
    for answer in join_all((0..50).map(|_| blob())).await {
        assert_eq!(read(answer.expect("a blob")).await.expect("bytes"), "blob");
    }
    let asked = "GET /token?service=here&scope=repository%3Ateam%2Fapp%3Apull";
    assert_eq!(tokens.requests(), [asked]);
}

#[tokio::test]
async fn a_token_that_is_known_costs_no_second_request_and_no_new_connection() {
    let tokens = token_service().await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    for _ in 0..3 {
        let blob = whole(&upstream);
        read(blob.await.expect("a blob")).await.expect("bytes");
    }
    let seen = registry.seen();
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(seen.iter().all(|request| request.peer == seen[0].peer));
    assert_eq!(tokens.requests().len(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let tokens = token_service().await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    for wait in [0, 7, 2] {
        time::pause();
        time::advance(Duration::from_secs(wait)).await;
        time::resume();
        let blob = whole(&upstream);
        read(blob.await.expect("a blob")).await.expect("bytes");
    }
    assert_eq!(tokens.requests().len(), 2);
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn a_known_token_that_is_refused_is_replaced_once() {
    let tokens = token_service().await;
    let lowest = any();
    let registry = registry(&tokens.url, Arc::clone(&lowest)).await;
    let upstream = upstream(&registry.url);
    let ask = || async {
        let answer = whole(&upstream);
        answer.await.map(drop)
    };
    ask().await.expect("a blob");
    lowest.store(2, Ordering::Relaxed);
    ask().await.expect("a blob");
    assert_eq!(tokens.requests().len(), 2);
    lowest.store(100, Ordering::Relaxed);
    let error = ask().await.expect_err("refused");
    assert!(
        matches!(error, UpstreamError::Unauthorized { .. }),
        "{error}"
    );
    assert_eq!(tokens.requests().len(), 3);
}

#[tokio::test]
async fn who_leaves_does_not_end_a_request_for_a_token() {
    let released = Arc::new(Notify::new());
    let release = Arc::clone(&released);
    let tokens = Fake::at("127.0.0.2", move |_| {
        let released = Arc::clone(&released);
        let token = async move {
            released.notified().await;
            Ok::<_, std::io::Error>(r#"{"token":"t1"}"#)
        };
        ok(Body::from_stream(stream::once(token)))
    })
    .await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    let asked = async {
        while tokens.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = whole(&upstream) => panic!("nobody gave a token"),
        () = asked => {}
    }
    release.notify_one();
    whole(&upstream).await.expect("a blob");
    assert_eq!(tokens.requests().len(), 1);
}

#[tokio::test]
async fn all_who_wait_for_a_token_get_the_error_of_one_request() {
    let tokens = Fake::at("127.0.0.2", |_| status(StatusCode::BAD_GATEWAY)).await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    for answer in join_all((0..20).map(|_| whole(&upstream))).await {
        let error = answer.err().expect("no token");
        assert!(matches!(error, UpstreamError::Server { .. }), "{error}");
        assert!(error.to_string().contains("a token for"), "{error}");
    }
    assert_eq!(tokens.requests().len(), 1);
}

#[tokio::test]
async fn a_password_goes_to_the_token_service_and_not_to_the_registry() {
    let tokens = token_service().await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = changed(&registry.url, |settings| settings.credentials = password());
    let blob = whole(&upstream);
    blob.await.expect("a blob");
    let basic = "Basic cm9ib3Q6aHVudGVyMg==";
    assert_eq!(tokens.seen()[0].header("authorization"), Some(basic));
    let shown: Vec<_> = registry
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(shown, [None, Some("Bearer t1".to_owned())]);
}

#[tokio::test]
async fn a_token_service_of_a_stranger_is_shown_no_credentials() {
    let stranger = "https://auth.evil.example/".parse().expect("a URL");
    let registry = registry(&stranger, any()).await;
    let upstream = changed(&registry.url, |settings| settings.credentials = password());
    let blob = whole(&upstream);
    let error = blob.await.err().expect("a refusal");
    let UpstreamError::Refused { host, refusal, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((&**host, *refusal), ("auth.evil.example", Refusal::Realm));
    assert!(error.to_string().contains("allow_hosts"), "{error}");
}

#[tokio::test]
async fn a_registry_that_wants_a_password_gets_it_at_once_the_next_time() {
    let registry = Fake::start(|seen| match seen.header("authorization") {
        Some("Basic cm9ib3Q6aHVudGVyMg==") => ok("blob"),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
    })
    .await;
    let known = changed(&registry.url, |settings| settings.credentials = password());
    for _ in 0..2 {
        let blob = whole(&known);
        blob.await.expect("a blob");
    }
    assert_eq!(registry.requests().len(), 3);
    let nobody = upstream(&registry.url);
    let blob = whole(&nobody);
    let error = blob.await.err().expect("refused");
    assert!(
        matches!(error, UpstreamError::Unauthorized { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_of_the_settings_is_sent_as_it_is() {
    let registry = Fake::start(|seen| match seen.header("authorization") {
        Some("Bearer own") => ok("blob"),
        _ => status(StatusCode::UNAUTHORIZED),
    })
    .await;
    for (token, fits) in [("own", true), ("other", false)] {
        let upstream = changed(&registry.url, |settings| {
            settings.credentials = Credentials::Bearer(Secret::new(token));
        });
        let blob = whole(&upstream);
        assert_eq!(blob.await.is_ok(), fits, "{token}");
    }
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn a_token_service_that_has_had_too_many_is_left_alone() {
    let tokens = Fake::at("127.0.0.2", |_| answer(429, &[("retry-after", "30")], "")).await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    for _ in 0..3 {
        let blob = whole(&upstream);
        let error = blob.await.err().expect("too many");
        let UpstreamError::TooManyRequests { retry_after, .. } = error else {
            panic!("{error}");
        };
        assert!(retry_after.is_some_and(|wait| wait > Duration::from_secs(20)));
    }
    assert_eq!(tokens.requests().len(), 1);
}

#[tokio::test]
async fn a_token_service_that_has_nothing_does_not_say_that_the_blob_is_not_there() {
    let tokens = Fake::at("127.0.0.2", |_| status(StatusCode::NOT_FOUND)).await;
    let registry = registry(&tokens.url, any()).await;
    let upstream = upstream(&registry.url);
    let blob = whole(&upstream);
    let error = blob.await.err().expect("no token");
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
}
