//! The command line and the configuration, as somebody meets them who starts Berth.

use std::process::{Command, Output};

use crate::support::{TestServer, ask};

/// Runs `berth` with nothing but what is given in its environment.
fn berth(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Command::new(env!("CARGO_BIN_EXE_berth"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(folder.path())
        .output()
        .expect("berth starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_start_that_is_not_understood_is_refused_with_its_reason() {
    let cases: [(&str, &str, &[&str]); 7] = [
        (
            "BERTH_PUBLIC_URL",
            "registry.example.com",
            &["BERTH_PUBLIC_URL", "https://registry.example.com"],
        ),
        ("BERTH_ALIASES", "a,b c", &["BERTH_ALIASES", "b c"]),
        ("BERTH_LISTEN", "5000", &["BERTH_LISTEN"]),
        (
            "BERTH_LIMITS__IDLE_SECOND",
            "5",
            &["BERTH_LIMITS__IDLE_SECOND", "BERTH_LIMITS__IDLE_SECONDS"],
        ),
        (
            "BERTH_DATADIR",
            "/tmp",
            &["BERTH_DATADIR", "BERTH_DATA_DIR"],
        ),
        (
            "BERTH_LIMITS__IDLE_SECONDS",
            "soon",
            &["BERTH_LIMITS__IDLE_SECONDS", "whole number"],
        ),
        ("BERTH_TLS__CERTIFICATE", "/certificate.pem", &["tls"]),
    ];
    for command in ["serve", "check-config"] {
        for (name, value, expected) in cases {
            let refused = berth(&[command], &[(name, value)]);
            let said = text(&refused.stderr);
            assert_eq!(
                refused.status.code(),
                Some(1),
                "{command} {name}={value}: {said}"
            );
            for word in expected {
                assert!(
                    said.contains(word),
                    "{command} {name}={value}: no {word:?} in {said}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_admin_who_lost_the_password_is_let_in_again_on_the_machine_of_the_server() {
    let mut server = TestServer::start().await;
    let folder = server.data_dir().display().to_string();
    let environment = [("BERTH_DATA_DIR", folder.as_str())];
    let refused = berth(&["recover-admin"], &environment);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("another berth is running"), "{said}");

    server.stop();
    let recovered = berth(&["recover-admin"], &environment);
    assert!(recovered.status.success(), "{}", text(&recovered.stderr));
    let password = text(&recovered.stdout);
    let server = server.restart().await;
    ask(server.get("/v2/")).await.expect(401);
    let admin = reqwest::Client::builder().build().expect("a client");
    let request = admin.get(server.url("/v2/"));
    ask(request.basic_auth("admin", Some(password.trim())))
        .await
        .expect(200);
}

#[test]
fn a_configuration_file_is_checked_by_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("berth.toml");
    std::fs::write(&file, "[limits]\nidle_second = 5\n").expect("a file");
    let file = file.to_str().expect("a path");
    let refused = berth(&["check-config", "--config", file], &[]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for word in [file, "2", "idle_second", "idle_seconds"] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    let missing = berth(&["serve", "--config", "/nowhere/berth.toml"], &[]);
    let said = text(&missing.stderr);
    assert_eq!(missing.status.code(), Some(1), "{said}");
    assert!(said.contains("/nowhere/berth.toml"), "{said}");
}

#[test]
fn the_example_of_the_configuration_is_good() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/berth.toml");
    let checked = berth(&["check-config", "--config", example], &[]);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for line in [
        "listens on  http://127.0.0.1:5000",
        "database    ./berth-data/berth.db",
        "blobs       ./berth-data/store",
        "the configuration is good",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
}

#[test]
fn what_is_deployed_to_and_who_is_told_is_said_without_secrets() {
    let environment = [
        ("BERTH_DEPLOY__DOCKER", "unix:///var/run/docker.sock"),
        ("BERTH_DEPLOY__ENGINE__PROD__URL", "tcp://10.0.0.7:2375"),
        ("BERTH_DEPLOY__ENGINE__PROD__TRIGGERS", "ann,shop+ci"),
        (
            "BERTH_DEPLOY__NOTIFY_URL",
            "https://alerts.example.com/hunter2",
        ),
        (
            "BERTH_DEPLOY__NOTIFY_SECRET",
            "whsec_QW4gZXhhbXBsZSB0aGF0IGV2ZXJ5Ym9keSBrbm93cw==",
        ),
    ];
    let checked = berth(&["check-config"], &environment);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for line in [
        "deploys to  local at unix:///var/run/docker.sock, for whoever pushes",
        "deploys to  prod at tcp://10.0.0.7:2375, for pushes of ann, shop+ci",
        "beware      prod is spoken to without TLS",
        "notifies    https://alerts.example.com\n",
        "secrets     deploy.notify_secret",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    assert!(
        !said.contains("hunter2") && !said.contains("QW4g"),
        "{said}"
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/berth.toml");
    let environment = [
        ("BERTH_LISTEN", "[::1]:5001"),
        ("BERTH_DATA_DIR", "/srv/berth"),
    ];
    let checked = berth(&["check-config", "--config", example], &environment);
    let said = text(&checked.stdout);
    assert!(said.contains("http://[::1]:5001"), "{said}");
    assert!(said.contains("/srv/berth/berth.db"), "{said}");
}

#[test]
fn check_config_says_what_is_pulled_through_and_how_long_it_stays() {
    let environment = [
        ("BERTH_UPSTREAM__HUB__REGISTRY", "docker.io"),
        ("BERTH_UPSTREAM__HUB__USERNAME", "me"),
        ("BERTH_UPSTREAM__HUB__PASSWORD", "hunter22"),
        ("BERTH_GROUP__ALL__MEMBERS", "shop,hub"),
        ("BERTH_MIRROR__DEFAULT", "hub"),
        ("BERTH_MIRROR__LISTEN", "127.0.0.1:5001"),
        ("BERTH_CACHE__BYTES", "10000000"),
        ("BERTH_CACHE__UNUSED_DAYS", "90"),
        ("BERTH_CACHE__PINS", "hub/library/**"),
    ];
    let checked = berth(&["check-config"], &environment);
    let said = text(&checked.stdout);
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    for line in [
        "upstream    hub: docker.io at https://registry-1.docker.io/ as me",
        "group       all: shop, hub",
        "at the root hub",
        "mirror      127.0.0.1:5001",
        "cache       at most 10000000 bytes",
        "cache       for 90 days without a pull",
        "pins        hub/library/**",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    assert!(!said.contains("hunter22"), "{said}");

    let no_file = [
        ("BERTH_UPSTREAM__HUB__REGISTRY", "docker.io"),
        ("BERTH_UPSTREAM__HUB__CA_FILE", "/nowhere/ca.pem"),
    ];
    let refused = berth(&["check-config"], &no_file);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the ca_file of upstream hub"), "{said}");
}

#[test]
fn check_config_says_what_is_reached_and_trusted() {
    let environment = [
        ("BERTH_LISTEN", "0.0.0.0:5000"),
        ("BERTH_PUBLIC_URL", "https://registry.example.com/"),
        ("BERTH_ALIASES", "registry.internal:5000, 10.0.0.1"),
        ("BERTH_TRUSTED_PROXIES", "192.0.2.1"),
        ("BERTH_METRICS__LISTEN", "127.0.0.1:9100"),
    ];
    let said = text(&berth(&["check-config"], &environment).stdout);
    for line in [
        "listens on  http://0.0.0.0:5000\n",
        "reached by  https://registry.example.com\n",
        "aliases     registry.internal:5000, 10.0.0.1\n",
        "trusts      192.0.2.1/32\n",
        "metrics     http://127.0.0.1:9100/metrics\n",
    ] {
        assert!(said.contains(line), "no {line:?} in {said}");
    }
    assert!(!said.contains("without TLS"), "{said}");
    let plain = text(&berth(&["check-config"], &environment[..1]).stdout);
    assert!(plain.contains("without TLS"), "{plain}");
}

#[test]
fn a_secret_is_read_from_a_file_and_shown_to_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "correct horse\n").expect("a file");
    let file = file.to_str().expect("a path");
    let key = "battery staple battery staple battery staple";
    let environment = [
        ("BERTH_ADMIN_PASSWORD_FILE", file),
        ("BERTH_SECRET_KEY", key),
    ];
    let checked = berth(&["check-config"], &environment);
    let said = text(&checked.stdout);
    assert!(
        said.contains("secrets     secret_key, admin_password\n"),
        "{said}"
    );
    let twice = [
        &environment[..],
        &[("BERTH_ADMIN_PASSWORD", "correct horse")],
    ]
    .concat();
    let refused = berth(&["check-config"], &twice);
    assert_eq!(refused.status.code(), Some(1));
    let refusal = text(&refused.stderr);
    for name in ["BERTH_ADMIN_PASSWORD ", "BERTH_ADMIN_PASSWORD_FILE "] {
        assert!(refusal.contains(name), "no {name} in {refusal}");
    }
    let said = said + &text(&checked.stderr) + &text(&refused.stdout) + &refusal;
    assert!(
        !said.contains("horse") && !said.contains("staple"),
        "{said}"
    );
}

#[tokio::test]
async fn plain_http_for_other_machines_is_served_with_a_warning() {
    let warned = |server: &TestServer| server.logged("served without TLS");
    let open = TestServer::builder().env("BERTH_LISTEN", "0.0.0.0:0");
    assert!(warned(&open.clone().start().await));
    let proxied = open.env("BERTH_PUBLIC_URL", "https://registry.example.com");
    assert!(!warned(&proxied.start().await));
    assert!(!warned(&TestServer::start().await));
}

#[test]
fn help_and_version_say_what_there_is() {
    let help = berth(&["--help"], &[]);
    assert!(help.status.success());
    let said = text(&help.stdout);
    for word in [
        "serve",
        "check-config",
        "berth.toml",
        "BERTH_LISTEN",
        "docker push",
    ] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    for command in ["serve", "check-config"] {
        let said = text(&berth(&[command, "--help"], &[]).stdout);
        assert!(said.contains("--config <FILE>"), "{command}: {said}");
    }
    let version = text(&berth(&["--version"], &[]).stdout);
    assert_eq!(version, format!("berth {}\n", env!("CARGO_PKG_VERSION")));
    let nothing = berth(&[], &[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("Usage: berth"));
}
