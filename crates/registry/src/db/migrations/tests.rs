use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::*;
use crate::db::{Db, copy};

const TRIED: &str = "BERTH_TEST_UPGRADED_DATABASE";

struct Database {
    folder: TempDir,
}

impl Database {
    /// One of the first release, which had the migrations up to this one, with something in it.
    async fn of(last: i64) -> Self {
        let database = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut connection = database.connect().await;
        let steps = steps_up_to(last);
        run_steps(&mut connection, None, &release("0.1.0"), &steps)
            .await
            .unwrap();
        sqlx::raw_sql(
            "INSERT INTO projects (name, created_at) VALUES ('a', 1);
             INSERT INTO repositories (project_id, name, created_at) VALUES (1, 'a/b', 1);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO blobs (digest, size_bytes, key, created_at)
             SELECT 'sha256:' || printf('%064x', i), i, 'blobs/' || i, 1 FROM n;
             INSERT INTO repository_blobs (repository_id, blob_id, created_at)
             SELECT 1, id, 1 FROM blobs;",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        database
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("berth.db")
    }

    async fn connect(&self) -> SqliteConnection {
        connect(&self.file()).await
    }

    async fn open(&self, steps: &[Step], by: &str) -> Result<(), OpenDbError> {
        let mut connection = self.connect().await;
        run_steps(&mut connection, Some(&self.file()), &release(by), steps).await
    }

    async fn versions(&self) -> Vec<i64> {
        applied(&mut self.connect().await).await.unwrap()
    }

    /// What is in the folder beside the database.
    fn beside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.contains("before")).collect();
        names.sort();
        names
    }
}

async fn connect(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .foreign_keys(true)
        .connect()
        .await
        .unwrap()
}

fn release(text: &str) -> Release {
    text.parse().unwrap()
}

fn steps_up_to(last: i64) -> Vec<Step> {
    let copied = |step: &Step| Step { ..*step };
    let steps = STEPS.iter().filter(|step| step.version <= last);
    steps.map(copied).collect()
}

fn with_step(version: i64, sql: &'static str, oldest_release: &'static str) -> Vec<Step> {
    let mut steps = steps_up_to(i64::MAX);
    steps.push(Step {
        version,
        name: "later",
        sql,
        oldest_release,
    });
    steps
}

/// The last migration that there is.
fn newest() -> i64 {
    STEPS.last().unwrap().version
}

