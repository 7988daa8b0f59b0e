use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::Resolve as _;

use super::{Guard, GuardedResolver, PrivateName, Refusal};
use crate::settings::{Profile, UpstreamSettings};
use crate::upstream::tests::settings;

fn guard(url: &str, change: impl FnOnce(&mut UpstreamSettings)) -> Guard {
    let mut settings = settings(&url.parse().expect("a URL"));
    change(&mut settings);
    Guard::new(&settings, vec!["proxy.corp".to_owned()])
}

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

#[test]
fn a_public_registry_leads_only_to_public_places_with_tls() {
    let guard = guard("https://registry.example.com", |settings| {
        settings.allow_hosts = vec!["10.0.0.7".to_owned(), "cache.corp:8443".to_owned()];
    });
    let cases = [
        ("https://cdn.example.net/x", Ok(())),
        ("https://registry.example.com/x", Ok(())),
        ("https://8.8.8.8/x", Ok(())),
        ("https://10.0.0.7/x", Ok(())),
        ("https://cache.corp:8443/x", Ok(())),
        ("https://cache.corp/x", Err(Refusal::Private)),
        ("https://proxy.corp/x", Err(Refusal::Private)),
        ("https://10.0.0.8/x", Err(Refusal::Private)),
        ("https://2130706433/x", Err(Refusal::Private)),
        ("https://0x7f.1/x", Err(Refusal::Private)),
        ("https://[::ffff:127.0.0.1]/x", Err(Refusal::Private)),
        ("https://[fd00::1]/x", Err(Refusal::Private)),
        ("https://100.100.100.200/x", Err(Refusal::Private)),
        ("http://cdn.example.net/x", Err(Refusal::Plain)),
        ("http://registry.example.com/x", Err(Refusal::Plain)),
        ("ftp://cdn.example.net/x", Err(Refusal::Scheme)),
        ("file:///etc/passwd", Err(Refusal::Scheme)),
    ];
    for (target, expected) in cases {
        assert_eq!(guard.follow(&url(target)), expected, "{target}");
    }
}

#[test]
fn a_registry_in_a_network_of_its_own_may_lead_to_others_there() {
    let guard = guard("http://10.0.0.5:5000", |_| {});
    for target in [
        "http://10.0.0.6/x",
        "https://[fd00::1]/x",
        "http://127.0.0.1/x",
    ] {
        assert_eq!(guard.follow(&url(target)), Ok(()), "{target}");
    }
}

#[test]
fn credentials_are_shown_to_the_owner_of_the_registry_only() {
    let cases = [
        (
            "https://registry.gitlab.com",
            "https://gitlab.com/jwt/auth",
            true,
        ),
        (
            "https://registry.gitlab.com",
            "https://gitlab.org/jwt/auth",
            false,
        ),
        (
            "https://registry-1.docker.io",
            "https://auth.docker.io/token",
            true,
        ),
        (
            "https://alice.github.io",
            "https://bob.github.io/token",
            false,
        ),
        ("https://quay.io", "https://quay.io:8443/v2/auth", true),
        (
            "https://registry.other.com",
            "https://auth.named.net/token",
            true,
        ),
        (
            "https://registry.other.com",
            "https://127.0.0.1/token",
            false,
        ),
        ("http://10.0.0.5:5000", "http://10.0.0.5:5001/token", true),
        ("http://10.0.0.5:5000", "http://10.0.0.6:5000/token", false),
        ("http://127.0.0.1:5000", "http://127.0.0.2:5001/token", true),
        (
            "http://127.0.0.1:5000",
            "https://auth.evil.com/token",
            false,
        ),
        ("http://localhost:5000", "http://127.0.0.1:5001/token", true),
    ];
    for (registry, realm, expected) in cases {
        let guard = guard(registry, |settings| {
            settings.allow_hosts = vec!["auth.named.net".to_owned()];
        });
        assert_eq!(
            guard.trust(&url(realm)).is_ok(),
            expected,
            "{registry} {realm}"
        );
    }
}

#[test]
fn a_profile_names_its_token_service() {
    let guard = guard("https://registry.cn-beijing.aliyuncs.com", |settings| {
        settings.profile = Profile::AliyunAcr;
    });
    let known = url("https://dockerauth.cn-hangzhou.aliyuncs.com/auth");
    assert_eq!(guard.trust(&known), Ok(()));
    let bucket = url("https://dockerauth.oss-cn-hangzhou.aliyuncs.com/auth");
    assert_eq!(guard.trust(&bucket), Err(Refusal::Realm));
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
    let resolve = |guard: Guard| async move {
        let resolver = GuardedResolver(Arc::new(guard));
        resolver.resolve("localhost".parse().expect("a name")).await
    };
    let public = guard("https://registry.example.com", |_| {});
    let refused = resolve(public).await.err().expect("a refusal");
    assert!(refused.is::<PrivateName>(), "{refused}");

    let named = guard("https://registry.example.com", |settings| {
        settings.allow_hosts = vec!["localhost".to_owned()];
    });
    assert!(resolve(named).await.is_ok());
    assert!(
        resolve(guard("http://localhost:5000", |_| {}))
            .await
            .is_ok()
    );
    assert!(
        resolve(guard("http://127.0.0.1:5000", |_| {}))
            .await
            .is_ok()
    );
}

#[test]
fn a_registry_whose_name_leads_to_a_private_address_may_lead_to_others() {
    let guard = guard("https://registry-vpc.cn-beijing.aliyuncs.com", |_| {});
    let bucket = url("https://100.118.28.1/x");
    assert_eq!(guard.follow(&bucket), Err(Refusal::Private));
    let home = "registry-vpc.cn-beijing.aliyuncs.com";
    guard.admit(home, addresses(["100.118.28.50"]));
    assert_eq!(guard.follow(&bucket), Ok(()));
}

#[test]
fn a_registry_that_was_public_does_not_become_private_by_another_address() {
    for scheme in ["http", "https"] {
        let guard = guard(&format!("{scheme}://registry.evil.com"), |_| {});
        let inside = url("https://10.0.0.1/x");
        let admit = |found| guard.admit("registry.evil.com", addresses([found])).len();
        admit("10.0.0.1");
        assert_eq!(admit("8.8.8.8"), 1);
        assert_eq!(guard.follow(&inside), Err(Refusal::Private));
        // Only TLS tells whether it is still the registry that answers there.
        assert_eq!(admit("10.0.0.1"), usize::from(scheme == "https"));
        assert_eq!(guard.follow(&inside), Err(Refusal::Private));
    }
}

fn addresses<const N: usize>(texts: [&str; N]) -> Vec<IpAddr> {
    texts.map(|text| text.parse().expect("an address")).to_vec()
}
