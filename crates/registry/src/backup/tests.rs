use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use berth_oci::{Algorithm, Reference, RepositoryName};
use tempfile::TempDir;

use super::folder::Folder;
use super::hold::Hold;
use super::*;
use crate::audit::Actor;
use crate::auth::SecretKeys;
use crate::db::Db;
use crate::fixture::{Fixture, GRACE};
use crate::fsck::{Checked, Finding, Fsck, FsckOptions};
use crate::release::Release;
use crate::store::{BlobStore, LocalStore};

const CONFIG: &[u8] = b"{}";
const KEY: &str = "a secret key of the tests, long enough";

#[derive(Default)]
struct Told {
    progress: Progress,
    damaged: Vec<Digest>,
}

impl Watch for Told {
    fn progress(&mut self, progress: &Progress) {
        self.progress = *progress;
    }

    fn damaged(&mut self, digest: &Digest) {
        self.damaged.push(digest.clone());
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl crate::fsck::Watch for Findings {
    fn found(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    fn progress(&mut self, _: &Checked, _: u64, _: u64) {}
}

impl Fixture {
    async fn back_up(&self, to: &Path, blobs: Blobs) -> (BackupManifest, Told) {
        let registry = &self.registry;
        let backup = Backup {
            db: registry.db.clone(),
            store: Arc::clone(&registry.store),
            clock: Arc::clone(&registry.clock),
            release: Release::this(),
            blobs,
        };
        let mut told = Told::default();
        let made = backup.make(to, &mut told).await.unwrap();
        (made, told)
    }

    async fn delete_image(&self, digest: Digest) {
        self.registry
            .delete_manifest(
                &self.repository,
                &Reference::Digest(digest),
                &Actor::system(),
            )
            .await
            .unwrap();
    }

    async fn collect_all(&self) {
        for _ in 0..3 {
            self.clock.advance(GRACE * 2);
            self.registry.collect().await.unwrap();
        }
    }
}

/// A machine that a backup is restored on.
struct Elsewhere {
    folder: TempDir,
    allow_missing: bool,
}

impl Elsewhere {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            allow_missing: false,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("berth.db")
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    async fn begin(&self, fixture: &Fixture, from: &Path) -> Result<Restoring, RestoreBackupError> {
        let restore = Restore {
            file: self.file(),
            store: Arc::new(LocalStore::open(&self.store()).unwrap()),
            clock: Arc::clone(&fixture.registry.clock),
            release: Release::this(),
            allow_missing: self.allow_missing,
        };
        restore.begin(from).await
    }

    async fn restore(
        &self,
        fixture: &Fixture,
        from: &Path,
        key: &str,
    ) -> Result<(Told, Vec<LostSecret>), RestoreBackupError> {
        let mut restoring = self.begin(fixture, from).await?;
        let mut told = Told::default();
        restoring.blobs(&mut told).await?;
        let lost = restoring.settle(&SecretKeys::new(key, None), GRACE).await?;
        restoring.finish().await?;
        Ok((told, lost))
    }

    async fn fsck(&self, fixture: &Fixture) -> Vec<Finding> {
        let db = Db::open(&self.file(), &Release::this()).await.unwrap();
        let options = FsckOptions {
            hash: true,
            repair: false,
        };
        let store = Arc::new(LocalStore::attach(&self.store()).unwrap());
        let fsck = Fsck::new(
            db.clone(),
            store,
            Arc::clone(&fixture.registry.clock),
            options,
        );
        let mut findings = Findings::default();
        fsck.run(&mut findings).await.unwrap();
        db.close().await;
        findings.0
    }
}

/// The files of the blobs of a backup, by name.
fn blobs(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut blobs = BTreeMap::new();
    let mut folders = vec![folder.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                blobs.insert(name, fs::read(path).unwrap());
            }
        }
    }
    blobs
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

#[tokio::test]
async fn what_was_backed_up_is_restored_elsewhere_and_is_clean() {
    let fixture = Fixture::open().await;
    let image = fixture
        .push_image(Some("latest"), CONFIG, &[b"one", b"two"])
        .await;
    let to = fixture.folder.path().join("backup");
    let (made, told) = fixture.back_up(&to, Blobs::Copied).await;
    assert_eq!((made.blobs.count, made.blobs.bytes), (3, 8));
    assert_eq!(told.progress.copied_blobs, 3);
    assert_eq!(blobs(&to)[digest(b"one").hex()], b"one");
    for path in [
        &to,
        &to.join("blobs"),
        &to.join(&made.database.file),
        &to.join("backup.json"),
    ] {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }

    let elsewhere = Elsewhere::new();
    let (told, lost) = elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!((told.progress.copied_blobs, lost), (3, Vec::new()));
    assert_eq!(elsewhere.fsck(&fixture).await, []);
    let db = Db::open(&elsewhere.file(), &Release::this()).await.unwrap();
    let mut connection = db.read().await.unwrap();
    let repository: RepositoryName = "a/b".parse().unwrap();
    let tag = Reference::Tag("latest".parse().unwrap());
    let found = crate::db::manifests::find(&mut connection, &repository, &tag).await;
    assert_eq!(found.unwrap().unwrap().digest, image);
}

#[tokio::test]
async fn a_second_backup_copies_what_is_new_and_drops_what_is_gone() {
    let fixture = Fixture::open().await;
    let old = fixture.push_image(None, CONFIG, &[b"old"]).await;
    fixture.push_image(Some("kept"), b"{ }", &[b"kept"]).await;
    let to = fixture.folder.path().join("backup");
    let (first, _) = fixture.back_up(&to, Blobs::Copied).await;
    fixture.delete_image(old).await;
    fixture.collect_all().await;
    fixture.push_image(Some("new"), b"{  }", &[b"new"]).await;
    fs::write(to.join("blobs/sha256/notes.txt"), "mine").unwrap();
    let (second, told) = fixture.back_up(&to, Blobs::Copied).await;
    assert_eq!((second.blobs.count, told.progress.copied_blobs), (4, 2));
    let names = blobs(&to);
    assert!(names.contains_key(digest(b"new").hex()));
    assert!(names.contains_key(digest(b"kept").hex()));
    assert!(!names.contains_key(digest(b"old").hex()));
    assert!(names.contains_key("notes.txt"));
    assert!(!to.join(&first.database.file).exists());
    let elsewhere = Elsewhere::new();
    elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!(elsewhere.fsck(&fixture).await, []);
}

#[tokio::test]
async fn while_a_backup_is_made_rows_go_and_bytes_stay() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    let image = fixture.push_image(None, CONFIG, &[b"layer"]).await;
    let hold = Hold::take(&registry.db, &registry.clock).await.unwrap();
    fixture.delete_image(image).await;
    for _ in 0..70 {
        // As the task of a backup does.
        fixture.clock.advance(std::time::Duration::from_secs(60));
        assert!(
            hold.renew(std::time::Duration::from_secs(300))
                .await
                .unwrap()
        );
    }
    let collected = registry.collect().await.unwrap();
    assert_eq!(collected.blobs, 2);
    assert_eq!(fixture.object_files().len(), 2);
    registry.collect().await.unwrap();
    assert_eq!(fixture.object_files().len(), 2);
    hold.end().await.unwrap();
    registry.collect().await.unwrap();
    assert_eq!(fixture.object_files().len(), 0);
}

/// Stops a backup at its first blob, until the test lets it go on.
struct Stopped {
    begun: Option<tokio::sync::oneshot::Sender<()>>,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl Watch for Stopped {
    fn progress(&mut self, _: &Progress) {
        if let Some(begun) = self.begun.take() {
            begun.send(()).unwrap();
            self.go_on.recv().unwrap();
        }
    }

    fn damaged(&mut self, digest: &Digest) {
        panic!("{digest} is gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_has_what_is_deleted_and_collected_while_it_is_made() {
    let layers: [&'static [u8]; 12] = [
        b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i", b"j", b"k", b"l",
    ];
    let fixture = Fixture::open().await;
    let registry = Arc::clone(&fixture.registry);
    let image = fixture.push_image(Some("latest"), CONFIG, &layers).await;
    let to = fixture.folder.path().join("backup");
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (let_go_on, go_on) = std::sync::mpsc::channel();
    let backup = Backup {
        db: registry.db.clone(),
        store: Arc::clone(&registry.store),
        clock: Arc::clone(&registry.clock),
        release: Release::this(),
        blobs: Blobs::Copied,
    };
    let made = tokio::spawn({
        let to = to.clone();
        async move {
            let mut stopped = Stopped {
                begun: Some(begun),
                go_on,
            };
            backup.make(&to, &mut stopped).await
        }
    });
    has_begun.await.unwrap();
    // The clock jumps by more than a lease lasts, which leaves no minute in which to renew it.
    let mut database = fixture.database().await;
    sqlx::query("UPDATE object_holds SET until = $1")
        .bind(i64::MAX)
        .execute(&mut database)
        .await
        .unwrap();
    fixture.delete_image(image).await;
    fixture.clock.advance(GRACE);
    let collected = registry.collect().await.unwrap();
    assert_eq!(collected.blobs, 13);
    let_go_on.send(()).unwrap();
    let made = made.await.unwrap().unwrap();
    assert_eq!(made.blobs.count, 13);
    registry.collect().await.unwrap();
    assert_eq!(fixture.object_files().len(), 0);
    let elsewhere = Elsewhere::new();
    elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!(elsewhere.fsck(&fixture).await, []);
}

#[tokio::test]
async fn the_hold_of_a_backup_that_died_ends_by_itself() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    fixture.push_blob(b"layer").await;
    let hold = Hold::take(&registry.db, &registry.clock).await.unwrap();
    fixture.clock.advance(GRACE);
    registry.collect().await.unwrap();
    assert_eq!(fixture.object_files().len(), 0);
    let renewed = hold.renew(std::time::Duration::from_secs(300)).await;
    assert!(!renewed.unwrap(), "what the copy names may be gone");
}

#[tokio::test]
async fn a_corrupt_blob_is_named_and_served_nowhere() {
    let fixture = Fixture::open().await;
    fixture
        .push_image(Some("latest"), CONFIG, &[b"layer"])
        .await;
    let corrupt = fixture.object_files();
    let corrupt = corrupt
        .iter()
        .find(|file| fs::read(file).unwrap() == b"layer")
        .unwrap();
    fs::write(corrupt, b"layes").unwrap();
    let to = fixture.folder.path().join("backup");
    let (made, told) = fixture.back_up(&to, Blobs::Copied).await;
    assert_eq!(told.damaged, [digest(b"layer")]);
    assert_eq!(made.damaged, [digest(b"layer").to_string()]);
    assert_eq!(made.blobs.count, 1);
    let hosted = fixture.registry.hosted();
    let layer = digest(b"layer");
    let described = hosted.describe_blob(&fixture.repository, &layer);
    assert_eq!(described.await.unwrap(), None);

    // It is known to be corrupt, so a restore does not stop at it.
    let elsewhere = Elsewhere::new();
    elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    let findings = elsewhere.fsck(&fixture).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].problem.name(), "missing_object");
}

#[tokio::test]
async fn a_restore_stops_at_a_blob_that_the_backup_lacks_unless_it_may_not() {
    let fixture = Fixture::open().await;
    fixture
        .push_image(Some("latest"), CONFIG, &[b"layer"])
        .await;
    let to = fixture.folder.path().join("backup");
    fixture.back_up(&to, Blobs::Copied).await;
    fs::write(Folder::new(&to).blob(&digest(b"layer")), b"other").unwrap();
    let mut elsewhere = Elsewhere::new();
    let refused = elsewhere.restore(&fixture, &to, KEY).await;
    assert!(
        matches!(&refused, Err(RestoreBackupError::Lacking { count: 1, first }) if *first == [digest(b"layer")])
    );
    assert!(!elsewhere.file().exists());
    let opened = Db::open(&elsewhere.file(), &Release::this()).await;
    assert!(matches!(opened, Err(OpenDbError::Restoring(_))));

    elsewhere.allow_missing = true;
    let (told, _) = elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!(told.damaged, [digest(b"layer")]);
    assert_eq!(elsewhere.fsck(&fixture).await.len(), 1);
}

#[tokio::test]
async fn a_restore_needs_a_whole_backup_and_an_empty_place() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"layer").await;
    let to = fixture.folder.path().join("backup");
    let elsewhere = Elsewhere::new();
    let begun = elsewhere.begin(&fixture, &to).await;
    assert!(matches!(begun, Err(RestoreBackupError::NoBackup(_))));
    drop(begun);

    let (made, _) = fixture.back_up(&to, Blobs::Copied).await;
    fs::create_dir_all(elsewhere.store().join("blobs/ab")).unwrap();
    let other = elsewhere
        .store()
        .join("blobs/ab/ab000000-0000-4000-8000-000000000000");
    fs::write(&other, b"mine").unwrap();
    let begun = elsewhere.begin(&fixture, &to).await;
    assert!(matches!(begun, Err(RestoreBackupError::StoreNotEmpty)));
    drop(begun);
    fs::remove_file(other).unwrap();

    fs::write(elsewhere.file(), b"mine").unwrap();
    let begun = elsewhere.begin(&fixture, &to).await;
    assert!(matches!(begun, Err(RestoreBackupError::DatabaseThere(_))));
    drop(begun);
    fs::remove_file(elsewhere.file()).unwrap();

    let copy = to.join(&made.database.file);
    let mut bytes = fs::read(&copy).unwrap();
    bytes[4000] ^= 1;
    fs::write(copy, bytes).unwrap();
    let begun = elsewhere.begin(&fixture, &to).await;
    assert!(matches!(begun, Err(RestoreBackupError::CorruptCopy(_))));
}

