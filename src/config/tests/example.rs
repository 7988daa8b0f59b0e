//! The example of the configuration, which says what there is.

use super::*;

const EXAMPLE: &str = include_str!("../../../config/berth.toml");

pub(super) struct Shown {
    pub(super) path: String,
    comment: String,
    pub(super) value: String,
}

/// Each key of the example, with the comment above it.
pub(super) fn shown() -> Vec<Shown> {
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
