//! Variables in place of keys.

use base64::Engine as _;

use super::*;

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