#[tokio::test]
async fn a_restore_that_was_interrupted_goes_on_with_what_is_there() {
    let fixture = Fixture::open().await;
    fixture
        .push_image(Some("latest"), CONFIG, &[b"one", b"two"])
        .await;
    let to = fixture.folder.path().join("backup");
    fixture.back_up(&to, Blobs::Copied).await;
    let elsewhere = Elsewhere::new();
    let mut restoring = elsewhere.begin(&fixture, &to).await.unwrap();
    restoring.blobs(&mut Told::default()).await.unwrap();
    drop(restoring);
    // A power cut has kept the name of an object and not all of its bytes.
    let store = LocalStore::open(&elsewhere.store()).unwrap();
    let parts: Vec<Vec<crate::Key>> = futures_util::TryStreamExt::try_collect(store.objects())
        .await
        .unwrap();
    fs::write(elsewhere.store().join(parts.concat()[0].to_string()), b"").unwrap();
    drop(store);
    let (told, _) = elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!((told.progress.blobs, told.progress.copied_blobs), (3, 1));
    assert_eq!(elsewhere.fsck(&fixture).await, []);
}

#[tokio::test]
async fn listed_blobs_have_to_be_in_the_store_before_the_restore() {
    let fixture = Fixture::open().await;
    fixture
        .push_image(Some("latest"), CONFIG, &[b"layer"])
        .await;
    let to = fixture.folder.path().join("backup");
    let hour = std::time::Duration::from_secs(3600);
    let (made, _) = fixture.back_up(&to, Blobs::Listed(hour)).await;
    let list = fs::read_to_string(to.join(made.blobs.list.unwrap())).unwrap();
    assert_eq!(list.lines().count(), 2);

    let elsewhere = Elsewhere::new();
    let refused = elsewhere.restore(&fixture, &to, KEY).await;
    assert!(matches!(
        refused,
        Err(RestoreBackupError::Lacking { count: 2, .. })
    ));
    for line in list.lines() {
        let (key, rest) = line.split_once('\t').unwrap();
        let (size, _) = rest.split_once('\t').unwrap();
        let object = fixture.folder.path().join("store").join(key);
        assert_eq!(fs::metadata(&object).unwrap().len().to_string(), size);
        fs::copy(object, elsewhere.store().join(key)).unwrap();
    }
    elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!(elsewhere.fsck(&fixture).await, []);
    // Its bytes stay for the tools, also when all is deleted.
    let mut database = fixture.database().await;
    let (until,): (i64,) = sqlx::query_as("SELECT until FROM object_holds")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(until, fixture.registry.clock.now().plus(hour).0);
}

