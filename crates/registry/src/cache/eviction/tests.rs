use berth_oci::{Algorithm, Digest, RepositoryName};
use bytes::Bytes;

use super::*;
use crate::cache::tests::with_cache;
use crate::fixture::Fixture;

const MINUTE: Duration = Duration::from_secs(60);

fn limits(bytes: u64) -> CacheLimits {
    CacheLimits {
        bytes: Some(bytes),
        ..CacheLimits::default()
    }
}

/// Caches a blob as a fill does; `false` when there is no room for it.
async fn fill(fixture: &Fixture, repository: &RepositoryName, content: &'static [u8]) -> bool {
    fixture.clock.advance(MINUTE);
    let (digest, size) = (digest(content), content.len() as u64);
    let Some(_room) = fixture.registry.make_room(size).await.unwrap() else {
        return false;
    };
    let mut spool = fixture.registry.open_spool(&digest, size).await.unwrap();
    spool
        .append(vec![Bytes::from_static(content)])
        .await
        .unwrap();
    spool.commit(vec![repository.clone()]).await.unwrap();
    true
}

fn digest(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

async fn has(fixture: &Fixture, repository: &RepositoryName, content: &[u8]) -> bool {
    let hosted = fixture.registry.hosted();
    let found = hosted.describe_blob(repository, &digest(content)).await;
    found.unwrap().is_some()
}

/// Objects in the store.
fn objects(fixture: &Fixture) -> usize {
    let blobs = fixture.folder.path().join("store/blobs");
    let folders = std::fs::read_dir(blobs).unwrap();
    folders
        .map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count())
        .sum()
}

#[tokio::test]
async fn the_longest_unused_goes_first_and_what_was_pulled_stays() {
    let fixture = Fixture::open_with(limits(25)).await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"first 0000").await);
    assert!(fill(&fixture, &repository, b"second 000").await);
    fixture.clock.advance(MINUTE);
    let hosted = fixture.registry.hosted();
    let blob = hosted.blob(&repository, &digest(b"first 0000")).await;
    drop(blob.unwrap().unwrap().read(0..10).await.unwrap());
    fixture.registry.write_usage().await.unwrap();

    assert!(fill(&fixture, &repository, b"third 0000").await);
    assert!(has(&fixture, &repository, b"first 0000").await);
    assert!(!has(&fixture, &repository, b"second 000").await);
    assert_eq!(fixture.registry.cached_bytes(), 20);
    assert_eq!(objects(&fixture), 2);
}

#[tokio::test]
async fn a_blob_that_is_larger_than_the_cap_finds_no_room_and_evicts_nothing() {
    let fixture = Fixture::open_with(limits(15)).await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"small").await);
    assert!(!fill(&fixture, &repository, b"more than fifteen").await);
    assert!(has(&fixture, &repository, b"small").await);
    assert!(
        fill(&fixture, &repository, b"another").await,
        "what was refused takes no room"
    );
}

#[tokio::test]
async fn downloads_under_way_count() {
    let fixture = Fixture::open_with(limits(25)).await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"first 0000").await);
    let room = fixture.registry.make_room(15).await.unwrap();
    assert!(room.is_some());
    let more = fixture.registry.make_room(15).await.unwrap();
    assert!(
        more.is_none(),
        "all but the room is evicted, and that is not enough"
    );
    assert!(!has(&fixture, &repository, b"first 0000").await);
    drop(room);
    assert!(fixture.registry.make_room(15).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_pinned_stays() {
    let pins = vec!["hub/library/**".parse().unwrap()];
    let fixture = Fixture::open_with(CacheLimits { pins, ..limits(15) }).await;
    let pinned = with_cache(&fixture).await;
    let other = "hub/other/app".parse().unwrap();
    assert!(fill(&fixture, &pinned, b"pinned").await);
    assert!(fill(&fixture, &other, b"other").await);
    assert!(fill(&fixture, &other, b"one more").await);
    assert!(has(&fixture, &pinned, b"pinned").await);
    assert!(!has(&fixture, &other, b"other").await);
}

#[tokio::test]
async fn a_blob_that_a_hosted_repository_has_is_taken_from_the_caches_alone() {
    let fixture = Fixture::open_with(limits(15)).await;
    let repository = with_cache(&fixture).await;
    let shared = fixture.push_blob(b"shared 000").await;
    assert!(
        fixture
            .registry
            .link_blob(&repository, &shared)
            .await
            .unwrap()
    );
    assert_eq!(fixture.registry.cached_bytes(), 10);
    assert!(fill(&fixture, &repository, b"another 00").await);
    assert!(!has(&fixture, &repository, b"shared 000").await);
    assert!(has(&fixture, &fixture.repository, b"shared 000").await);
    assert_eq!(objects(&fixture), 2);
}

#[tokio::test]
async fn what_was_not_pulled_for_long_goes_without_a_cap() {
    let fixture = Fixture::open().await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"old").await);
    let between = fixture.registry.clock.now().plus(MINUTE / 2);
    assert!(fill(&fixture, &repository, b"young").await);
    fixture.registry.evict(between, || true).await.unwrap();
    assert!(!has(&fixture, &repository, b"old").await);
    assert!(has(&fixture, &repository, b"young").await);
}

