use std::fs;

use super::*;

mod deploy;
mod example;
mod lists;
mod refusals;
mod upstreams;
mod variables;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("berth.toml");
    fs::write(&path, file).unwrap();
    let environment = environment
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::load(Some(&path), environment)
}

/// The message, with the file's name in place of its path.
fn refusal(file: &str, environment: &[(&str, &str)]) -> String {
    let error = load(file, environment).expect_err(file).to_string();
    match error.find("berth.toml:") {
        Some(name) => error[name..].to_owned(),
        None => error,
    }
}

fn texts(list: &[impl ToString]) -> String {
    let texts: Vec<_> = list.iter().map(ToString::to_string).collect();
    texts.join(",")
}

fn deploys(config: &Config) -> berth_deployer::Settings {
    config.deploy_settings(config.listen)
}

fn text(secret: &Option<Secret>) -> String {
    secret.as_ref().expect("a secret").as_ref().to_owned()
}

#[test]
fn without_a_file_everything_has_a_default() {
    let config = Config::load(None, []).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:5000");
    assert_eq!(config.database_file(), Path::new("./berth-data/berth.db"));
    assert_eq!(config.store_folder(), Path::new("./berth-data/store"));
    assert_eq!(config.tls.files(), None);
}

#[test]
fn plain_http_for_other_machines_is_noticed() {
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let tls = ("BERTH_TLS__CERTIFICATE", "c.pem");
    let key = ("BERTH_TLS__KEY", "k.pem");
    let https = ("BERTH_PUBLIC_URL", "https://registry.example.com");
    let http = ("BERTH_PUBLIC_URL", "http://registry.example.com");
    let cases: [(&str, Variables, bool); 9] = [
        ("127.0.0.1:0", &[], false),
        ("127.1.2.3:80", &[], false),
        ("[::1]:5000", &[], false),
        ("[::ffff:127.0.0.1]:1", &[], false),
        ("0.0.0.0:5000", &[], true),
        ("[::]:5000", &[], true),
        ("[::ffff:10.0.0.1]:1", &[http], true),
        ("10.0.0.1:5000", &[https], false),
        ("10.0.0.1:5000", &[tls, key], false),
    ];
    for (address, environment, plain) in cases {
        let config = load(&format!("listen = '{address}'"), environment).unwrap();
        assert_eq!(config.listen.to_string(), address);
        assert_eq!(config.plain_beyond_loopback(), plain, "{address}");
    }
}

#[test]
fn a_list_is_read_from_the_file_and_from_the_environment() {
    let file = "aliases = ['one', 'Two:2']";
    assert_eq!(texts(&load(file, &[]).unwrap().aliases), "one,two:2");
    for (variable, expected) in [
        ("one", "one"),
        ("one,two:2", "one,two:2"),
        (" one , two:2 ", "one,two:2"),
        ("", ""),
    ] {
        let config = load(file, &[("BERTH_ALIASES", variable)]).unwrap();
        assert_eq!(texts(&config.aliases), expected, "{variable}");
    }
    let cases = [
        (
            "'one'",
            "takes a list of texts in quotes, not a value of the kind string",
        ),
        (
            "['one', 2]",
            "takes a list of texts in quotes, not one that holds a value of the kind integer",
        ),
        (
            "['one', '']",
            "is a list that holds an empty text: leave it out",
        ),
        (
            "['one two']",
            "`one two` is not a host: write registry.example.com, or with a port \
             registry.example.com:8443",
        ),
    ];
    for (value, reason) in cases {
        assert_eq!(
            refusal(&format!("aliases = {value}"), &[]),
            format!("berth.toml:1:1: `aliases`: {reason}")
        );
    }
    assert_eq!(
        refusal("", &[("BERTH_ALIASES", "one,")]),
        "BERTH_ALIASES: is a list that holds an empty text: leave it out"
    );
}

#[test]
fn a_trusted_proxy_is_an_address_or_a_network() {
    let proxies = "192.0.2.1, ::1,::ffff:192.0.2.2,10.0.0.0/8,fd00::/8";
    let config = load("", &[("BERTH_TRUSTED_PROXIES", proxies)]).unwrap();
    let expected = "192.0.2.1/32,::1/128,192.0.2.2/32,10.0.0.0/8,fd00::/8";
    assert_eq!(texts(&config.trusted_proxies), expected);
    for unfit in ["10.0.0.0/33", "10.0.0/8", "proxy.internal", "10.0.0.1:80"] {
        assert_eq!(
            refusal("", &[("BERTH_TRUSTED_PROXIES", unfit)]),
            format!(
                "BERTH_TRUSTED_PROXIES: `{unfit}` is neither an address nor a network: write \
                 192.0.2.1, 10.0.0.0/8 or fd00::/8"
            )
        );
    }
}

#[test]
fn urls_and_log_levels_are_checked_when_they_are_read() {
    let config = load(
        "[database]\nurl = 'sqlite:///x/y.db'\n[storage]\nurl = 'file:x y'",
        &[],
    )
    .unwrap();
    assert_eq!(config.database_file(), Path::new("/x/y.db"));
    assert_eq!(config.store_folder(), Path::new("x y"));

    let cases = [
        (
            "BERTH_DATABASE__URL",
            "postgres://berth:secret@db/berth",
            "does not take `postgres:`, since SQLite is the database that this release has: write \
             sqlite:///absolute/path/berth.db or sqlite:relative/path/berth.db",
        ),
        (
            "BERTH_PUBLIC_URL",
            "https://registry.example.com/registry",
            "has a path or parameters, but the registry is at the root of its host: write \
             https://registry.example.com",
        ),
        (
            "BERTH_STORAGE__URL",
            "s3://bucket",
            "does not take `s3:`, since a local folder is the storage that this release has: \
             write file:///absolute/folder or file:relative/folder",
        ),
        (
            "BERTH_LOG__LEVEL",
            "inof",
            "`inof` is not a log filter: write a level (error, warn, info, debug, trace or off), \
             and behind it, if a part of the program needs another one, target=level, as in \
             info,berth_registry=debug",
        ),
    ];
    for (name, value, reason) in cases {
        assert_eq!(refusal("", &[(name, value)]), format!("{name}: {reason}"));
    }
}
