use serde_json::json;

use super::*;

fn change(document: serde_json::Value) -> Change {
    serde_json::from_value(document).expect("a change")
}

#[test]
fn what_is_not_given_stays_and_null_is_the_default() {
    let mut document = UpstreamDocument {
        registry: Some("docker.io".to_owned()),
        order: Some(5),
        allow: vec!["library/**".to_owned()],
        offline: true,
        ..UpstreamDocument::default()
    };
    let mut secrets = UpstreamSecrets {
        token: Some("hunter2".to_owned()),
        proxy: Some("http://proxy:3128".to_owned()),
        ..UpstreamSecrets::default()
    };
    let given = json!({"order": null, "allow": null, "fresh_seconds": 60, "proxy": null});
    change(given).apply(&mut document, &mut secrets);
    let expected = UpstreamDocument {
        registry: Some("docker.io".to_owned()),
        fresh_seconds: Some(60),
        offline: true,
        ..UpstreamDocument::default()
    };
    assert_eq!(document, expected);
    assert_eq!(secrets.token.as_deref(), Some("hunter2"));
    assert_eq!(secrets.proxy, None);
}

#[test]
fn a_password_goes_with_its_user_and_a_token_when_one_comes() {
    let mut document = UpstreamDocument::default();
    let mut secrets = UpstreamSecrets {
        token: Some("hunter2".to_owned()),
        ..UpstreamSecrets::default()
    };
    let user = json!({"username": "ann", "password": "hunter3"});
    change(user).apply(&mut document, &mut secrets);
    assert_eq!(secrets.token, None);
    assert_eq!(secrets.password.as_deref(), Some("hunter3"));

    change(json!({"username": "bob"})).apply(&mut document, &mut secrets);
    assert_eq!(secrets.password.as_deref(), Some("hunter3"));
    change(json!({"username": null})).apply(&mut document, &mut secrets);
    assert_eq!((document.username, secrets.password), (None, None));
}

#[test]
fn what_is_too_much_is_refused() {
    for document in [
        json!({"url": "a".repeat(2049)}),
        json!({"deny": vec!["a"; 101]}),
        json!({"allow": ["a".repeat(385)]}),
        json!({"bytes_per_second": 1023}),
        json!({"order": 1_000_001}),
        json!({"warm_minutes": 0}),
    ] {
        let text = document.to_string();
        assert!(change(document).check().is_err(), "{text}");
    }
    let most = json!({"deny": vec!["a"; 100], "order": 1_000_000, "stale_days": 0});
    assert!(change(most).check().is_ok());
}

#[test]
fn what_is_no_host_is_refused() {
    for document in [
        json!({"registry": ""}),
        json!({"registry": "https://ghcr.io"}),
        json!({"registry": "*.ghcr.io"}),
        json!({"allow_hosts": ["10.0.0.5:8443", "cdn.example/path"]}),
    ] {
        let text = document.to_string();
        assert!(change(document).check().is_err(), "{text}");
    }
    let hosts = json!({"registry": "[::1]:5000", "allow_hosts": ["*.example.com"]});
    assert!(change(hosts).check().is_ok());
}

#[test]
fn a_setting_that_is_not_known_is_refused() {
    let unknown = json!({"ca_file": "/etc/passwd"});
    assert!(serde_json::from_value::<Change>(unknown).is_err());
}
