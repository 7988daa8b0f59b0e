use berth_registry::cache::ProjectKind;
use berth_registry::source::Sources as _;

use super::*;
use crate::fixture::{Fixture, upstream};
use crate::proxy::{Proxy, ProxySettings};
use crate::settings::GroupSettings;

/// Docker Hub at the root, another registry, a group, and a project of our own.
async fn proxy(fixture: &Fixture) -> Arc<Proxy> {
    let shop = "shop".parse().unwrap();
    let adopted = fixture
        .registry
        .adopt_project(&shop, ProjectKind::Hosted, false);
    adopted.await.unwrap();
    let settings = ProxySettings {
        upstreams: vec![
            upstream("hub", "docker.io"),
            upstream("hub-two", "docker.io"),
            upstream("quay", "quay.io"),
        ],
        groups: vec![GroupSettings {
            name: "all".parse().unwrap(),
            members: vec![shop, "hub".parse().unwrap()],
            push: Some("shop".parse().unwrap()),
        }],
        default: Some("hub".parse().unwrap()),
    };
    let proxy = Proxy::open(Arc::clone(&fixture.registry), settings);
    proxy.await.unwrap()
}

/// Where a client is led, in a line: the name here, how it came there, and where pushes go.
async fn led(proxy: &Proxy, asked: &str) -> String {
    let mut words = asked.split(' ');
    let name: RepositoryName = words.next().unwrap().parse().unwrap();
    let (mut namespace, mut prefix, mut pushes) = (None, None, false);
    for word in words {
        match word.split_once('=') {
            Some(("ns", host)) => namespace = Some(host),
            Some(("prefix", name)) => prefix = Some(name.parse().unwrap()),
            _ => pushes = word == "push",
        }
    }
    let located = proxy.locate(Asked {
        repository: &name,
        namespace,
        prefix: prefix.as_ref(),
        pushes,
    });
    let located = match located.await {
        Ok(located) => located,
        Err(error) => return error.to_string(),
    };
    let here = located.renamed.as_ref().unwrap_or(&name);
    let how = if located.by_default {
        " by default"
    } else {
        ""
    };
    let pushes = match &located.pushes {
        Pushes::Here => " pushes here".to_owned(),
        Pushes::To(name) => format!(" pushes to {name}"),
        Pushes::Refused(_) => String::new(),
    };
    format!("{here}{how}{pushes}")
}

#[tokio::test]
async fn every_way_to_name_a_repository_leads_to_one_name() {
    let fixture = Fixture::open().await;
    let proxy = proxy(&fixture).await;
    let cases = [
        // Of an upstream, by its name.
        ("hub/library/alpine", "hub/library/alpine"),
        ("hub/alpine", "hub/library/alpine"),
        ("hub/grafana/grafana", "hub/grafana/grafana"),
        ("hub-two/alpine", "hub/library/alpine"),
        ("quay/alpine", "quay/alpine"),
        ("hub", "hub"),
        // By a path before /v2/.
        ("alpine prefix=hub", "hub/library/alpine"),
        ("prometheus/node prefix=quay", "quay/prometheus/node"),
        ("web prefix=shop", "shop/web pushes here"),
        // By ns.
        (
            "library/alpine ns=docker.io",
            "hub/library/alpine by default",
        ),
        ("alpine ns=index.docker.io", "hub/library/alpine by default"),
        ("prometheus/node ns=quay.io", "quay/prometheus/node"),
        ("shop/web ns=quay.io", "quay/shop/web"),
        ("hub/library/alpine ns=docker.io", "hub/library/alpine"),
        ("quay/prometheus/node ns=quay.io", "quay/prometheus/node"),
        ("hub/web ns=quay.io", "quay/hub/web"),
        ("shop/web ns=elsewhere.example", "shop/web pushes here"),
        ("a/b ns=elsewhere.example", "a/b pushes here"),
        // By default.
        ("library/alpine", "hub/library/alpine by default"),
        ("alpine", "hub/library/alpine by default"),
        ("grafana/grafana", "hub/grafana/grafana by default"),
        // A name of a project here is never asked elsewhere.
        ("shop/web", "shop/web pushes here"),
        ("shop/web ns=docker.io", "shop/web pushes here"),
        // A push makes a project, but not where Docker Hub has its images.
        ("new/web push", "new/web pushes here"),
        ("library/web push", "library/web"),
        ("hub/new/web push", "hub/new/web"),
        // A group.
        ("all/web", "all/web pushes to shop/web"),
        ("all/web push", "all/web pushes to shop/web"),
    ];
    for (asked, expected) in cases {
        assert_eq!(led(&proxy, asked).await, expected, "{asked}");
    }
    proxy.close().await;
}

#[tokio::test]
async fn the_names_of_upstreams_and_groups_and_library_are_no_projects() {
    let fixture = Fixture::open().await;
    let proxy = proxy(&fixture).await;
    for name in ["hub", "hub-two", "quay", "all", "library"] {
        let name = name.parse().unwrap();
        assert!(fixture.registry.reserved(&name).is_some(), "{name}");
    }
    let name = "shop".parse().unwrap();
    assert!(fixture.registry.reserved(&name).is_none());
    proxy.close().await;
}

#[tokio::test]
async fn a_cache_whose_upstream_is_gone_is_read_and_takes_no_pushes() {
    let fixture = Fixture::open().await;
    proxy(&fixture).await.close().await;
    let nothing = ProxySettings::default();
    let proxy = Proxy::open(Arc::clone(&fixture.registry), nothing)
        .await
        .unwrap();
    assert_eq!(
        led(&proxy, "hub/library/alpine").await,
        "hub/library/alpine"
    );
    assert_eq!(led(&proxy, "all/web").await, "all/web");
    assert_eq!(led(&proxy, "library/web").await, "library/web pushes here");
    proxy.close().await;
}

#[tokio::test]
async fn settings_that_can_not_be_are_refused() {
    let fixture = Fixture::open().await;
    let shop = "shop".parse().unwrap();
    let adopted = fixture
        .registry
        .adopt_project(&shop, ProjectKind::Hosted, false);
    adopted.await.unwrap();
    let group = |name: &str, member: &str| GroupSettings {
        name: name.parse().unwrap(),
        members: vec![member.parse().unwrap()],
        push: None,
    };
    let cases = [
        (vec![upstream("shop", "docker.io")], vec![], "it is hosted"),
        (
            vec![upstream("hub", "docker.io")],
            vec![group("hub", "shop")],
            "made twice",
        ),
        (
            vec![],
            vec![group("one", "two"), group("two", "shop")],
            "it is a group itself",
        ),
    ];
    for (upstreams, groups, expected) in cases {
        let settings = ProxySettings {
            upstreams,
            groups,
            default: None,
        };
        let opened = Proxy::open(Arc::clone(&fixture.registry), settings).await;
        let error = opened.err().expect("an error").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