#[tokio::test]
async fn what_was_under_way_ends_and_what_was_deleted_can_still_be_brought_back() {
    let fixture = Fixture::open().await;
    let image = fixture.push_image(None, CONFIG, &[b"layer"]).await;
    fixture
        .registry
        .start_upload(&fixture.repository, Algorithm::Sha256)
        .await
        .unwrap();
    fixture.delete_image(image).await;
    let to = fixture.folder.path().join("backup");
    fixture.back_up(&to, Blobs::Copied).await;
    fixture.clock.advance(GRACE * 100);
    let elsewhere = Elsewhere::new();
    elsewhere.restore(&fixture, &to, KEY).await.unwrap();
    let db = Db::open(&elsewhere.file(), &Release::this()).await.unwrap();
    let mut connection = db.read().await.unwrap();
    let (uploads, purge_at, holds): (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM uploads), (SELECT MIN(purge_at) FROM deletions),
                (SELECT COUNT(*) FROM object_holds)",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    let now = fixture.registry.clock.now();
    assert_eq!((uploads, purge_at, holds), (0, now.plus(GRACE).0, 0));
}

#[tokio::test]
async fn without_the_key_what_it_sealed_is_named_and_gone() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"layer").await;
    let sealed = SecretKeys::new(KEY, None).seal(crate::cache::UPSTREAM, b"{}");
    sqlx::query(
        "INSERT INTO sources (name, kind, settings, sealed, created_at)
         VALUES ('hub', 'proxy', '{}', $1, 1), ('open', 'proxy', '{}', NULL, 1)",
    )
    .bind(sealed)
    .execute(&mut fixture.database().await)
    .await
    .unwrap();
    let to = fixture.folder.path().join("backup");
    fixture.back_up(&to, Blobs::Copied).await;
    let (_, lost) = Elsewhere::new().restore(&fixture, &to, KEY).await.unwrap();
    assert_eq!(lost, []);
    let elsewhere = Elsewhere::new();
    let other = "another secret key, which is as long";
    let (_, lost) = elsewhere.restore(&fixture, &to, other).await.unwrap();
    let hub = LostSecret::Upstream("hub".parse().unwrap());
    assert_eq!(lost, [LostSecret::SigningKey, hub]);
    let db = Db::open(&elsewhere.file(), &Release::this()).await.unwrap();
    let mut connection = db.read().await.unwrap();
    let (keys, sealed): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM signing_keys),
                (SELECT COUNT(*) FROM sources WHERE sealed IS NOT NULL)",
    )
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    assert_eq!((keys, sealed), (0, 0));
}