/// What has been applied once this one was.
fn up_to(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

/// The copy opens, is whole, and has the schema of before.
async fn assert_whole(file: &Path, versions: &[i64]) {
    let mut connection = connect(file).await;
    let (check,): (String,) = sqlx::query_as("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(check, "ok");
    assert_eq!(applied(&mut connection).await.unwrap(), versions);
    let (blobs,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM blobs")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(blobs, 5000);
}

#[test]
fn each_migration_leaves_the_mark_or_raises_it() {
    let marks: Vec<_> = STEPS
        .iter()
        .map(|step| release(step.oldest_release))
        .collect();
    assert!(marks.is_sorted());
    assert!(marks.last() <= Some(&Release::this()));
}

#[tokio::test]
async fn a_copy_is_made_before_an_upgrade_and_the_latest_is_kept() {
    let database = Database::of(4).await;
    database.open(&steps_up_to(5), "0.1.0").await.unwrap();
    assert_eq!(database.beside(), ["berth.db.before-0005"]);
    database.open(STEPS, "0.1.0").await.unwrap();
    assert_eq!(database.beside(), ["berth.db.before-0006"]);
    let copy = database.folder.path().join("berth.db.before-0006");
    assert_whole(&copy, &up_to(5)).await;
    // Nothing is pending: nothing is copied.
    fs::remove_file(copy).unwrap();
    database.open(STEPS, "0.1.0").await.unwrap();
    assert_eq!(database.beside(), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_database_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("berth.db");
    let db = Db::open(&file, &Release::this()).await.unwrap();
    db.close().await;
    assert_eq!(copy::made_before(&file), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_upgrade_that_fails_half_way_has_not_begun() {
    let database = Database::of(5).await;
    let broken = with_step(
        newest() + 1,
        "CREATE TABLE later (id INTEGER); INSERT INTO nowhere VALUES (1);",
        "0.1.0",
    );
    let failed = database.open(&broken, "0.1.0").await;
    assert!(matches!(failed, Err(OpenDbError::Db(_))), "{failed:?}");
    assert_whole(&database.file(), &up_to(5)).await;
    assert_eq!(database.beside(), ["berth.db.before-0006"]);
    let mended = with_step(newest() + 1, "CREATE TABLE later (id INTEGER);", "0.1.0");
    database.open(&mended, "0.1.0").await.unwrap();
    assert_eq!(database.versions().await, up_to(newest() + 1));
}

#[tokio::test]
async fn counts_of_pulls_of_images_stay_over_an_upgrade() {
    let database = Database::of(9).await;
    sqlx::raw_sql(
        "INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at, pulls,
             last_pulled_at, bytes)
         VALUES (1, 'sha256:1', 'image', 2, 1, 3, 4, x'7b7d'), (1, 'sha256:2', 'image', 2, 1, 0, NULL, x'7b7d')",
    )
    .execute(&mut database.connect().await)
    .await
    .unwrap();
    database.open(STEPS, "0.1.0").await.unwrap();
    let pulls: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT m.digest, mp.pulls, mp.last_pulled_at
         FROM manifests m JOIN manifest_pulls mp ON mp.manifest_id = m.id",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    let expected = [("sha256:1".to_owned(), 3, 4)];
    assert_eq!(pulls, expected);
}

#[tokio::test]
async fn an_older_release_refuses_a_database_that_is_beyond_it() {
    let database = Database::of(5).await;
    let contracting = with_step(newest() + 1, "DROP TABLE write_probe;", "0.3.0");
    database.open(&contracting, "0.3.0").await.unwrap();
    let refused = database.open(STEPS, "0.2.9").await.unwrap_err().to_string();
    assert!(refused.contains("berth 0.3.0 or newer"), "{refused}");
    assert!(refused.contains("this is berth 0.2.9"), "{refused}");
    assert!(refused.contains("berth.db.before-0006"), "{refused}");
    let refused = Db::attach(&database.file(), &release("0.2.9")).await;
    assert!(matches!(refused, Err(OpenDbError::TooOld { .. })));
}

#[tokio::test]
async fn an_older_release_uses_a_newer_database_that_lets_it() {
    let database = Database::of(5).await;
    let expanding = with_step(newest() + 1, "CREATE TABLE later (id INTEGER);", "0.1.0");
    database.open(&expanding, "0.2.0").await.unwrap();
    let db = Db::open(&database.file(), &release("0.1.0")).await.unwrap();
    db.close().await;
    assert_eq!(database.versions().await, up_to(newest() + 1));
}

#[tokio::test]
async fn beside_a_server_nothing_is_upgraded_and_nothing_is_made() {
    let database = Database::of(5).await;
    let refused = Db::attach(&database.file(), &Release::this()).await;
    assert!(matches!(refused, Err(OpenDbError::Outdated)));
    assert_eq!(database.versions().await, [1, 2, 3, 4, 5]);
    let nowhere = database.folder.path().join("nowhere.db");
    let refused = Db::attach(&nowhere, &Release::this()).await;
    assert!(matches!(refused, Err(OpenDbError::Missing(_))));
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn an_upgrade_without_space_for_its_copy_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=32m", "none"])
        .arg(folder.path())
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small disk can not be mounted");
        return;
    }
    let database = Database::of(5).await;
    let small = folder.path().join("berth.db");
    copy::make(&mut database.connect().await, &small)
        .await
        .unwrap();
    let filler = folder.path().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 64 * 1024]).is_ok() {}
    // Enough to open the database, and not enough for a copy of it.
    file.set_len(file.metadata().unwrap().len() - 512 * 1024)
        .unwrap();
    drop(file);
    let refused = Db::open(&small, &Release::this()).await;
    let refused = refused.map(|_| ()).unwrap_err();
    let umount = || Command::new("umount").arg("-l").arg(folder.path()).status();
    let left = copy::made_before(&small);
    fs::remove_file(filler).unwrap();
    let opened = Db::open(&small, &Release::this()).await;
    umount().unwrap();
    let OpenDbError::Copy { source, .. } = &refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(source, crate::db::CopyError::Full), "{source:?}");
    assert_eq!(left, Vec::<PathBuf>::new());
    opened.unwrap().close().await;
}

/// The process that is killed by the test below.
#[tokio::test]
async fn upgrades_for_the_test_that_kills_it() {
    if let Some(file) = std::env::var_os(TRIED) {
        let db = Db::open(Path::new(&file), &Release::this()).await.unwrap();
        db.close().await;
    }
}

fn upgrade(file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "db::migrations::tests::upgrades_for_the_test_that_kills_it",
        ])
        .env(TRIED, file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn an_upgrade_that_is_killed_is_done_again_whenever_that_is() {
    let original = Database::of(5).await;
    let begun = std::time::Instant::now();
    let first = Database {
        folder: tempfile::tempdir().unwrap(),
    };
    fs::copy(original.file(), first.file()).unwrap();
    assert!(upgrade(&first.file()).wait().unwrap().success());
    let whole = begun.elapsed();
    for part in 0..24_u32 {
        let database = Database {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::copy(original.file(), database.file()).unwrap();
        let mut child = upgrade(&database.file());
        // The moment of the kill, and nothing that is waited for.
        std::thread::sleep(whole * part / 20 + Duration::from_micros(1));
        child.kill().unwrap();
        child.wait().unwrap();
        let versions = database.versions().await;
        assert!(
            versions == up_to(5) || versions == up_to(newest()),
            "{versions:?} after part {part}"
        );
        for copy in copy::made_before(&database.file()) {
            assert_whole(&copy, &up_to(5)).await;
        }
        let db = Db::open(&database.file(), &Release::this()).await.unwrap();
        db.close().await;
        assert_whole_upgraded(&database).await;
    }
}

async fn assert_whole_upgraded(database: &Database) {
    assert_eq!(database.versions().await, up_to(newest()));
    assert_eq!(database.beside(), ["berth.db.before-0006"]);
    let copy = database.folder.path().join("berth.db.before-0006");
    assert_whole(&copy, &up_to(5)).await;
    assert_whole(&database.file(), &up_to(newest())).await;
}
