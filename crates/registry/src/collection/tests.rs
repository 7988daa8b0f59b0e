use berth_oci::{Algorithm, Mount, Reference, RepositoryName};
use serde_json::json;

use super::*;
use crate::audit::Actor;
use crate::fixture::{Fixture, GRACE, descriptor, image, index, pusher};
use crate::upload::{Chunk, Mounted};

mod interleavings;

const MINUTE: Duration = Duration::from_secs(60);
const CONFIG: &[u8] = b"{}";

impl Fixture {
    async fn has(&self, repository: &RepositoryName, bytes: &[u8]) -> bool {
        let digest = Digest::of(Algorithm::Sha256, bytes);
        let described = self.registry.hosted().describe_blob(repository, &digest);
        described.await.unwrap().is_some()
    }

    /// Whether the blob has a row, which asking for it does not change.
    async fn keeps(&self, bytes: &[u8]) -> bool {
        let digest = Digest::of(Algorithm::Sha256, bytes);
        let mut connection = self.registry.db.read().await.unwrap();
        let found = db::blobs::find(&mut connection, &digest).await.unwrap();
        found.is_some()
    }

    async fn delete(&self, reference: Reference) {
        let actor = Actor::system();
        let deleted = self
            .registry
            .delete_manifest(&self.repository, &reference, &actor);
        deleted.await.unwrap();
    }

    async fn mount(&self, to: &str, bytes: &[u8]) {
        let (from, to) = (self.repository.clone(), to.parse().unwrap());
        assert!(self.mounts(from, &to, bytes).await);
    }

    /// Whether the blob could be mounted from there.
    async fn try_mount(&self, from: &str, bytes: &[u8]) -> bool {
        self.mounts(from.parse().unwrap(), &self.repository, bytes)
            .await
    }

    async fn mounts(&self, from: RepositoryName, to: &RepositoryName, bytes: &[u8]) -> bool {
        let mount = Mount {
            digest: Digest::of(Algorithm::Sha256, bytes),
            from: Some(from.clone()),
            algorithm: Algorithm::Sha256,
        };
        let mounted = self
            .registry
            .mount_blob(to, &mount, Some(from), pusher())
            .await;
        matches!(mounted.unwrap(), Mounted::Blob)
    }

    /// Objects in the store.
    fn objects(&self) -> usize {
        let folders = std::fs::read_dir(self.folder.path().join("store/blobs")).unwrap();
        folders
            .map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count())
            .sum()
    }
}

#[tokio::test]
async fn what_no_manifest_names_goes_after_the_grace_time() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"layer").await;
    fixture.clock.advance(GRACE - MINUTE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
    fixture.clock.advance(MINUTE);
    let collected = fixture.registry.collect().await.unwrap();
    assert_eq!((collected.blobs, collected.bytes), (1, 5));
    assert_eq!(fixture.objects(), 0);
    assert!(!fixture.has(&fixture.repository, b"layer").await);
}

#[tokio::test]
async fn what_a_manifest_names_stays_however_old_it_is() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(None, CONFIG, &[b"layer"]).await;
    fixture.clock.advance(GRACE * 100);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
    assert!(fixture.has(&fixture.repository, b"layer").await);

    fixture.delete(Reference::Digest(digest)).await;
    fixture.clock.advance(GRACE - MINUTE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
    fixture.clock.advance(MINUTE);
    let collected = fixture.registry.collect().await.unwrap();
    assert_eq!((collected.blobs, collected.manifests), (2, 1));
    assert_eq!(fixture.objects(), 0);
}

#[tokio::test]
async fn who_asks_for_a_blob_has_the_grace_time_to_name_it() {
    let fixture = Fixture::open().await;
    fixture.push_blob(CONFIG).await;
    fixture.push_blob(b"layer").await;
    fixture.clock.advance(GRACE - MINUTE);
    assert!(fixture.has(&fixture.repository, b"layer").await);
    assert!(fixture.has(&fixture.repository, CONFIG).await);
    fixture.clock.advance(GRACE - MINUTE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
    let document = image(CONFIG, &[b"layer"]);
    fixture.push_manifest(Some("latest"), &document).await;
}

#[tokio::test]
async fn a_mount_has_a_grace_time_of_its_own() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"layer").await;
    fixture.clock.advance(GRACE - MINUTE);
    fixture.mount("a/c", b"layer").await;
    fixture.clock.advance(2 * MINUTE);
    // Only the repository that it came from has lost it.
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
    assert!(!fixture.has(&fixture.repository, b"layer").await);
    assert!(fixture.has(&"a/c".parse().unwrap(), b"layer").await);
}

