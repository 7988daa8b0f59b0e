use std::path::PathBuf;
use std::sync::Arc;

use berth_registry::SystemClock;

use super::fake::{Fake, ok};
use super::{SOON, app, changed, settings, tag};
use crate::settings::{Credentials, Secret, UpstreamSettings};
use crate::upstream::{OpenUpstreamError, Upstream};

#[tokio::test]
async fn a_proxy_is_asked_in_place_of_the_upstream_and_resolves_its_name() {
    let proxy = Fake::start(|_| ok("manifest")).await;
    let url = "http://registry.invalid:5000".parse().expect("a URL");
    let upstream = changed(&url, |settings| {
        let authority = proxy.url.authority();
        settings.proxy = Some(Secret::new(format!("http://robot:hunter2@{authority}")));
    });
    let manifest = upstream.manifest(&app(), &tag(), SOON).await;
    assert_eq!(manifest.expect("a manifest").bytes, "manifest");
    let asked = "GET http://registry.invalid:5000/v2/team/app/manifests/latest";
    assert_eq!(proxy.requests(), [asked]);
    let shown = proxy.seen()[0]
        .header("proxy-authorization")
        .map(str::to_owned);
    assert_eq!(shown.as_deref(), Some("Basic cm9ib3Q6aHVudGVyMg=="));
}

#[test]
fn settings_that_can_not_work_are_refused_without_their_secrets() {
    use OpenUpstreamError as E;
    let open = |change: &dyn Fn(&mut UpstreamSettings)| {
        let mut settings = settings(&"https://registry.example.com".parse().expect("a URL"));
        change(&mut settings);
        let error = Upstream::new(settings, Arc::new(SystemClock)).err();
        let error = error.expect("a refusal");
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
        error
    };
    for proxy in [
        "robot:hunter2@proxy:3128",
        "ftp://robot:hunter2@proxy",
        "hunter2",
    ] {
        let error = open(&|settings| settings.proxy = Some(Secret::new(proxy)));
        assert!(matches!(error, E::Proxy { .. }), "{error}");
    }
    let token = Secret::new("hunter2\n");
    let error = open(&|settings| settings.credentials = Credentials::Bearer(token.clone()));
    assert!(matches!(error, E::Token { .. }), "{error}");
    let missing = PathBuf::from("/nowhere/ca.pem");
    let error = open(&|settings| settings.ca_file = Some(missing.clone()));
    assert!(matches!(error, E::CaFile { .. }), "{error}");
    let no_pem = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let error = open(&|settings| settings.ca_file = Some(no_pem.clone()));
    assert!(matches!(error, E::Certificates { .. }), "{error}");
}
