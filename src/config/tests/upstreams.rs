//! Upstreams, groups and the mirror, and how they fit together.

use std::time::Duration;

use berth_proxy::{Capabilities, Credentials, Profile};

use super::*;

const HUB: &str = "[[upstream]]\nname = 'hub'\nregistry = 'docker.io'\n";

fn hub(keys: &str) -> UpstreamSettings {
    let upstreams = load(&format!("{HUB}{keys}"), &[]).unwrap().upstreams();
    upstreams.into_iter().next().unwrap()
}

#[test]
fn an_upstream_needs_a_name_and_a_registry_only() {
    let hub = hub("");
    assert_eq!(hub.name.as_str(), "hub");
    assert_eq!(hub.registry, "docker.io");
    assert_eq!(hub.url.as_str(), "https://registry-1.docker.io/");
    assert_eq!(hub.profile, Profile::DockerHub);
    assert!(matches!(hub.credentials, Credentials::None));
    assert_eq!(hub.order, 100);
    assert_eq!(hub.capabilities, Capabilities::ALL);
    assert_eq!(hub.proxy, None);
    assert_eq!(hub.ca_file, None);
    assert_eq!(hub.allow_hosts, Vec::<String>::new());
    assert_eq!((hub.allow.len(), hub.deny.len()), (0, 0));
    assert_eq!(hub.bytes_per_second, None);
    assert_eq!(hub.fresh, Duration::from_secs(300));
    assert_eq!(hub.immutable_tags.len(), 0);
    assert_eq!(hub.stale, Duration::from_secs(30 * 24 * 60 * 60));
    assert!(!hub.offline);
    assert!(hub.public);
    assert_eq!(hub.warm.images, []);
    assert_eq!(hub.warm.platforms, []);
    assert_eq!(hub.warm.every, Duration::from_secs(60 * 60));
}

