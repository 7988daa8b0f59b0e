use berth_oci::Reference;
use http::{Method, StatusCode};

use super::fake::{Fake, answer, ok, status};
use super::{SOON, app, changed, digest, tag, upstream};
use crate::settings::Profile;
use crate::upstream::UpstreamError;
use crate::upstream::error::Nonsense;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[tokio::test]
async fn a_head_that_tells_the_digest_is_enough() {
    let digest = digest(b"manifest");
    let told = digest.to_string();
    let registry = Fake::start(move |_| {
        let headers = [
            ("docker-content-digest", told.as_str()),
            ("content-type", INDEX),
        ];
        answer(200, &headers, "manifest")
    })
    .await;
    let described = upstream(&registry.url)
        .describe_manifest(&app(), &tag(), SOON)
        .await;
    let described = described.expect("a description");
    assert_eq!(described.digest, digest);
    assert!(described.manifest.is_none());
    assert_eq!(registry.requests(), ["HEAD /v2/team/app/manifests/latest"]);
    let accepted: Vec<_> = registry.seen()[0]
        .headers
        .get_all("accept")
        .iter()
        .cloned()
        .collect();
    assert_eq!(accepted.len(), 4, "{accepted:?}");
}

#[tokio::test]
async fn a_registry_that_tells_no_digest_is_asked_for_the_manifest() {
    let silent = Fake::start(|_| ok("manifest")).await;
    let unable = Fake::start(|seen| match seen.method {
        Method::HEAD => status(StatusCode::METHOD_NOT_ALLOWED),
        _ => ok("manifest"),
    })
    .await;
    for registry in [silent, unable] {
        let described = upstream(&registry.url)
            .describe_manifest(&app(), &tag(), SOON)
            .await;
        let described = described.expect("a description");
        assert_eq!(described.digest, digest(b"manifest"));
        assert_eq!(described.manifest.expect("a manifest").bytes, "manifest");
        assert_eq!(registry.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_manifest_has_the_digest_that_it_is_asked_by_or_said_to_have() {
    let right = digest(b"manifest").to_string();
    let wrong = digest(b"other").to_string();
    let by_digest: Reference = wrong.parse().expect("a digest");
    let mismatch = Some(Nonsense::DigestMismatch {
        expected: wrong.clone(),
        actual: right.clone(),
    });
    let cases = [
        (tag(), None, None),
        (tag(), Some(right.clone()), None),
        (tag(), Some("blake3:00".to_owned()), None),
        (
            tag(),
            Some("sha256:00".to_owned()),
            Some(Nonsense::DigestHeader),
        ),
        (
            tag(),
            Some("nonsense".to_owned()),
            Some(Nonsense::DigestHeader),
        ),
        (tag(), Some(wrong), mismatch.clone()),
        (by_digest, Some(right), mismatch),
    ];
    for (reference, header, expected) in cases {
        let told = header.clone();
        let registry = Fake::start(move |_| match &told {
            Some(told) => answer(200, &[("docker-content-digest", told)], "manifest"),
            None => ok("manifest"),
        })
        .await;
        let manifest = upstream(&registry.url)
            .manifest(&app(), &reference, SOON)
            .await;
        let nonsense = match manifest {
            Ok(manifest) => {
                assert_eq!(manifest.digest, digest(b"manifest"));
                None
            }
            Err(UpstreamError::Invalid { nonsense, .. }) => Some(nonsense),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(nonsense, expected, "{reference} {header:?}");
    }
}

#[tokio::test]
async fn a_manifest_is_not_read_past_its_limit() {
    let registry = Fake::start(|_| ok(vec![b' '; (8 << 20) + 1])).await;
    let error = upstream(&registry.url).manifest(&app(), &tag(), SOON).await;
    let error = error.expect_err("too large");
    let UpstreamError::Invalid { nonsense, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        *nonsense,
        Nonsense::TooLarge {
            most_bytes: 8 << 20
        }
    );
}

#[tokio::test]
async fn official_images_of_docker_hub_are_asked_for_below_library() {
    let registry = Fake::start(|_| ok("manifest")).await;
    let mut url = registry.url.clone();
    url.set_path("/mirror/");
    for profile in [
        Profile::DockerHub,
        Profile::AliyunAccelerator,
        Profile::Generic,
    ] {
        let upstream = changed(&url, |settings| settings.profile = profile);
        let repository = "alpine".parse().expect("a name");
        upstream
            .manifest(&repository, &tag(), SOON)
            .await
            .expect("a manifest");
    }
    let official = "GET /mirror/v2/library/alpine/manifests/latest";
    let plain = "GET /mirror/v2/alpine/manifests/latest";
    assert_eq!(registry.requests(), [official, official, plain]);
}

#[tokio::test]
async fn each_status_is_an_error_of_its_own() {
    let cases = [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (405, "Unsupported"),
        (408, "Timeout"),
        (418, "Invalid"),
        (429, "TooManyRequests"),
        (451, "Forbidden"),
        (503, "Server"),
    ];
    for (status, expected) in cases {
        let registry = Fake::start(move |_| answer(status, &[], "")).await;
        let error = upstream(&registry.url).manifest(&app(), &tag(), SOON).await;
        let error = format!("{:?}", error.expect_err("an error"));
        assert!(error.starts_with(expected), "{status}: {error}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_offline_is_not_asked() {
    let registry = Fake::start(|_| ok("manifest")).await;
    let upstream = changed(&registry.url, |settings| settings.offline = true);
    let error = upstream
        .manifest(&app(), &tag(), SOON)
        .await
        .expect_err("offline");
    assert!(matches!(error, UpstreamError::Offline { .. }), "{error}");
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn a_manifest_of_version_1_is_called_that() {
    let told = digest(b"without its signatures").to_string();
    let registry = Fake::start(move |_| {
        let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        let headers = [("content-type", signed), ("docker-content-digest", &*told)];
        answer(200, &headers, r#"{"schemaVersion":1,"signatures":[]}"#)
    })
    .await;
    let upstream = upstream(&registry.url);
    let error = upstream.manifest(&app(), &tag(), SOON).await;
    let error = error.expect_err("a refusal").to_string();
    assert!(error.contains("version 1"), "{error}");
}
