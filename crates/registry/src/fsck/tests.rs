use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use berth_oci::{Algorithm, Digest, Reference, UploadId};
use uuid::Uuid;

use super::*;
use crate::audit::Actor;
use crate::fixture::{Fixture, descriptor, image, index};

const CONFIG: &[u8] = b"{}";
const LAYER: &[u8] = b"the bytes of a layer";

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Watch for Findings {
    fn found(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    fn progress(&mut self, _: &Checked, _: u64, _: u64) {}
}

const LOOK: FsckOptions = FsckOptions {
    hash: true,
    repair: false,
};
const REPAIR: FsckOptions = FsckOptions {
    hash: true,
    repair: true,
};

impl Fixture {
    async fn fsck(&self, options: FsckOptions) -> Vec<Finding> {
        let registry = &self.registry;
        let fsck = Fsck::new(
            registry.db.clone(),
            Arc::clone(&registry.store),
            Arc::clone(&registry.clock),
            options,
        );
        let mut findings = Findings::default();
        fsck.run(&mut findings).await.unwrap();
        findings.0
    }

    /// The names of what is found.
    async fn problems(&self, options: FsckOptions) -> Vec<&'static str> {
        let findings = self.fsck(options).await;
        findings
            .iter()
            .map(|finding| finding.problem.name())
            .collect()
    }

    async fn object_of(&self, bytes: &[u8]) -> PathBuf {
        let digest = Digest::of(Algorithm::Sha256, bytes);
        let (key,): (String,) = sqlx::query_as("SELECT key FROM blobs WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_one(&mut self.database().await)
            .await
            .unwrap();
        self.folder.path().join("store").join(key)
    }

    /// Changes rows as no part of Berth would.
    async fn damage(&self, statement: &'static str) {
        let mut database = self.database().await;
        let unchecked = format!("PRAGMA foreign_keys = OFF; {statement}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(unchecked))
            .execute(&mut database)
            .await
            .unwrap();
    }
}

async fn image_of_everything() -> Fixture {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("latest"), CONFIG, &[LAYER]).await;
    fixture
}

#[tokio::test]
async fn a_registry_that_is_used_is_clean() {
    let fixture = image_of_everything().await;
    let gone = fixture.push_image(Some("old"), CONFIG, &[b"old"]).await;
    fixture
        .registry
        .delete_manifest(
            &fixture.repository,
            &Reference::Digest(gone),
            &Actor::system(),
        )
        .await
        .unwrap();
    // An index may lack its children, and an image without a tag its layers.
    let child = descriptor("application/vnd.oci.image.manifest.v1+json", b"elsewhere");
    fixture.push_manifest(Some("index"), &index(&[child])).await;
    fixture
        .push_manifest(None, &image(CONFIG, &[b"a layer elsewhere"]))
        .await;
    fixture.push_blob(b"of no manifest").await;
    assert_eq!(fixture.fsck(LOOK).await, []);
    assert_eq!(fixture.fsck(REPAIR).await, []);
}

#[tokio::test]
async fn a_corrupt_blob_is_marked_and_mended_by_the_next_push() {
    let fixture = image_of_everything().await;
    let object = fixture.object_of(LAYER).await;
    let mut bytes = fs::read(&object).unwrap();
    bytes[3] ^= 1;
    fs::write(&object, bytes).unwrap();

    let unhashed = FsckOptions {
        hash: false,
        repair: false,
    };
    assert_eq!(fixture.fsck(unhashed).await, []);
    let [found] = &fixture.fsck(LOOK).await[..] else {
        panic!("one finding");
    };
    assert_eq!(found.problem.name(), "corrupt_object");
    assert_eq!(found.outcome, Outcome::Found);
    assert_eq!(found.advice.as_deref(), Some("push again: a/b:latest"));

    for _ in 0..2 {
        let [found] = &fixture.fsck(REPAIR).await[..] else {
            panic!("one finding");
        };
        assert_eq!(found.outcome, Outcome::Marked);
    }
    let digest = Digest::of(Algorithm::Sha256, LAYER);
    let hosted = fixture.registry.hosted();
    let described = hosted.describe_blob(&fixture.repository, &digest).await;
    assert_eq!(described.unwrap(), None);
    fixture.push_blob(LAYER).await;
    assert_eq!(fixture.fsck(LOOK).await, []);
}

#[tokio::test]
async fn missing_and_cut_objects_are_found_without_reading_them() {
    let fixture = image_of_everything().await;
    fs::remove_file(fixture.object_of(CONFIG).await).unwrap();
    OpenOptions::new()
        .append(true)
        .open(fixture.object_of(LAYER).await)
        .and_then(|mut file| file.write_all(b"more"))
        .unwrap();
    let unhashed = FsckOptions {
        hash: false,
        repair: true,
    };
    let problems = fixture.problems(unhashed).await;
    assert_eq!(problems, ["missing_object", "wrong_size"]);
}

#[tokio::test]
async fn a_mark_goes_when_the_bytes_are_right() {
    let fixture = image_of_everything().await;
    fixture.damage("UPDATE blobs SET corrupt_at = 1").await;
    let expected = ["wrongly_marked", "wrongly_marked"];
    assert_eq!(fixture.problems(LOOK).await, expected);
    assert_eq!(fixture.problems(REPAIR).await, expected);
    assert_eq!(fixture.fsck(LOOK).await, []);
}

#[tokio::test]
async fn only_objects_that_are_nobodys_are_removed() {
    let fixture = image_of_everything().await;
    let store = &fixture.registry.store;
    let blobs = fixture.folder.path().join("store");
    let object = |bytes: &[u8]| {
        let upload = UploadId::from(Uuid::new_v4());
        let key = store.key(upload);
        fs::write(blobs.join(key.as_str()), bytes).unwrap();
        (upload, key)
    };
    // Of a push between its object and its row, of one that was collected, and of nobody.
    let (pushed, _) = object(b"pushed");
    let staged = blobs.join("uploads").join(pushed.to_string());
    fs::write(&staged, b"pushed").unwrap();
    let (_, unlinked) = object(b"unlinked");
    sqlx::query("INSERT INTO unlinked_objects (key, at) VALUES ($1, 0)")
        .bind(unlinked.as_str())
        .execute(&mut fixture.database().await)
        .await
        .unwrap();
    let (_, orphan) = object(b"orphan");
    let notes = blobs.join("blobs/00/notes.txt");
    fs::write(&notes, "mine").unwrap();

    let expected = Problem::OrphanObject {
        key: orphan.clone(),
        size_bytes: 6,
    };
    for options in [LOOK, REPAIR] {
        let found = fixture.fsck(options).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].problem, expected);
    }
    assert!(!blobs.join(orphan.as_str()).exists());
    assert!(notes.exists() && blobs.join(unlinked.as_str()).exists());
    assert_eq!(fixture.fsck(LOOK).await, []);
    assert_eq!(fixture.object_files().len(), 5);
}

