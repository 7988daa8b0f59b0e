use std::pin::pin;

use berth_oci::{Algorithm, Digest, Reference};
use futures_util::poll;
use sqlx::SqliteConnection;

use super::*;
use crate::fixture::Fixture;

const CONFIG: &[u8] = b"{}";

#[derive(Debug, PartialEq, Eq)]
struct Counted {
    pulls: i64,
    last_pulled_at: Option<i64>,
}

impl Counted {
    fn new(pulls: i64, last_pulled_at: Option<Timestamp>) -> Self {
        Self {
            pulls,
            last_pulled_at: last_pulled_at.map(|at| at.0),
        }
    }
}

/// Pushes an image of a configuration alone, under two tags.
async fn push_image(fixture: &Fixture) -> Reference {
    fixture.push_image(Some("pulled"), CONFIG, &[]).await;
    Reference::Digest(fixture.push_image(Some("other"), CONFIG, &[]).await)
}

async fn pull(fixture: &Fixture, reference: &Reference) {
    let source = fixture.registry.hosted();
    let pulled = source.manifest(&fixture.repository, reference).await;
    assert!(pulled.unwrap().is_some());
}

async fn counted(database: &mut SqliteConnection, query: &'static str) -> Counted {
    let row: (i64, Option<i64>) = sqlx::query_as(query).fetch_one(database).await.unwrap();
    Counted {
        pulls: row.0,
        last_pulled_at: row.1,
    }
}

#[tokio::test]
async fn a_pull_waits_while_more_is_counted_than_can_be_written() {
    let fixture = Fixture::open().await;
    let (usage, now) = (&fixture.registry.usage, fixture.registry.clock.now());
    let pulled = |id| Pulled::Manifest { id };
    for id in 0..i64::try_from(MOST_COUNTED).unwrap() - 1 {
        let waits = usage.count(pulled(id), now).now_or_never().is_none();
        assert!(!waits, "with {id} counted");
    }
    let mut waiting = pin!(usage.count(pulled(-1), now));
    assert!(poll!(&mut waiting).is_pending());
    usage.take();
    waiting.await;
}

#[tokio::test]
async fn pulls_of_a_tag_and_of_its_manifest_are_written_when_the_registry_closes() {
    let fixture = Fixture::open().await;
    let by_digest = push_image(&fixture).await;
    let by_tag = Reference::Tag("pulled".parse().unwrap());
    for _ in 0..3 {
        fixture.clock.advance(Duration::from_secs(1));
        pull(&fixture, &by_tag).await;
    }
    let tag_pulled_at = fixture.registry.clock.now();
    fixture.clock.advance(Duration::from_secs(1));
    pull(&fixture, &by_digest).await;
    let manifest_pulled_at = fixture.registry.clock.now();
    fixture.registry.close().await;

    let mut database = fixture.database().await;
    let tag = "SELECT pulls, last_pulled_at FROM tags WHERE name = 'pulled'";
    let other = "SELECT pulls, last_pulled_at FROM tags WHERE name = 'other'";
    let manifest = "SELECT COALESCE(SUM(pulls), 0), MAX(last_pulled_at) FROM manifest_pulls";
    assert_eq!(
        counted(&mut database, tag).await,
        Counted::new(3, Some(tag_pulled_at))
    );
    assert_eq!(counted(&mut database, other).await, Counted::new(0, None));
    assert_eq!(
        counted(&mut database, manifest).await,
        Counted::new(4, Some(manifest_pulled_at))
    );
}

/// containerd asks for the digest of a tag that way, and pulls by the digest then.
#[tokio::test]
async fn a_look_at_a_tag_is_a_pull_of_the_tag_and_of_nothing_else() {
    let fixture = Fixture::open().await;
    let by_digest = push_image(&fixture).await;
    let by_tag = Reference::Tag("pulled".parse().unwrap());
    let source = fixture.registry.hosted();
    for reference in [&by_digest, &by_tag] {
        let described = source
            .describe_manifest(&fixture.repository, reference)
            .await;
        assert!(described.unwrap().is_some());
    }
    let looked_at = fixture.registry.clock.now();
    fixture.registry.close().await;
    let mut database = fixture.database().await;
    let tag = "SELECT pulls, last_pulled_at FROM tags WHERE name = 'pulled'";
    let manifest = "SELECT COALESCE(SUM(pulls), 0), MAX(last_pulled_at) FROM manifest_pulls";
    assert_eq!(
        counted(&mut database, tag).await,
        Counted::new(1, Some(looked_at))
    );
    assert_eq!(
        counted(&mut database, manifest).await,
        Counted::new(0, None)
    );
}