#[tokio::test]
async fn pushing_a_blob_again_renews_its_grace_time() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"layer").await;
    fixture.clock.advance(GRACE - MINUTE);
    fixture.push_blob(b"layer").await;
    fixture.clock.advance(GRACE - MINUTE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
    assert!(fixture.keeps(b"layer").await);
}

#[tokio::test]
async fn an_entry_of_an_index_that_is_a_blob_is_kept_by_it() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"cache").await;
    let entry = descriptor("application/vnd.oci.image.layer.v1.tar+gzip", b"cache");
    let digest = fixture.push_manifest(Some("cache"), &index(&[entry])).await;
    fixture.clock.advance(GRACE * 2);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);

    fixture.delete(Reference::Digest(digest)).await;
    fixture.clock.advance(GRACE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 1);
}

#[tokio::test]
async fn a_blob_of_two_manifests_goes_with_the_last() {
    let fixture = Fixture::open().await;
    let first = fixture.push_image(Some("a"), CONFIG, &[b"shared"]).await;
    let second = fixture.push_image(Some("b"), b"{ }", &[b"shared"]).await;
    fixture.delete(Reference::Digest(first)).await;
    fixture.clock.advance(GRACE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 1);
    assert!(fixture.keeps(b"shared").await);
    fixture.delete(Reference::Digest(second)).await;
    fixture.clock.advance(GRACE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 2);
}

#[tokio::test]
async fn deleting_a_tag_takes_nothing_along() {
    let fixture = Fixture::open().await;
    fixture
        .push_image(Some("latest"), CONFIG, &[b"layer"])
        .await;
    fixture
        .delete(Reference::Tag("latest".parse().unwrap()))
        .await;
    fixture.clock.advance(GRACE * 2);
    let collected = fixture.registry.collect().await.unwrap();
    assert_eq!(collected, Collected::default());
}

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_when() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("latest"), CONFIG, &[b"kept"]).await;
    fixture.push_blob(b"first").await;
    fixture.clock.advance(MINUTE);
    fixture.push_blob(b"second").await;
    fixture.mount("a/c", b"second").await;
    let registry = &fixture.registry;

    let (page, next) = registry.collectable(None, 1).await.unwrap();
    assert_eq!(page[0].digest, Digest::of(Algorithm::Sha256, b"first"));
    assert!(page[0].alone);
    let (page, next) = registry.collectable(next, 5).await.unwrap();
    assert_eq!((page.len(), next), (2, None));
    assert!(page.iter().all(|collectable| !collectable.alone));

    let totals = registry.collectable_totals().await.unwrap();
    assert_eq!((totals.due_blobs, totals.later_blobs), (0, 2));
    assert_eq!(totals.later_bytes, 11);
    fixture.clock.advance(GRACE - MINUTE);
    let totals = registry.collectable_totals().await.unwrap();
    assert_eq!((totals.due_blobs, totals.due_bytes), (1, 5));
    let collected = registry.collect().await.unwrap();
    assert_eq!((collected.blobs, collected.bytes), (1, 5));
}

