use std::fs;

use base64::Engine as _;

use super::*;

mod deploy;
mod lists;
mod upstreams;

const EXAMPLE: &str = include_str!("../../config/berth.toml");

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

struct Shown {
    path: String,
    comment: String,
    value: String,
}

/// Each key of the example, with the comment above it.
fn shown() -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut table = "";
    let mut comment = String::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.strip_suffix(']').expect(line);
        }
        // An entry that is not commented out would be one.
        if let Some(name) = line.strip_prefix("# [[") {
            table = name.strip_suffix("]]").expect(line);
            continue;
        }
        let Some(text) = line.strip_prefix('#') else {
            comment.clear();
            continue;
        };
        match text.split_once(" = ") {
            Some((name, value)) if !name.trim().contains(' ') => shown.push(Shown {
                path: schema::join(table, name.trim()),
                comment: comment.trim().to_owned(),
                value: value.to_owned(),
            }),
            Some(_) | None => comment.push_str(text),
        }
    }
    shown
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
fn the_example_shows_every_key_with_its_meaning_and_default() {
    assert_eq!(load(EXAMPLE, &[]).unwrap(), Config::default());

    let schema = Schema::of::<Config>();
    let shown = shown();
    let mut paths: Vec<_> = shown.iter().map(|key| &key.path).collect();
    paths.sort();
    assert_eq!(paths, schema.keys().keys().collect::<Vec<_>>());
    for Shown {
        path,
        comment,
        value,
    } in shown
    {
        let key = schema.key(&path).unwrap();
        assert!(!comment.is_empty(), "{path} has no doc comment");
        assert_eq!(comment, key.meaning, "{path}");
        if schema.list_of(&path).is_none() && !key.optional {
            let file = format!("{path} = {value}");
            assert_eq!(load(&file, &[]).unwrap(), Config::default(), "{file}");
        }
    }
}

#[test]
fn each_key_of_the_example_can_be_set_and_be_a_variable() {
    let schema = Schema::of::<Config>();
    // The twins of secrets have a test of their own: one of the two is given.
    let twins: Vec<_> = schema.secrets().map(secret::twin).collect();
    let mut shown = shown();
    // So have those of entries.
    shown.retain(|key| !twins.contains(&key.path) && schema.list_of(&key.path).is_none());
    let mut file: String = shown
        .iter()
        .map(|key| format!("{} = {}\n", key.path, key.value))
        .collect();
    // The one that mirror.default names.
    file.push_str("[[upstream]]\nname = 'hub'\nregistry = 'docker.io'");
    let mut environment: Vec<_> = shown
        .iter()
        .map(|key| {
            let value = key.value.trim_matches(['"', '[', ']']).to_owned();
            (environment::variable(&key.path, None, &schema), value)
        })
        .collect();
    environment.push(("BERTH_UPSTREAM__HUB__REGISTRY".into(), "docker.io".into()));
    let given = |path: &str| {
        let key = shown.iter().find(|key| key.path == path).unwrap();
        let secret = toml::Value::from(key.value.trim_matches('"'));
        Some(secret.try_into().unwrap())
    };
    let expected = Config {
        secret_key: given("secret_key"),
        previous_secret_key: given("previous_secret_key"),
        admin_password: given("admin_password"),
        public_url: Some(
            "https://registry.example.com"
                .to_owned()
                .try_into()
                .unwrap(),
        ),
        database: Database {
            url: Some(
                "sqlite:///var/lib/berth/berth.db"
                    .to_owned()
                    .try_into()
                    .unwrap(),
            ),
        },
        storage: Storage {
            url: Some("file:///srv/berth/store".to_owned().try_into().unwrap()),
        },
        tls: Tls {
            certificate: Some("/etc/berth/tls/certificate.pem".into()),
            key: Some("/etc/berth/tls/key.pem".into()),
        },
        metrics: Metrics {
            listen: Some("127.0.0.1:9100".parse().unwrap()),
        },
        upstreams: load("upstream = [{ name = 'hub', registry = 'docker.io' }]", &[])
            .unwrap()
            .upstreams,
        mirror: Mirror {
            default: Some("hub".parse().unwrap()),
            listen: Some("127.0.0.1:5001".parse().unwrap()),
        },
        cache: Cache {
            bytes: Some(100_000_000_000),
            unused_days: Some(90),
            pins: Vec::new(),
        },
        deploy: load(
            "
            [deploy]
            docker = 'unix:///var/run/docker.sock'
            notify_url = 'https://alerts.example.com/berth'
            notify_secret = 'whsec_QW4gZXhhbXBsZSB0aGF0IGV2ZXJ5Ym9keSBrbm93cw=='
            ",
            &[],
        )
        .unwrap()
        .deploy,
        ..Config::default()
    };
    assert_eq!(load(&file, &[]).unwrap(), expected);
    assert_eq!(Config::load(None, environment).unwrap(), expected);
}

