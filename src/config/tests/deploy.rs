//! What is deployed where, and the one list of tables that is inside of a table.

use std::time::Duration;

use berth_deployer::TlsFiles;

use super::*;

const SECRET: &str = "whsec_QW4gZXhhbXBsZSB0aGF0IGV2ZXJ5Ym9keSBrbm93cw==";

/// Name and URL of each engine.
fn engines(config: &Config) -> Vec<String> {
    let engines = deploys(config).engines;
    let shown = engines.iter();
    shown
        .map(|engine| format!("{} {}", engine.name, engine.url))
        .collect()
}

#[test]
fn without_an_engine_nothing_is_deployed() {
    let settings = deploys(&Config::default());
    assert!(settings.engines.is_empty());
    assert!(settings.notify.is_none());
    assert_eq!(settings.quiet, Duration::from_secs(5));
    assert_eq!(settings.quiet_most, Duration::from_secs(60));
    assert_eq!(settings.monitor, Duration::from_secs(10));
    assert_eq!(settings.keep_images, 3);
}

#[test]
fn images_are_named_by_the_public_url_and_the_aliases_or_by_the_address() {
    let named = "public_url = 'https://registry.example.com'\naliases = ['registry:5000']";
    let cases = [
        (named, "registry.example.com,registry:5000"),
        ("", "127.0.0.1:5000"),
        (
            "aliases = ['localhost:5000']",
            "127.0.0.1:5000,localhost:5000",
        ),
    ];
    for (file, expected) in cases {
        let settings = deploys(&load(file, &[]).unwrap());
        assert_eq!(settings.hosts.join(","), expected);
    }
}

#[test]
fn an_engine_is_in_the_file_or_in_the_environment_or_in_both() {
    let file = "
        [deploy]
        docker = 'unix:///var/run/docker.sock'
        [[deploy.engine]]
        name = 'prod'
        url = 'tcp://10.0.0.7:2376'
        ca_file = 'ca.pem'
        cert_file = 'cert.pem'
        key_file = 'key.pem'
        triggers = ['ann', 'shop+ci']
        [[deploy.engine]]
        name = 'far-away'
        url = 'http://10.0.0.8:2375'
    ";
    let config = load(file, &[]).unwrap();
    let expected = [
        "local unix:///var/run/docker.sock",
        "prod tcp://10.0.0.7:2376",
        "far-away http://10.0.0.8:2375",
    ];
    assert_eq!(engines(&config), expected);
    let prod = &deploys(&config).engines[1];
    let files = TlsFiles {
        ca: "ca.pem".into(),
        cert: "cert.pem".into(),
        key: "key.pem".into(),
    };
    assert_eq!(prod.tls, Some(files));
    let triggers = prod.triggers.as_ref().unwrap();
    assert_eq!(triggers.join(","), "ann,shop+ci");

    let environment = [
        ("BERTH_DEPLOY__ENGINE__PROD__URL", "tcp://10.0.0.9:2376"),
        ("BERTH_DEPLOY__ENGINE__FAR_AWAY__TRIGGERS", "eve"),
        ("BERTH_DEPLOY__ENGINE__NEW__URL", "unix:///run/new.sock"),
    ];
    let config = load(file, &environment).unwrap();
    let expected = [
        "local unix:///var/run/docker.sock",
        "prod tcp://10.0.0.9:2376",
        "far-away http://10.0.0.8:2375",
        "new unix:///run/new.sock",
    ];
    assert_eq!(engines(&config), expected);
    assert_eq!(
        deploys(&config).engines[2].triggers.as_ref().unwrap(),
        &["eve"]
    );
    assert_eq!(
        engines(&load("", &environment[2..]).unwrap()),
        &expected[3..]
    );
}