#[tokio::test]
async fn bytes_that_a_crash_has_left_without_a_row_are_removed() {
    let fixture = Fixture::open().await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"evicted").await);
    let mut connection = fixture.registry.db.read().await.unwrap();
    let blob = db::blobs::find(&mut connection, &digest(b"evicted")).await;
    let (id, now) = (blob.unwrap().unwrap().id, fixture.registry.clock.now());
    let evicted = fixture
        .registry
        .db
        .write(move |tx| async move { db::cached_blobs::evict(tx, id, now).await }.boxed());
    assert!(!evicted.await.unwrap().objects.is_empty());
    assert_eq!(objects(&fixture), 1);
    fixture.registry.remove_unlinked().await.unwrap();
    assert_eq!(objects(&fixture), 0);
    fixture.registry.take_stock_of_caches().await.unwrap();
    assert_eq!(fixture.registry.cached_bytes(), 0);
}

#[tokio::test]
async fn what_something_runs_is_not_evicted() {
    let fixture = Fixture::open_with(limits(20)).await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"held 00000").await);
    let document = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": crate::fixture::descriptor("application/vnd.oci.image.config.v1+json", b"held 00000"),
        "layers": [],
    });
    let bytes = Bytes::from(document.to_string());
    let held = Digest::of(Algorithm::Sha256, &bytes);
    let fetched = crate::cache::Fetched {
        repository: repository.clone(),
        digest: held.clone(),
        content_type: None,
        bytes,
        tag: None,
    };
    fixture.registry.cache_manifest(fetched).await.unwrap();
    let held = [crate::holds::Held {
        repository: repository.clone(),
        digest: held,
        reason: "prod runs it".to_owned(),
    }];
    let db = &fixture.registry.db;
    db.write(move |tx| async move { crate::holds::replace(tx, "prod", &held).await }.boxed())
        .await
        .unwrap();
    assert!(fill(&fixture, &repository, b"other 0000").await);
    assert!(fill(&fixture, &repository, b"more 00000").await);
    assert!(has(&fixture, &repository, b"held 00000").await);
    assert!(!has(&fixture, &repository, b"other 0000").await);
}

/// A project was a cache, and is none any longer.
#[tokio::test]
async fn what_no_cache_has_any_longer_is_not_evicted_for_ever() {
    let fixture = Fixture::open_with(limits(20)).await;
    let repository = with_cache(&fixture).await;
    assert!(fill(&fixture, &repository, b"first 0000").await);
    sqlx::query("UPDATE projects SET kind = 'hosted'")
        .execute(&mut fixture.database().await)
        .await
        .unwrap();
    let room = fixture.registry.make_room(20).await.unwrap();
    assert!(room.is_some());
    assert_eq!(fixture.registry.cached_bytes(), 0);
    let hosted = fixture.registry.hosted();
    let first = digest(b"first 0000");
    let kept = hosted.describe_blob(&repository, &first);
    assert!(kept.await.unwrap().is_some());
}
