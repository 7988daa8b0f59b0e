//! A registry in a folder of its own, whose time stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use berth_oci::{Algorithm, Digest, MediaType, Reference, RepositoryName};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};
use tempfile::TempDir;

use crate::audit::Actor;
use crate::auth::{Place, SecretKeys};
use crate::body::Body;
use crate::cache::CacheLimits;
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::pusher::Pusher;
use crate::registry::{Limits, Registry};
use crate::release::Release;
use crate::store::LocalStore;

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) repository: RepositoryName,
}

pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, duration: Duration) {
        let by = i64::try_from(duration.as_millis()).unwrap();
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn set_back(&self, duration: Duration) {
        let by = i64::try_from(duration.as_millis()).unwrap();
        self.0.fetch_sub(by, Ordering::Relaxed);
    }
}

pub(crate) const GRACE: Duration = Duration::from_secs(60 * 60);
pub(crate) const UPLOAD_EXPIRY: Duration = Duration::from_secs(60 * 60);

impl Fixture {
    pub(crate) async fn open() -> Self {
        Self::open_with(CacheLimits::default()).await
    }

    pub(crate) async fn open_with(cache_limits: CacheLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000_000)));
        let db = Db::open(&folder.path().join("berth.db"), &Release::this())
            .await
            .unwrap();
        let store = LocalStore::open(&folder.path().join("store")).unwrap();
        let limits = Limits {
            manifest_bytes: 4 * 1024 * 1024,
            page_entries: 100,
            idle: Duration::from_secs(60),
            upload_expiry: UPLOAD_EXPIRY,
            grace: GRACE,
            audit_rows: 1000,
        };
        let registry = Registry::open(
            db,
            Arc::new(store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            limits,
            cache_limits,
            SecretKeys::new("a secret key of the tests, long enough", None),
            Place {
                public_url: None,
                aliases: Vec::new(),
                service: "berth".to_owned(),
            },
        )
        .await
        .unwrap();
        Self {
            folder,
            clock,
            registry,
            repository: "a/b".parse().unwrap(),
        }
    }

    pub(crate) async fn push_blob(&self, bytes: &'static [u8]) -> Digest {
        self.push_blob_to(self.repository.as_str(), bytes).await
    }

    pub(crate) async fn push_blob_to(&self, repository: &str, bytes: &'static [u8]) -> Digest {
        let (repository, digest) = (
            repository.parse().unwrap(),
            Digest::of(Algorithm::Sha256, bytes),
        );
        self.registry
            .upload_blob(
                &repository,
                digest.clone(),
                Some(bytes.len() as u64),
                &mut body(bytes),
                pusher(),
            )
            .await
            .unwrap();
        digest
    }

    /// Pushes a manifest under a tag, or by its digest alone.
    pub(crate) async fn push_manifest(&self, tag: Option<&str>, document: &Value) -> Digest {
        let bytes = Bytes::from(document.to_string());
        let reference = match tag {
            Some(tag) => Reference::Tag(tag.parse().unwrap()),
            None => Reference::Digest(Digest::of(Algorithm::Sha256, &bytes)),
        };
        self.registry
            .put_manifest(
                &self.repository,
                &reference,
                Vec::new(),
                None,
                bytes,
                pusher(),
            )
            .await
            .unwrap()
            .digest
    }

    /// Pushes an image with its blobs, under a tag or by its digest alone.
    pub(crate) async fn push_image(
        &self,
        tag: Option<&str>,
        config: &'static [u8],
        layers: &[&'static [u8]],
    ) -> Digest {
        for blob in [config].iter().chain(layers) {
            self.push_blob(blob).await;
        }
        self.push_manifest(tag, &image(config, layers)).await
    }

    /// The database as it lies on disk.
    pub(crate) async fn database(&self) -> SqliteConnection {
        SqliteConnectOptions::new()
            .filename(self.folder.path().join("berth.db"))
            .connect()
            .await
            .unwrap()
    }
}

/// One who may do everything.
pub(crate) fn pusher() -> Pusher {
    Pusher {
        actor: Actor::system(),
        caller: None,
    }
}

pub(crate) fn body(bytes: &'static [u8]) -> Body {
    stream::iter([Ok(Bytes::from_static(bytes))]).boxed()
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(Algorithm::Sha256, bytes).to_string();
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

pub(crate) fn image(config: &[u8], layers: &[&[u8]]) -> Value {
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer))
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
    })
}

pub(crate) fn index(children: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": children,
    })
}