#[tokio::test]
async fn counts_add_up_over_several_writes() {
    let fixture = Fixture::open().await;
    let by_digest = push_image(&fixture).await;
    for _ in 0..2 {
        pull(&fixture, &by_digest).await;
        fixture.registry.write_usage().await.unwrap();
        // Nothing was counted since.
        fixture.registry.write_usage().await.unwrap();
    }
    fixture.registry.close().await;
    let mut database = fixture.database().await;
    let manifest = "SELECT COALESCE(SUM(pulls), 0), MAX(last_pulled_at) FROM manifest_pulls";
    assert_eq!(counted(&mut database, manifest).await.pulls, 2);
}

#[tokio::test]
async fn counts_that_could_not_be_written_are_written_with_those_that_come() {
    let fixture = Fixture::open().await;
    let by_digest = push_image(&fixture).await;
    let mut database = fixture.database().await;
    for (before, written) in [
        ("ALTER TABLE manifest_pulls RENAME TO away", false),
        ("ALTER TABLE away RENAME TO manifest_pulls", true),
    ] {
        sqlx::query(before).execute(&mut database).await.unwrap();
        pull(&fixture, &by_digest).await;
        assert_eq!(fixture.registry.write_usage().await.is_ok(), written);
    }
    fixture.registry.close().await;
    let rows = "SELECT pulls, last_pulled_at FROM manifest_pulls";
    assert_eq!(counted(&mut database, rows).await.pulls, 2);
}

#[tokio::test]
async fn a_cached_blob_that_was_pulled_from_two_repositories_was_used_at_the_later_pull() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_blob_to("a/later", CONFIG).await;
    fixture.push_blob_to("a/earlier", CONFIG).await;
    let mut database = fixture.database().await;
    sqlx::query("INSERT INTO cached_blobs (blob_id, used_at) SELECT id, 1 FROM blobs")
        .execute(&mut database)
        .await
        .unwrap();
    let source = fixture.registry.hosted();
    for repository in ["a/earlier", "a/later"] {
        fixture.clock.advance(Duration::from_secs(1));
        let blob = source.blob(&repository.parse().unwrap(), &digest).await;
        drop(blob.unwrap().unwrap().read(0..2).await.unwrap());
    }
    let used_at = fixture.registry.clock.now();
    fixture.registry.write_usage().await.unwrap();
    fixture.registry.close().await;
    let (found,): (i64,) = sqlx::query_as("SELECT used_at FROM cached_blobs")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(found, used_at.0);
}

#[tokio::test]
async fn what_was_deleted_before_its_pulls_are_written_is_not_counted() {
    let fixture = Fixture::open().await;
    let by_digest = push_image(&fixture).await;
    pull(&fixture, &Reference::Tag("other".parse().unwrap())).await;
    pull(&fixture, &by_digest).await;
    let mut database = fixture.database().await;
    for gone in ["DELETE FROM tags", "DELETE FROM manifests"] {
        sqlx::query(gone).execute(&mut database).await.unwrap();
    }
    fixture.registry.write_usage().await.unwrap();
    fixture.registry.close().await;
    let rows = "SELECT COUNT(*), MAX(last_pulled_at) FROM manifest_pulls";
    assert_eq!(counted(&mut database, rows).await, Counted::new(0, None));
}

#[tokio::test]
async fn what_one_write_counts_of_many_is_added_to_each() {
    let fixture = Fixture::open().await;
    let configs: [&'static [u8]; 3] = [b"{\"one\":1}", b"{\"two\":2}", b"{\"three\":3}"];
    for (tag, config) in ["one", "two", "three"].into_iter().zip(configs) {
        fixture.push_image(Some(tag), config, &[]).await;
    }
    let source = fixture.registry.hosted();
    for (tag, config) in [
        ("one", configs[0]),
        ("two", configs[1]),
        ("two", configs[1]),
    ] {
        pull(&fixture, &Reference::Tag(tag.parse().unwrap())).await;
        let digest = Digest::of(Algorithm::Sha256, config);
        let blob = source.blob(&fixture.repository, &digest).await.unwrap();
        drop(blob.unwrap().read(0..2).await.unwrap());
    }
    fixture.registry.write_usage().await.unwrap();
    fixture.registry.close().await;
    let mut database = fixture.database().await;
    let queries = [
        "SELECT t.name, t.pulls FROM tags t ORDER BY t.name",
        "SELECT t.name, COALESCE(mp.pulls, 0) FROM tags t
         LEFT JOIN manifest_pulls mp ON mp.manifest_id = t.manifest_id ORDER BY t.name",
        "SELECT t.name, rb.pulls FROM tags t JOIN edges e ON e.manifest_id = t.manifest_id
         JOIN blobs b ON b.digest = e.digest JOIN repository_blobs rb ON rb.blob_id = b.id
         ORDER BY t.name",
    ];
    for query in queries {
        let pulls: Vec<(String, i64)> = sqlx::query_as(query)
            .fetch_all(&mut database)
            .await
            .unwrap();
        let expected = [("one", 1), ("three", 0), ("two", 2)];
        assert_eq!(
            pulls,
            expected.map(|(tag, count)| (tag.to_owned(), count)),
            "{query}"
        );
    }
}
