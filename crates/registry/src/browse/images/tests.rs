use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqliteConnection;

use super::*;
use crate::fixture::Fixture;

#[tokio::test]
async fn the_pages_hold_each_manifest_once_newest_push_first_with_its_tags() {
    let fixture = Fixture::open().await;
    let first = fixture.push_image(Some("old"), b"{}", &[b"1"]).await;
    let untagged = fixture.push_image(None, b"{}", &[b"2"]).await;
    fixture.clock.advance(Duration::from_secs(1));
    let newest = fixture.push_image(Some("new"), b"{}", &[b"3"]).await;
    // Pushed again, it is as new as the newest, whose id decides.
    fixture.push_image(Some("again"), b"{}", &[b"1"]).await;
    let expected = [
        (newest, vec!["new"]),
        (first, vec!["again", "old"]),
        (untagged, vec![]),
    ];
    for limit in 1..=expected.len() {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = fixture
                .registry
                .browse_images(&fixture.repository, after, limit)
                .await;
            let page = page.unwrap().unwrap();
            found.extend(page.items);
            let Some(next) = page.next else { break };
            after = Some(next.to_string().parse().unwrap());
        }
        let found: Vec<_> = found
            .iter()
            .map(|image| {
                let tags: Vec<_> = image.tags.iter().map(Tag::as_str).collect();
                (image.digest.clone(), tags)
            })
            .collect();
        assert_eq!(found, expected, "limit {limit}");
    }
    let absent = "absent".parse().unwrap();
    let absent = fixture.registry.browse_images(&absent, None, 1).await;
    assert_eq!(absent.unwrap(), None);
}

#[test]
fn a_place_is_taken_from_a_page_and_nothing_else() {
    for text in ["", "1", "1.", ".1", "a.b", "1.2.3"] {
        assert_eq!(text.parse::<ImagePlace>(), Err(InvalidImagePlace), "{text}");
    }
}

/// The steps that the database takes to tell the sizes of all images of now.
async fn steps(database: &mut SqliteConnection, ids: &[i64]) -> u64 {
    let steps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&steps);
    let mut handle = database.lock_handle().await.unwrap();
    handle.set_progress_handler(1, move || {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    drop(handle);
    let sizes = db::browse::images::sizes(database, ids).await.unwrap();
    assert_eq!(sizes.len(), ids.len());
    database
        .lock_handle()
        .await
        .unwrap()
        .remove_progress_handler();
    steps.load(Ordering::Relaxed)
}

#[tokio::test]
async fn the_sizes_of_a_page_cost_no_more_among_many_images() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("one"), b"{}", &[b"1"]).await;
    fixture.push_image(Some("two"), b"{}", &[b"2"]).await;
    let mut database = fixture.database().await;
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM manifests")
        .fetch_all(&mut database)
        .await
        .unwrap();
    let among_few = steps(&mut database, &ids).await;
    sqlx::raw_sql(
        "WITH RECURSIVE numbers (number) AS (
             SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 5000)
         INSERT INTO manifests (repository_id, digest, media_type, size_bytes, pushed_at, bytes)
         SELECT r.id, 'sha256:' || number, 'application/json', 1, 0, x'' FROM numbers, repositories r;
         INSERT INTO edges (manifest_id, kind, digest, repository_id)
         SELECT m.id, 'blob', b.digest, m.repository_id FROM manifests m, blobs b
         WHERE m.size_bytes = 1",
    )
    .execute(&mut database)
    .await
    .unwrap();
    let among_many = steps(&mut database, &ids).await;
    assert!(
        among_many < 2 * among_few,
        "{among_few} steps became {among_many}"
    );
}