/// What rows can lack: a statement, what is found, and what is left after a repair.
#[tokio::test]
async fn rows_that_do_not_fit_are_found_and_repaired_where_they_can_be() {
    let cases: [(&str, &[&str], &[&str]); 11] = [
        (
            "UPDATE manifests SET bytes = CAST(bytes || ' ' AS BLOB)",
            &["corrupt_manifest"],
            &["corrupt_manifest"],
        ),
        (
            "UPDATE manifests SET media_type = 'text/plain'",
            &["invalid_manifest"],
            &["invalid_manifest"],
        ),
        ("DELETE FROM edges", &["wrong_edges"], &[]),
        (
            "UPDATE edges SET kind = 'child' WHERE digest = (SELECT MIN(digest) FROM edges)",
            &["wrong_edges"],
            &[],
        ),
        (
            "INSERT INTO edges (manifest_id, kind, digest, repository_id) VALUES (1, 'blob', 'sha256:0', 1)",
            &["wrong_edges"],
            &[],
        ),
        ("UPDATE edges SET repository_id = 77", &["wrong_edges"], &[]),
        (
            "DELETE FROM repository_blobs",
            &[
                "unlinked_blob",
                "unlinked_blob",
                "lacking_blob",
                "lacking_blob",
                "wrong_usage",
            ],
            &["lacking_blob", "lacking_blob"],
        ),
        (
            "UPDATE tags SET manifest_id = 77",
            &["stray_tag"],
            &["stray_tag"],
        ),
        (
            "UPDATE project_usage SET bytes = bytes + 7 WHERE part = (SELECT MIN(part) FROM project_usage)",
            &["wrong_usage"],
            &[],
        ),
        (
            "INSERT INTO cached_blobs (blob_id, used_at) VALUES (77, 1)",
            &["stray_cached_blob"],
            &[],
        ),
        (
            "INSERT INTO repositories (project_id, name, created_at) VALUES (77, 'x/y', 1)",
            &["stray_repository"],
            &["stray_repository"],
        ),
    ];
    for (statement, expected, left) in cases {
        let fixture = image_of_everything().await;
        fixture.damage(statement).await;
        assert_eq!(fixture.problems(LOOK).await, expected, "{statement}");
        assert_eq!(fixture.problems(REPAIR).await, expected, "{statement}");
        assert_eq!(fixture.problems(LOOK).await, left, "{statement}");
    }
}

#[tokio::test]
async fn a_manifest_with_other_bytes_is_mended_by_the_next_push() {
    let fixture = image_of_everything().await;
    fixture.damage("UPDATE manifests SET bytes = x'78'").await;
    assert_eq!(fixture.problems(LOOK).await, ["corrupt_manifest"]);
    fixture
        .push_manifest(Some("latest"), &image(CONFIG, &[LAYER]))
        .await;
    assert_eq!(fixture.fsck(LOOK).await, []);
}

#[tokio::test]
async fn sessions_whose_bytes_are_gone_end() {
    let fixture = image_of_everything().await;
    let registry = &fixture.registry;
    let begun = registry
        .start_upload(&fixture.repository, Algorithm::Sha256)
        .await
        .unwrap();
    // Nothing has come yet, so nothing is staged.
    assert_eq!(fixture.fsck(LOOK).await, []);
    fixture.damage("UPDATE uploads SET offset_bytes = 5").await;
    let found = fixture.fsck(REPAIR).await;
    let lost = Problem::LostUpload {
        repository: "a/b".to_owned(),
        upload: begun,
    };
    assert_eq!(found[0].problem, lost);
    assert_eq!(fixture.fsck(LOOK).await, []);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_an_error_and_marks_nothing() {
    let fixture = image_of_everything().await;
    let store = fixture.folder.path().join("store/blobs");
    let away = fixture.folder.path().join("away");
    fs::rename(&store, &away).unwrap();
    let fsck = Fsck::new(
        fixture.registry.db.clone(),
        Arc::clone(&fixture.registry.store),
        Arc::clone(&fixture.registry.clock),
        REPAIR,
    );
    let failed = fsck.run(&mut Findings::default()).await;
    assert!(matches!(failed, Err(FsckError::Store(_))));
    fs::rename(away, store).unwrap();
    assert_eq!(fixture.fsck(LOOK).await, []);
}
