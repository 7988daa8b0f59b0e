use std::collections::BTreeMap;

use super::*;
use crate::api::upstreams::State;

fn upstream() -> Upstream {
    Upstream {
        name: "hub".to_owned(),
        project: "hub".to_owned(),
        origin: "api",
        registry: "docker.io".to_owned(),
        url: "https://registry-1.docker.io/".to_owned(),
        profile: "docker-hub".to_owned(),
        username: Some("ann".to_owned()),
        has_password: true,
        has_token: false,
        has_proxy: true,
        order: 100,
        capabilities: vec!["resolve".to_owned(), "pull".to_owned()],
        allow_hosts: Vec::new(),
        allow: vec!["library/**".to_owned(), "grafana/*".to_owned()],
        deny: Vec::new(),
        bytes_per_second: None,
        fresh_seconds: 300,
        immutable_tags: Vec::new(),
        stale_days: 30,
        offline: false,
        public: false,
        warm: Vec::new(),
        warm_platforms: Vec::new(),
        warm_minutes: 60,
        state: State {
            paused_seconds: None,
            pulls_paused_seconds: None,
            quota: None,
            fetched_bytes: 0,
            operations: Vec::new(),
        },
    }
}

fn sent(fields: &[(&str, &str)]) -> Settings {
    let fields: BTreeMap<_, _> = fields.iter().copied().collect();
    let fields = serde_json::to_value(fields).expect("JSON");
    serde_json::from_value(fields).expect("a form")
}

/// As the form of this upstream is sent by somebody who has touched nothing.
fn untouched(upstream: &Upstream) -> Settings {
    let fields = Fields::of(upstream);
    sent(&[
        ("registry", &fields.registry),
        ("url", &fields.url),
        ("profile", &fields.profile),
        ("username", &fields.username),
        ("password", ""),
        ("token", ""),
        ("proxy", ""),
        ("order", &fields.order),
        ("capabilities", &fields.capabilities),
        ("allow_hosts", &fields.allow_hosts),
        ("allow", &fields.allow),
        ("deny", &fields.deny),
        ("bytes_per_second", &fields.bytes_per_second),
        ("fresh_seconds", &fields.fresh_seconds),
        ("immutable_tags", &fields.immutable_tags),
        ("stale_days", &fields.stale_days),
        ("offline", "no"),
        ("warm", &fields.warm),
        ("warm_platforms", &fields.warm_platforms),
        ("warm_minutes", &fields.warm_minutes),
    ])
}

#[test]
fn what_was_not_touched_is_not_sent() {
    let upstream = upstream();
    let change = untouched(&upstream).change(&upstream).expect("a change");
    let Change {
        registry,
        url,
        profile,
        username,
        password,
        token,
        proxy,
        order,
        capabilities,
        allow_hosts,
        allow,
        deny,
        bytes_per_second,
        fresh_seconds,
        immutable_tags,
        stale_days,
        offline,
        public,
        warm,
        warm_platforms,
        warm_minutes,
    } = change;
    let texts = [registry, url, profile, username, password, token, proxy];
    assert!(texts.iter().all(Option::is_none), "{texts:?}");
    let lists = [
        capabilities,
        allow_hosts,
        allow,
        deny,
        immutable_tags,
        warm,
        warm_platforms,
    ];
    assert!(lists.iter().all(Option::is_none), "{lists:?}");
    let numbers = [bytes_per_second, fresh_seconds, stale_days, warm_minutes];
    assert!(numbers.iter().all(Option::is_none), "{numbers:?}");
    assert_eq!((order, offline, public), (None, None, None));
}

#[test]
fn what_is_emptied_is_the_default_and_what_is_written_counts() {
    let form = sent(&[
        ("url", " "),
        ("username", ""),
        ("order", "5"),
        ("allow", "library/**\r\n"),
        ("deny", "\r\nmycompany/**"),
        ("bytes_per_second", "4096"),
        ("fresh_seconds", ""),
        ("offline", "yes"),
        ("capabilities", "pull"),
    ]);
    let change = form.change(&upstream()).expect("a change");
    assert_eq!(change.url, Some(None));
    assert_eq!(change.username, Some(None));
    assert_eq!(change.order, Some(Some(5)));
    assert_eq!(change.allow, Some(Some(vec!["library/**".to_owned()])));
    assert_eq!(change.deny, Some(Some(vec!["mycompany/**".to_owned()])));
    assert_eq!(change.bytes_per_second, Some(Some(4096)));
    assert_eq!(change.fresh_seconds, Some(None));
    assert_eq!(change.offline, Some(Some(true)));
    assert_eq!(change.capabilities, Some(Some(vec!["pull".to_owned()])));
    let wrong = sent(&[("order", "first")]).change(&upstream());
    let detail = wrong.err().expect("a refusal").detail;
    assert!(detail.contains("`order`"), "{detail}");
}

#[test]
fn a_secret_stays_unless_another_is_written_or_it_is_to_go() {
    let change = |fields: &[(&str, &str)]| sent(fields).change(&upstream()).expect("a change");
    let left = change(&[("password", ""), ("token", ""), ("proxy", "")]);
    assert_eq!((left.password, left.token, left.proxy), (None, None, None));
    let gone = change(&[("no_token", "on"), ("no_proxy", "on"), ("proxy", "")]);
    assert_eq!((gone.token, gone.proxy), (Some(None), Some(None)));
    let written = change(&[("password", " blank "), ("no_proxy", "on"), ("proxy", "x")]);
    assert_eq!(written.password, Some(Some(" blank ".to_owned())));
    assert_eq!(written.proxy, Some(Some("x".to_owned())));
}

#[test]
fn a_new_upstream_has_only_what_was_written() {
    let fields = [
        ("name", " ghcr "),
        ("registry", "ghcr.io"),
        ("order", ""),
        ("allow", ""),
        ("public", ""),
    ];
    let new = sent(&fields).new_upstream().expect("an upstream");
    assert_eq!(new.name, "ghcr");
    assert_eq!(new.registry.as_deref(), Some("ghcr.io"));
    assert_eq!((new.order, new.allow, new.public), (None, None, None));
}