#[test]
fn a_variable_sets_its_key_and_wins_over_the_file() {
    let file = "
        listen = '127.0.0.1:1'
        public_url = 'http://file'
        aliases = ['file']
        trusted_proxies = ['10.0.0.0/8']
        data_dir = 'file'
        database.url = 'sqlite:file'
        storage.url = 'file:file'
        tls = { certificate = 'file', key = 'file' }
        secret_key = 'a secret key of the file, or so it says'
        previous_secret_key = 'a secret key of the file, or so it says'
        admin_password = 'of the file'
        metrics.listen = '127.0.0.1:1'
        mirror = { default = 'one', listen = '127.0.0.1:1' }
        cache = { bytes = 7_000_000, unused_days = 7, pins = ['file/**'] }
        collection.grace_seconds = 7
        upstream = [
            { name = 'one', registry = 'one.example' },
            { name = 'other', registry = 'other.example' },
        ]
        [deploy]
        docker = 'unix:///file'
        quiet_seconds = 7
        quiet_most_seconds = 77
        monitor_seconds = 7
        keep_images = 7
        notify_url = 'http://file'
        notify_secret = 'whsec_b2YgdGhlIGZpbGUsIG9yIHNvIGl0IHNheXM='
        [limits]
        manifest_bytes = 5_000_000
        page_entries = 0x7
        connections = 7
        header_seconds = 7
        idle_seconds = 7
        shutdown_seconds = 7
        upload_expiry_hours = 7
        audit_rows = 7_000
        [log]
        format = 'text'
        level = 'warn'
        access = true
    ";
    type Read = fn(&Config) -> String;
    let cases: [(&str, &str, Read); 36] = [
        ("BERTH_LISTEN", "[::1]:5001", |c| c.listen.to_string()),
        (
            "BERTH_PUBLIC_URL",
            "https://registry.example.com:8443",
            |c| c.public_url.as_ref().unwrap().to_string(),
        ),
        ("BERTH_ALIASES", "registry.internal:5000,10.0.0.1", |c| {
            texts(&c.aliases)
        }),
        ("BERTH_TRUSTED_PROXIES", "fd00::/8,127.0.0.0/8", |c| {
            texts(&c.trusted_proxies)
        }),
        ("BERTH_DATA_DIR", "/data", |c| {
            c.data_dir.display().to_string()
        }),
        (
            "BERTH_SECRET_KEY",
            "a secret key of the environment, or so it says",
            |c| text(&c.secret_key),
        ),
        (
            "BERTH_PREVIOUS_SECRET_KEY",
            "a secret key of the environment, or so it says",
            |c| text(&c.previous_secret_key),
        ),
        ("BERTH_ADMIN_PASSWORD", "of the environment", |c| {
            text(&c.admin_password)
        }),
        ("BERTH_DATABASE__URL", "sqlite:/x/y.db", |c| {
            format!("sqlite:{}", c.database_file().display())
        }),
        ("BERTH_STORAGE__URL", "file:x y", |c| {
            format!("file:{}", c.store_folder().display())
        }),
        ("BERTH_TLS__CERTIFICATE", "c.pem", |c| {
            c.tls.files().unwrap().0.display().to_string()
        }),
        ("BERTH_TLS__KEY", "k.pem", |c| {
            c.tls.files().unwrap().1.display().to_string()
        }),
        ("BERTH_METRICS__LISTEN", "[::1]:9100", |c| {
            c.metrics.listen.unwrap().to_string()
        }),
        ("BERTH_MIRROR__DEFAULT", "other", |c| {
            c.mirror.default.as_ref().unwrap().to_string()
        }),
        ("BERTH_MIRROR__LISTEN", "[::1]:5001", |c| {
            c.mirror.listen.unwrap().to_string()
        }),
        ("BERTH_CACHE__BYTES", "1048576", |c| {
            c.cache.bytes.unwrap().to_string()
        }),
        ("BERTH_CACHE__UNUSED_DAYS", "1", |c| {
            c.cache.unused_days.unwrap().to_string()
        }),
        ("BERTH_CACHE__PINS", "hub/library/**,*/base", |c| {
            texts(&c.cache.pins)
        }),
        ("BERTH_COLLECTION__GRACE_SECONDS", "60", |c| {
            c.collection.grace_seconds.to_string()
        }),
        ("BERTH_DEPLOY__DOCKER", "http://proxy:2375", |c| {
            deploys(c).engines[0].url.clone()
        }),
        ("BERTH_DEPLOY__QUIET_SECONDS", "0", |c| {
            deploys(c).quiet.as_secs().to_string()
        }),
        ("BERTH_DEPLOY__QUIET_MOST_SECONDS", "8", |c| {
            deploys(c).quiet_most.as_secs().to_string()
        }),
        ("BERTH_DEPLOY__MONITOR_SECONDS", "1", |c| {
            deploys(c).monitor.as_secs().to_string()
        }),
        ("BERTH_DEPLOY__KEEP_IMAGES", "0", |c| {
            deploys(c).keep_images.to_string()
        }),
        ("BERTH_DEPLOY__NOTIFY_URL", "https://environment/x", |c| {
            deploys(c).notify.unwrap().url
        }),
        (
            "BERTH_DEPLOY__NOTIFY_SECRET",
            "whsec_b2YgdGhlIGVudmlyb25tZW50LCBvciBzbw==",
            |c| {
                let secret = deploys(c).notify.unwrap().secret;
                let secret = base64::engine::general_purpose::STANDARD.encode(secret.as_ref());
                format!("whsec_{secret}")
            },
        ),
        ("BERTH_LIMITS__MANIFEST_BYTES", "4000000", |c| {
            c.limits.manifest_bytes.to_string()
        }),
        ("BERTH_LIMITS__PAGE_ENTRIES", "10000", |c| {
            c.limits.page_entries.to_string()
        }),
        ("BERTH_LIMITS__CONNECTIONS", "1", |c| {
            c.limits.connections.to_string()
        }),
        ("BERTH_LIMITS__HEADER_SECONDS", "1", |c| {
            c.limits.header_seconds.to_string()
        }),
        ("BERTH_LIMITS__IDLE_SECONDS", "1", |c| {
            c.limits.idle_seconds.to_string()
        }),
        ("BERTH_LIMITS__SHUTDOWN_SECONDS", "0", |c| {
            c.limits.shutdown_seconds.to_string()
        }),
        ("BERTH_LIMITS__UPLOAD_EXPIRY_HOURS", "1", |c| {
            c.limits.upload_expiry_hours.to_string()
        }),
        ("BERTH_LIMITS__AUDIT_ROWS", "1000", |c| {
            c.limits.audit_rows.to_string()
        }),
        ("BERTH_LOG__LEVEL", "debug", |c| {
            c.log.level.filter().to_string()
        }),
        ("BERTH_LOG__ACCESS", "false", |c| c.log.access.to_string()),
    ];
    let from_file = load(file, &[]).unwrap();
    assert_eq!(from_file.limits.page_entries, 7);
    for (name, value, read) in cases {
        assert_ne!(read(&from_file), value, "{name}");
        let config = load(file, &[(name, value)]).unwrap();
        assert_eq!(read(&config), value, "{name}");
    }
    let config = load(file, &[("BERTH_LOG__FORMAT", "json")]).unwrap();
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_value_of_the_file_that_a_variable_replaces_is_not_looked_at() {
    let file = "listen = 'nowhere'\n[limits]\nidle_seconds = 'long'";
    let environment = [
        ("BERTH_LISTEN", "127.0.0.1:5000"),
        ("BERTH_LIMITS__IDLE_SECONDS", "60"),
    ];
    assert_eq!(load(file, &environment).unwrap(), Config::default());
}

#[test]
fn variables_that_are_not_configuration_are_left_alone() {
    let environment = [
        ("BERTH_SERVICE_HOST", "10.0.0.1"),
        ("BERTH_PORT", "tcp://10.0.0.1:5000"),
        ("BERTH_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
        ("BERTH_TEST_POSTGRES", "postgres://"),
        ("BERTH", "1"),
        ("LISTEN", "x"),
        ("berth_listen", "x"),
    ];
    assert_eq!(load("", &environment).unwrap(), Config::default());
}

#[test]
fn an_unknown_key_is_answered_with_its_place_and_neighbour() {
    let cases = [
        ("listn = 1", "1:1", "listn", "listen"),
        ("\n  lsiten = 1", "2:3", "lsiten", "listen"),
        ("[log]\nlevle = 1", "2:1", "log.levle", "log.level"),
        ("[databse]\nurl = 1", "1:2", "databse", "database"),
        ("limit.idle_seconds = 1", "1:1", "limit", "limits"),
        (
            "idle_seconds = 1",
            "1:1",
            "idle_seconds",
            "limits.idle_seconds",
        ),
        (
            "[limits]\nidle = 1",
            "2:1",
            "limits.idle",
            "limits.idle_seconds",
        ),
        ("[tls]\ncert = 1", "2:1", "tls.cert", "tls.certificate"),
        ("database_url = 1", "1:1", "database_url", "database.url"),
        ("[tls]\ndata_dir = 1", "2:1", "tls.data_dir", "data_dir"),
        (
            "[metrics]\nlistn = 1",
            "2:1",
            "metrics.listn",
            "metrics.listen",
        ),
        ("lissen = 1\ndata = 1", "1:1", "lissen", "listen"),
    ];
    for (file, position, key, neighbour) in cases {
        let expected =
            format!("berth.toml:{position}: there is no key `{key}`: did you mean `{neighbour}`?");
        assert_eq!(refusal(file, &[]), expected);
    }
}

#[test]
fn an_unknown_variable_is_answered_with_its_neighbour() {
    let cases = [
        ("BERTH_LISTN", "BERTH_LISTEN"),
        ("BERTH_listen", "BERTH_LISTEN"),
        ("BERTH_DATABASE_URL", "BERTH_DATABASE__URL"),
        ("BERTH_LIMITS_IDLE_SECONDS", "BERTH_LIMITS__IDLE_SECONDS"),
        ("BERTH_LIMITS.IDLE_SECONDS", "BERTH_LIMITS__IDLE_SECONDS"),
        ("BERTH_TLS__CERT", "BERTH_TLS__CERTIFICATE"),
        ("BERTH_LOG_LEVEL", "BERTH_LOG__LEVEL"),
        ("BERTH_LOG", "BERTH_LOG__LEVEL"),
        ("BERTH_DATABASE", "BERTH_DATABASE__URL"),
    ];
    for (name, neighbour) in cases {
        let expected = format!(
            "there is no key for the environment variable {name}: did you mean {neighbour}?"
        );
        assert_eq!(refusal("", &[(name, "1")]), expected);
    }
}

#[test]
fn a_variable_with_an_unfit_value_is_refused_by_name() {
    let cases = [
        (
            "BERTH_LIMITS__IDLE_SECONDS",
            "60s",
            "takes a whole number, not `60s`",
        ),
        (
            "BERTH_LIMITS__CONNECTIONS",
            "",
            "takes a whole number, not ``",
        ),
        ("BERTH_LOG__ACCESS", "yes", "takes true or false, not `yes`"),
        (
            "BERTH_LOG__FORMAT",
            "xml",
            "unknown variant `xml`, expected `text` or `json`",
        ),
        (
            "BERTH_DATA_DIR",
            "",
            "is empty: leave the key out to have its default",
        ),
        (
            "BERTH_LISTEN",
            "localhost:5000",
            "`localhost:5000` is not an address and a port: write them as 127.0.0.1:5000 or \
             [::1]:5000",
        ),
        (
            "BERTH_METRICS__LISTEN",
            "9100",
            "`9100` is not an address and a port: write them as 127.0.0.1:5000 or [::1]:5000",
        ),
        (
            "BERTH_TLS__KEY",
            "k.pem",
            "`tls.key` is given, but `tls.certificate` is missing: give both, or neither to serve \
             without TLS",
        ),
    ];
    for (name, value, reason) in cases {
        assert_eq!(refusal("", &[(name, value)]), format!("{name}: {reason}"));
    }
}

#[test]
fn a_file_with_an_unfit_value_is_refused_with_its_place() {
    let cases = [
        (
            "data_dir = 5",
            "1:1: `data_dir`: takes a text in quotes, not a value of the kind integer",
        ),
        (
            "[limits]\nidle_seconds = '60'",
            "2:1: `limits.idle_seconds`: takes a whole number, not a value of the kind string",
        ),
        (
            "limits = { idle_seconds = 1.5 }",
            "1:12: `limits.idle_seconds`: takes a whole number, not a value of the kind float",
        ),
        (
            "[limits]\nidle_seconds = 99999999999999999999",
            "2:1: `limits.idle_seconds`: holds a number that does not fit into 64 bits",
        ),
        (
            "[log]\naccess = 'true'",
            "2:1: `log.access`: takes true or false, not a value of the kind string",
        ),
        (
            "[log]\nformat = 'xml'",
            "2:1: `log.format`: unknown variant `xml`, expected `text` or `json`",
        ),
        (
            "[data_dir]",
            "1:2: `data_dir`: takes a text in quotes, not a value of the kind table",
        ),
        (
            "limits = 5",
            "1:1: `limits`: is a table: write [limits], and its keys below",
        ),
        (
            "\n[tls]\ncertificate = 'c.pem'",
            "3:1: `tls.certificate`: `tls.certificate` is given, but `tls.key` is missing: give \
             both, or neither to serve without TLS",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(refusal(file, &[]), format!("berth.toml:{expected}"));
    }
}

#[test]
fn a_number_outside_of_its_limits_is_refused() {
    let cases = [
        ("manifest_bytes", 3_999_999, "4000000 to 268435456"),
        ("page_entries", 0, "1 to 10000"),
        ("page_entries", 10_001, "1 to 10000"),
        ("connections", 0, "1 to 1000000"),
        ("header_seconds", 0, "1 to 3600"),
        ("idle_seconds", 0, "1 to 86400"),
        ("idle_seconds", -1, "1 to 86400"),
        ("shutdown_seconds", -1, "0 to 86400"),
        ("upload_expiry_hours", 0, "1 to 8760"),
        ("audit_rows", 999, "1000 to 100000000"),
    ];
    for (key, number, limits) in cases {
        let refused = refusal(&format!("[limits]\n{key} = {number}"), &[]);
        let expected = format!(
            "berth.toml:2:1: `limits.{key}`: takes a whole number from {limits}, not {number} ("
        );
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let refused = refusal("", &[("BERTH_LIMITS__MANIFEST_BYTES", "1")]);
    assert_eq!(
        refused,
        "BERTH_LIMITS__MANIFEST_BYTES: takes a whole number from 4000000 to 268435456, not 1 \
         (Largest manifest in bytes; the distribution specification asks for at least 4 MB)"
    );
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

#[test]
fn a_file_that_is_not_toml_is_refused_with_line_and_column() {
    for (file, position) in [
        ("listen = ", "1:10"),
        ("listen = \n[a", "1:10"),
        ("\n\nä = [", "3:"),
        ("[log]\nlevel = 'a'\nlevel = 'b'", "3:1"),
        ("listen 5", "1:"),
    ] {
        let refused = refusal(file, &[]);
        assert!(
            refused.starts_with(&format!("berth.toml:{position}")),
            "{file}: {refused}"
        );
        assert!(!refused.contains('\n'), "{refused}");
    }
}

#[test]
fn a_file_that_can_not_be_read_is_an_error() {
    let error = Config::load(Some(Path::new("/nowhere/berth.toml")), []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the configuration file /nowhere/berth.toml"
    );
}