#[tokio::test]
async fn what_was_pushed_before_an_upload_that_takes_long_is_kept_for_its_manifest() {
    let fixture = Fixture::open().await;
    fixture.push_blob(CONFIG).await;
    let repository = &fixture.repository;
    let upload = fixture.registry.start_upload(repository, Algorithm::Sha256);
    let upload = upload.await.unwrap();
    let layer: &[u8] = b"large";
    let patch = async |bytes: &'static [u8]| {
        let (chunk, mut bytes) = (Chunk::default(), crate::fixture::body(bytes));
        let appended = fixture
            .registry
            .append_upload(repository, upload, chunk, &mut bytes);
        appended.await.unwrap();
    };
    for part in [&b"la"[..], b"r", b"ge"] {
        fixture.clock.advance(GRACE / 2 + MINUTE);
        fixture.registry.collect().await.unwrap();
        patch(part).await;
    }
    let digest = Digest::of(Algorithm::Sha256, layer);
    let (chunk, mut nothing) = (Chunk::default(), crate::fixture::body(b""));
    let finished =
        fixture
            .registry
            .finish_upload(repository, upload, digest, chunk, &mut nothing, pusher());
    finished.await.unwrap();
    // The session is gone, and the manifest comes within the grace time.
    fixture.clock.advance(GRACE - MINUTE);
    fixture.registry.collect().await.unwrap();
    fixture
        .push_manifest(Some("latest"), &image(CONFIG, &[layer]))
        .await;
}

#[tokio::test]
async fn a_session_that_nobody_works_on_keeps_nothing_for_long() {
    let fixture = Fixture::open().await;
    fixture.push_blob(CONFIG).await;
    let started = fixture
        .registry
        .start_upload(&fixture.repository, Algorithm::Sha256);
    started.await.unwrap();
    fixture.clock.advance(GRACE + MINUTE);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 1);
}

#[tokio::test]
async fn many_deletions_are_purged_together_and_do_not_keep_blobs_from_going() {
    let fixture = Fixture::open().await;
    for number in 0..PART / 2 {
        let tag = format!("v{number}");
        fixture.push_image(Some(&tag), CONFIG, &[b"layer"]).await;
        fixture.delete(Reference::Tag(tag.parse().unwrap())).await;
    }
    let digest = fixture.push_image(None, CONFIG, &[b"layer"]).await;
    fixture.delete(Reference::Digest(digest)).await;
    fixture.push_blob(b"unnamed").await;
    fixture.clock.advance(GRACE);
    let times = fixture.registry.times();
    let part = fixture
        .registry
        .db
        .write(move |tx| async move { collect_part(tx, times).await }.boxed());
    let part = part.await.unwrap();
    assert_eq!(part.manifests, 1);
    assert!(!part.taken.objects.is_empty());
    let mut connection = fixture.registry.db.read().await.unwrap();
    let due = db::deletions::due(&mut connection, times.now)
        .await
        .unwrap();
    assert_eq!(due, None);
}

/// A push of a manifest and the collection of its blob come one after the other, whatever the order:
/// either the manifest is stored and its blob stays, or it is told that the blob is missing.
#[tokio::test]
async fn a_manifest_is_never_stored_without_its_blob() {
    let fixture = Fixture::open().await;
    for round in 0..20_usize {
        fixture.push_blob(CONFIG).await;
        let document = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", CONFIG),
            "layers": [],
            "annotations": {"round": round.to_string()},
        });
        fixture.clock.advance(GRACE * 2);
        let bytes = bytes::Bytes::from(document.to_string());
        let reference = Reference::Tag("latest".parse().unwrap());
        let put = fixture.registry.put_manifest(
            &fixture.repository,
            &reference,
            Vec::new(),
            None,
            bytes,
            pusher(),
        );
        let (collected, put) = if round % 2 == 0 {
            tokio::join!(fixture.registry.collect(), put)
        } else {
            let (put, collected) = tokio::join!(put, fixture.registry.collect());
            (collected, put)
        };
        collected.unwrap();
        assert_eq!(put.is_ok(), fixture.keeps(CONFIG).await);
        if let Ok(put) = put {
            fixture.delete(Reference::Digest(put.digest)).await;
            fixture.clock.advance(GRACE);
            fixture.registry.collect().await.unwrap();
        }
    }
}

#[tokio::test]
async fn bytes_that_a_crash_has_left_go_with_the_next_start() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"layer").await;
    fixture.clock.advance(GRACE);
    let times = fixture.registry.times();
    // As if the process had ended between the commit and the bytes.
    let removed = fixture
        .registry
        .db
        .write(move |tx| async move { collect_part(tx, times).await }.boxed());
    assert_eq!(removed.await.unwrap().taken.objects.len(), 1);
    assert_eq!(fixture.objects(), 1);
    fixture.registry.remove_unlinked().await.unwrap();
    assert_eq!(fixture.objects(), 0);
}
