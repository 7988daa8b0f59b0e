use http::StatusCode;

use super::fake::{Fake, answer, ok, status};
use super::{SOON, app, changed, digest, read, tag, upstream, whole};
use crate::settings::{Credentials, Secret};
use crate::upstream::UpstreamError;
use crate::upstream::error::Nonsense;

async fn redirecting(to: String) -> Fake {
    Fake::start(move |seen| {
        let target = format!("{to}{}?X-Sig=signed", seen.path.trim_start_matches('/'));
        answer(307, &[("location", &target)], "")
    })
    .await
}

#[tokio::test]
async fn a_redirection_to_another_host_takes_no_credentials_along() {
    let cdn = Fake::at("127.0.0.2", |_| ok("content")).await;
    let registry = redirecting(cdn.url.to_string()).await;
    let upstream = changed(&registry.url, |settings| {
        settings.credentials = Credentials::Bearer(Secret::new("own"));
    });
    let blob = whole(&upstream);
    let blob = blob.await.expect("a blob");
    assert_eq!(blob.total_bytes, Some(7));
    assert_eq!(read(blob).await.expect("bytes"), "content");
    let manifest = upstream.manifest(&app(), &tag(), SOON).await;
    assert_eq!(manifest.expect("a manifest").bytes, "content");
    let size = upstream
        .describe_blob(&app(), &digest(b"content"), SOON)
        .await;
    assert_eq!(size.expect("a size"), 7);

    let shown = registry.seen();
    assert!(
        shown
            .iter()
            .all(|seen| seen.header("authorization") == Some("Bearer own"))
    );
    let shown = cdn.seen();
    assert_eq!(shown.len(), 3);
    assert!(
        shown
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
    assert!(
        shown
            .iter()
            .all(|seen| seen.header("accept-encoding") == Some("identity"))
    );
}

#[tokio::test]
async fn a_redirection_at_the_registry_itself_keeps_them() {
    let registry = Fake::start(|seen| match seen.path.strip_prefix("/moved") {
        Some(_) => ok("content"),
        None => answer(301, &[("location", &format!("/moved{}", seen.path))], ""),
    })
    .await;
    let upstream = changed(&registry.url, |settings| {
        settings.credentials = Credentials::Bearer(Secret::new("own"));
    });
    upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect("a manifest");
    let shown = registry.seen();
    assert_eq!(shown.len(), 2);
    assert!(
        shown
            .iter()
            .all(|seen| seen.header("authorization") == Some("Bearer own"))
    );
}

#[tokio::test]
async fn a_circle_of_redirections_ends() {
    let registry = Fake::start(|seen| answer(302, &[("location", &seen.path)], "")).await;
    let error = upstream(&registry.url).manifest(&app(), &tag(), SOON).await;
    let error = error.expect_err("a circle");
    let UpstreamError::Invalid { nonsense, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*nonsense, Nonsense::Redirects);
    assert_eq!(registry.requests().len(), 6);
}

#[tokio::test]
async fn a_signed_url_that_is_refused_is_not_the_registry_refusing() {
    let cdn = Fake::at("127.0.0.2", |_| status(StatusCode::FORBIDDEN)).await;
    let registry = redirecting(cdn.url.to_string()).await;
    let upstream = upstream(&registry.url);
    let blob = whole(&upstream);
    let error = blob.await.err().expect("expired");
    assert!(matches!(error, UpstreamError::ExpiredUrl { .. }), "{error}");
}