#[test]
fn the_secret_of_notifications_can_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    let url = "[deploy]\nnotify_url = 'https://alerts.example.com/x?token=hunter22'";
    let path = path.to_str().unwrap();
    let by_file = format!("{url}\nnotify_secret_file = '{path}'");
    let whole = load(&format!("{url}\nnotify_secret = '{SECRET}'"), &[]).unwrap();
    for config in [
        load(&by_file, &[]).unwrap(),
        load(url, &[("BERTH_DEPLOY__NOTIFY_SECRET_FILE", path)]).unwrap(),
    ] {
        assert_eq!(config, whole);
        let notify = deploys(&config).notify.unwrap();
        assert_eq!(notify.url, "https://alerts.example.com/x?token=hunter22");
        assert_eq!(notify.secret.as_ref(), b"An example that everybody knows");
        let shown = format!("{config:?} {:?}", notify.secret);
        assert!(
            !shown.contains("hunter22") && !shown.contains("QW4g"),
            "{shown}"
        );
    }
    let both = format!("{by_file}\nnotify_secret = '{SECRET}'");
    let said = load(&both, &[]).unwrap_err().to_string();
    assert!(said.contains("keep one of them"), "{said}");
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_place() {
    let engine = |keys: &str| format!("[[deploy.engine]]\nname = 'prod'\n{keys}");
    let some = "of `deploy.engine.ca_file`, `deploy.engine.cert_file` and `deploy.engine.key_file` \
                some are missing: give all three, or none to speak without TLS";
    let no_tls = "TLS is spoken with tcp:// only: write `deploy.engine.url` so, or leave out \
                  `deploy.engine.ca_file`, `deploy.engine.cert_file` and `deploy.engine.key_file`";
    let cases = [
        (
            "[deploy]\ndocker = 'unix:///a'\n[[deploy.engine]]\nname = 'local'\nurl = 'unix:///b'"
                .to_owned(),
            "4:1: `deploy.engine.name`: `local` is the name of the engine in `deploy.docker`: give \
             this one another name, or leave `deploy.docker` out"
                .to_owned(),
        ),
        (
            "[deploy]\ndocker = 'unix:///a'\n[[deploy.engine]]\nname = 'a'\nurl = 'unix:///a'"
                .to_owned(),
            "5:1: `deploy.engine.url`: another engine has this address too: keep one of them"
                .to_owned(),
        ),
        (
            engine(""),
            "2:1: `deploy.engine.name`: the engine has no address: give `deploy.engine.url`, such \
             as tcp://10.0.0.7:2376"
                .to_owned(),
        ),
        (
            engine("url = 'tcp://h:1'\nca_file = 'x'\nkey_file = 'x'"),
            format!("3:1: `deploy.engine.url`: {some}"),
        ),
        (
            engine("url = 'http://h:1'\nca_file = 'x'"),
            format!("3:1: `deploy.engine.url`: {no_tls}"),
        ),
        (
            engine("url = 'ssh://h'"),
            "3:1: `deploy.engine.url`: does not take `ssh:`: write unix:///var/run/docker.sock, \
             tcp://10.0.0.7:2376 or http://127.0.0.1:2375"
                .to_owned(),
        ),
        (
            engine("url = 'unix:///b'\ntriggers = ['Ann']"),
            "4:1: `deploy.engine.triggers`: `Ann` is neither a user nor a robot: write ann, or \
             shop+ci for the robot ci of shop"
                .to_owned(),
        ),
        (
            "[deploy]\nquiet_seconds = 61".to_owned(),
            "2:1: `deploy.quiet_seconds`: `deploy.quiet_most_seconds` is 60, less than the 61 of \
             `deploy.quiet_seconds`: raise it, or lower the other"
                .to_owned(),
        ),
        (
            "[deploy]\nnotify_url = 'ftp://x'".to_owned(),
            "2:1: `deploy.notify_url`: is no URL to send to: write \
             https://alerts.example.com/berth"
                .to_owned(),
        ),
        (
            "deploy.engine.prod.url = 'unix:///a'".to_owned(),
            "1:8: `deploy.engine`: is a list of tables: write [[deploy.engine]] above the keys of \
             each entry"
                .to_owned(),
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(refusal(&file, &[]), format!("berth.toml:{expected}"));
    }
}

#[test]
fn notifications_have_a_url_and_a_secret_that_is_not_shown() {
    let cases = [
        (
            "notify_url = 'https://x'".to_owned(),
            "`deploy.notify_secret` is missing",
        ),
        (
            format!("notify_secret = '{SECRET}'"),
            "`deploy.notify_url` is missing",
        ),
        (
            "notify_url = 'https://ann:hunter2@x'".to_owned(),
            "holds a user",
        ),
        (
            "notify_secret = 'hunter2'".to_owned(),
            "takes whsec_ and behind it the base64 of 24 to 64 random bytes",
        ),
    ];
    for (keys, expected) in cases {
        let said = refusal(&format!("[deploy]\n{keys}"), &[]);
        assert!(said.contains(expected), "{said}");
        assert!(
            !said.contains("hunter2") && !said.contains(SECRET),
            "{said}"
        );
    }
}

#[test]
fn a_variable_of_an_engine_that_fits_no_key_is_answered_with_its_neighbour() {
    let cases = [
        (
            "BERTH_DEPLOY__ENGINE__PROD__ULR",
            "BERTH_DEPLOY__ENGINE__PROD__URL",
        ),
        (
            "BERTH_DEPLOY__ENGINE__URL",
            "BERTH_DEPLOY__ENGINE__<NAME>__URL",
        ),
        ("BERTH_DEPLOY__DOKCER", "BERTH_DEPLOY__DOCKER"),
    ];
    for (name, neighbour) in cases {
        let expected = format!(
            "there is no key for the environment variable {name}: did you mean {neighbour}?"
        );
        assert_eq!(refusal("", &[(name, "1")]), expected);
    }
}