#[test]
fn what_is_given_for_an_upstream_is_what_it_gets() {
    let hub = hub("
        url = 'http://mirror.example:5000/hub/'
        profile = 'docker-hub'
        username = 'me'
        password = 'hunter22'
        proxy = 'socks5://me:hunter22@proxy:1080'
        ca_file = 'ca.pem'
        order = 5
        capabilities = ['pull', 'resolve']
        allow_hosts = ['CDN.example', '10.0.0.5:8443', '*.example.com']
        allow = ['library/**']
        deny = ['library/old-*', 'x']
        bytes_per_second = 4096
        fresh_seconds = 0
        immutable_tags = ['v[0-9]+']
        stale_days = 2
        offline = true
        public = true
        warm = ['library/alpine:3']
        warm_platforms = ['linux/arm64/v8']
        warm_minutes = 5
    ");
    assert_eq!(hub.url.as_str(), "http://mirror.example:5000/hub");
    assert_eq!(hub.profile, Profile::DockerHub);
    let Credentials::Password { username, password } = &hub.credentials else {
        panic!("{:?}", hub.credentials);
    };
    assert_eq!((username.as_str(), password.expose()), ("me", "hunter22"));
    let proxy = hub.proxy.as_ref().unwrap().expose();
    assert_eq!(proxy, "socks5://me:hunter22@proxy:1080");
    assert_eq!(hub.ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!(hub.order, 5);
    assert_eq!(hub.capabilities, Capabilities::ALL);
    assert_eq!(
        texts(&hub.allow_hosts),
        "cdn.example,10.0.0.5:8443,*.example.com"
    );
    assert_eq!(texts(&hub.allow), "library/**");
    assert_eq!(texts(&hub.deny), "library/old-*,x");
    assert_eq!(hub.bytes_per_second, Some(4096));
    assert_eq!(hub.fresh, Duration::ZERO);
    assert_eq!(texts(&hub.immutable_tags), "^(?:v[0-9]+)$");
    assert_eq!(hub.stale, Duration::from_secs(2 * 24 * 60 * 60));
    assert!(hub.offline && hub.public);
    assert_eq!(texts(&hub.warm.images), "library/alpine:3");
    assert_eq!(texts(&hub.warm.platforms), "linux/arm64/v8");
    assert_eq!(hub.warm.every, Duration::from_secs(5 * 60));
    assert!(!format!("{hub:?}").contains("hunter22"));
}

#[test]
fn what_is_left_out_comes_from_the_profile() {
    let cases = [
        (
            "registry = 'quay.io'",
            Profile::Quay,
            "quay.io",
            "https://quay.io/",
        ),
        (
            "registry = 'Registry.example:5000'",
            Profile::Generic,
            "registry.example:5000",
            "https://registry.example:5000/",
        ),
        (
            "profile = 'docker-hub'",
            Profile::DockerHub,
            "docker.io",
            "https://registry-1.docker.io/",
        ),
        (
            "url = 'https://registry-1.docker.io'",
            Profile::DockerHub,
            "docker.io",
            "https://registry-1.docker.io/",
        ),
        (
            "registry = 'docker.io'\nurl = 'https://mirror.example/hub'",
            Profile::Generic,
            "docker.io",
            "https://mirror.example/hub",
        ),
        (
            "url = 'https://abcd.mirror.aliyuncs.com'\ncapabilities = ['resolve']",
            Profile::AliyunAccelerator,
            "docker.io",
            "https://abcd.mirror.aliyuncs.com/",
        ),
    ];
    for (keys, profile, registry, url) in cases {
        let file = format!("[[upstream]]\nname = 'one'\n{keys}");
        let upstreams = load(&file, &[]).unwrap().upstreams();
        assert_eq!(upstreams[0].profile, profile, "{keys}");
        assert_eq!(upstreams[0].registry, registry, "{keys}");
        assert_eq!(upstreams[0].url.as_str(), url, "{keys}");
    }
}

#[test]
fn what_needs_credentials_is_not_public_unless_it_is_said_to_be() {
    for (keys, public) in [
        ("", true),
        ("public = false", false),
        ("token = 'x'", false),
        ("username = 'me'\npassword = 'x'", false),
        ("token = 'x'\npublic = true", true),
    ] {
        assert_eq!(hub(keys).public, public, "{keys}");
    }
    assert!(matches!(
        hub("token = 'x'").credentials,
        Credentials::Bearer(_)
    ));
}

#[test]
fn upstreams_are_in_the_order_in_which_they_are_asked() {
    let file = "
        [[upstream]]
        name = 'one'
        registry = 'quay.io'
        [[upstream]]
        name = 'two'
        registry = 'quay.io'
        order = 1
        [[upstream]]
        name = 'three'
        registry = 'quay.io'
    ";
    let upstreams = load(file, &[]).unwrap().upstreams();
    let names: Vec<_> = upstreams.iter().map(|upstream| &upstream.name).collect();
    assert_eq!(texts(&names), "two,one,three");
}

#[test]
fn the_secrets_of_an_entry_are_read_from_files_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, "hunter22\n").unwrap();
    let path = path.to_str().unwrap();
    let file = format!("{HUB}username = 'me'\npassword_file = '{path}'");
    let config = load(&file, &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter22"));
    let from_variable = [("BERTH_UPSTREAM__HUB__PASSWORD_FILE", path)];
    let given = format!("{HUB}username = 'me'");
    assert_eq!(load(&given, &from_variable).unwrap(), config);
    let upstreams = config.upstreams();
    let Credentials::Password { password, .. } = &upstreams[0].credentials else {
        panic!("no password");
    };
    assert_eq!(password.expose(), "hunter22");

    let twice = refusal(&file, &[("BERTH_UPSTREAM__HUB__PASSWORD", "hunter22")]);
    let expected = "BERTH_UPSTREAM__HUB__PASSWORD is given, and ";
    let error = load(&file, &[("BERTH_UPSTREAM__HUB__PASSWORD", "hunter22")]).unwrap_err();
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!(
        twice,
        "berth.toml:5:1: `upstream.password_file` too: keep one of them"
    );
    for keys in [
        "url = 'https://me:hunter22@docker.io'",
        "proxy = 'ftp://me:hunter22@proxy'",
        "token = ['hunter22']",
        "password = 'hunter22'",
        "token = 'hunter22'\npassword = 'hunter22'",
    ] {
        let error = load(&format!("{HUB}{keys}"), &[]).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("hunter22"), "{said}");
    }
}

