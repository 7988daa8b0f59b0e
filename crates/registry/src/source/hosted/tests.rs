use berth_oci::{Algorithm, Digest, Reference};

use crate::fixture::Fixture;

const CONFIG: &[u8] = b"{}";

/// Pulls the image and its configuration, and tells how often that has read the database.
async fn pull(fixture: &Fixture) -> u64 {
    let before = fixture.registry.database_reads();
    let source = fixture.registry.hosted();
    let tag = Reference::Tag("v1".parse().unwrap());
    let pulled = source.manifest(&fixture.repository, &tag).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, CONFIG);
    let named = format!("\"digest\":\"{digest}\"");
    let bytes = pulled.unwrap().bytes;
    assert!(String::from_utf8_lossy(&bytes).contains(&named));
    let blob = source.blob(&fixture.repository, &digest).await.unwrap();
    drop(blob.unwrap().read(0..2).await.unwrap());
    fixture.registry.database_reads() - before
}

#[tokio::test]
async fn what_was_pulled_lately_is_not_read_again_until_its_memory_is_given_back() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("v1"), CONFIG, &[]).await;
    for _ in 0..2 {
        assert_eq!(pull(&fixture).await, 2);
        // After a second without a look at the changes nothing would be believed; a write is one.
        fixture.registry.write_usage().await.unwrap();
        assert_eq!(pull(&fixture).await, 0);
        fixture.registry.give_back().await.unwrap();
    }
    fixture.registry.close().await;
    let (pulls,): (i64,) = sqlx::query_as("SELECT pulls FROM manifest_pulls")
        .fetch_one(&mut fixture.database().await)
        .await
        .unwrap();
    assert_eq!(pulls, 4);
}
