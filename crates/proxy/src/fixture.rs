//! A registry in a folder of its own, and settings to read it through.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::auth::{Place, SecretKeys};
use berth_registry::cache::CacheLimits;
use berth_registry::{Db, Limits, LocalStore, Registry, Release, SystemClock};
use tempfile::TempDir;

use crate::settings::{UpstreamDocument, UpstreamSecrets, UpstreamSettings};

pub(crate) struct Fixture {
    _folder: TempDir,
    pub(crate) registry: Arc<Registry>,
}

impl Fixture {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("berth.db"), &Release::this())
            .await
            .unwrap();
        let store = LocalStore::open(&folder.path().join("store")).unwrap();
        let limits = Limits {
            manifest_bytes: 4 * 1024 * 1024,
            page_entries: 100,
            idle: Duration::from_secs(60),
            upload_expiry: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(60 * 60),
            audit_rows: 1000,
        };
        let place = Place {
            public_url: None,
            aliases: Vec::new(),
            service: "berth".to_owned(),
        };
        let registry = Registry::open(
            db,
            Arc::new(store),
            Arc::new(SystemClock),
            limits,
            CacheLimits::default(),
            SecretKeys::new("a secret key of the tests, long enough", None),
            place,
        );
        Self {
            registry: registry.await.unwrap(),
            _folder: folder,
        }
    }
}

/// An upstream that nobody asks anything.
pub(crate) fn upstream(name: &str, registry: &str) -> UpstreamSettings {
    let document = UpstreamDocument {
        registry: Some(registry.to_owned()),
        url: Some("http://127.0.0.1:9".to_owned()),
        ..UpstreamDocument::default()
    };
    let secrets = UpstreamSecrets::default();
    document.read(name.parse().unwrap(), &secrets).unwrap()
}