#[test]
fn an_unfit_key_of_an_upstream_is_refused_with_its_place() {
    let cases = [
        (
            "url = 'docker.io'",
            "url`: is no URL of a registry: write https://host, or http://host for one without TLS",
        ),
        (
            "profile = 'hub'",
            "profile`: `hub` is no profile: docker-hub, aliyun-acr, aliyun-accelerator, quay, \
             ghcr, kubernetes, mcr and generic are",
        ),
        (
            "proxy = 'proxy:3128'",
            "proxy`: is no URL of a proxy: write http://, https:// or socks5://, and a host and a \
             port",
        ),
        (
            "capabilities = ['push']",
            "capabilities`: `push` is no capability: resolve and pull are",
        ),
        (
            "capabilities = []",
            "capabilities`: is a list of nothing, so that the upstream would never be asked: \
             leave it out",
        ),
        (
            "allow_hosts = ['*.cdn.example:443']",
            "allow_hosts`: `*.cdn.example:443` is no host: write cdn.example.com, \
             cdn.example.com:8443 or *.example.com",
        ),
        (
            "allow = ['Library']",
            "allow`: `Library` is no pattern of repositories: write names such as shop/web, with \
             `*` for any part of a path component and `**` for any number of components, as in \
             shop/** or shop/web-*",
        ),
        (
            "immutable_tags = ['a)|(b']",
            "immutable_tags`: `a)|(b` is no pattern of tags: unopened group",
        ),
        (
            "warm = ['alpine']",
            "warm`: `alpine` names no image: write a repository and a tag, as in library/alpine:3",
        ),
        (
            "warm_platforms = ['amd64']",
            "warm_platforms`: `amd64` is no platform: write linux/amd64, or with a variant \
             linux/arm64/v8",
        ),
        (
            "username = 'me'",
            "username`: `upstream.username` is given, but `upstream.password` is missing: give \
             both, or neither to ask without signing in",
        ),
        (
            "password = 'x'",
            "password`: `upstream.password` is given, but `upstream.username` is missing: give \
             both, or neither to ask without signing in",
        ),
        (
            "token = 'x'\nusername = 'me'",
            "token`: `upstream.token` is given, and `upstream.username` too: keep one of them",
        ),
        (
            "profile = 'aliyun-accelerator'",
            "profile`: the accelerator has no address: give `upstream.url`, as in \
             https://abcd1234.mirror.aliyuncs.com",
        ),
        (
            "capabilities = ['pull']",
            "capabilities`: no upstream of docker.io can resolve, so that nobody says which \
             digest a tag has: add an upstream that can, or give this one the capability",
        ),
    ];
    for (keys, expected) in cases {
        let file = format!("{HUB}{keys}");
        let expected = format!("berth.toml:4:1: `upstream.{expected}");
        assert_eq!(refusal(&file, &[]), expected);
    }
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_place() {
    let cases = [
        (
            "[[upstream]]\nname = 'one'",
            "2:1: `upstream.name`: the upstream has no registry: give `upstream.registry`, what \
             clients call it, such as docker.io",
        ),
        (
            "[[upstream]]\nname = 'one'\nregistry = 'https://docker.io'",
            "3:1: `upstream.registry`: `https://docker.io` is not a host: write \
             registry.example.com, or with a port registry.example.com:8443",
        ),
        (
            "[[upstream]]\nname = 'one'\nregistry = 'a.256'",
            "3:1: `upstream.registry`: can not be the host of a URL: write a name such as docker.io",
        ),
        (
            "[[upstream]]\nname = 'robot'",
            "2:1: `upstream.name`: `robot` can not be used, since robots that belong to no \
             project have it in their logins",
        ),
        (
            "[[group]]\nname = 'library'",
            "2:1: `group.name`: `library` can not be used, since docker writes it where a name \
             has no project",
        ),
        (
            "[[group]]\nname = 'all'",
            "2:1: `group.name`: the group has no members: give `group.members`",
        ),
        (
            "[[group]]\nname = 'all'\nmembers = []",
            "3:1: `group.members`: the group has no members: give `group.members`",
        ),
        (
            "[[group]]\nname = 'all'\nmembers = ['all']",
            "3:1: `group.members`: `all` is a group: write its members instead",
        ),
        (
            "[[group]]\nname = 'all'\nmembers = ['shop']\npush = 'hub'",
            "4:1: `group.push`: `hub` is no member of the group: write one of them",
        ),
        (
            "mirror.default = 'hub'",
            "1:8: `mirror.default`: `hub` is no upstream: write the name of one",
        ),
        (
            "cache.bytes = 1_048_575",
            "1:7: `cache.bytes`: takes a whole number from 1048576 to 1000000000000000, not \
             1048575 (Most bytes that the content of all upstreams takes; above it, what was not \
             pulled for the longest time goes)",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(refusal(file, &[]), format!("berth.toml:{expected}"));
    }
    let shared = format!("{HUB}[[group]]\nname = 'hub'\nmembers = ['shop']");
    let said = load(&shared, &[]).unwrap_err().to_string();
    for part in [
        "berth.toml:5:1: `group.name`: `hub` is a name that ",
        "berth.toml:2:1: `upstream.name` has too",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(
        refusal("", &[("BERTH_UPSTREAM__ONE__USERNAME", "me")]),
        "BERTH_UPSTREAM__ONE__USERNAME: the upstream has no registry: give `upstream.registry`, \
         what clients call it, such as docker.io"
    );
}

#[test]
fn a_mirror_that_can_not_resolve_stands_beside_one_that_can() {
    let file = format!(
        "mirror.default = 'fast'
        {HUB}
        [[upstream]]
        name = 'fast'
        url = 'https://abcd.mirror.aliyuncs.com'
        order = 1
        [[group]]
        name = 'all'
        members = ['shop', 'hub']"
    );
    let config = load(&file, &[]).unwrap();
    let upstreams = config.upstreams();
    assert_eq!(upstreams[0].name.as_str(), "fast");
    assert!(!upstreams[0].capabilities.resolve);
    assert_eq!(upstreams[0].registry, upstreams[1].registry);
    assert_eq!(config.groups()[0].push, None);
}
