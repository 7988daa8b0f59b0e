use std::time::Duration;

use super::*;
use crate::fixture::{Fixture, image, index};

async fn names(fixture: &Fixture, search: Option<&str>, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = fixture
            .registry
            .browse_tags(&fixture.repository, search, after.as_deref(), limit)
            .await;
        let page = page.unwrap().unwrap();
        pages.push(page.items.iter().map(|tag| tag.name.to_string()).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn the_pages_hold_each_tag_once_and_a_search_any_case() {
    let fixture = Fixture::open().await;
    for tag in ["V2", "_a", "b_a", "bxa", "v1"] {
        fixture.push_image(Some(tag), b"{}", &[]).await;
    }
    let all = ["V2", "_a", "b_a", "bxa", "v1"];
    for limit in 1..=all.len() {
        let expected: Vec<_> = all.chunks(limit).collect();
        assert_eq!(names(&fixture, None, limit).await, expected);
    }
    let longest = "v".repeat(100_000);
    let cases: [(&str, &[&str]); 5] = [
        ("v", &["V2", "v1"]),
        ("_A", &["_a", "b_a"]),
        ("%", &[]),
        ("\\", &[]),
        (&longest, &[]),
    ];
    for (search, expected) in cases {
        for limit in [1, 100] {
            assert_eq!(
                names(&fixture, Some(search), limit).await.concat(),
                expected
            );
        }
    }
    let absent = "absent".parse().unwrap();
    let absent = fixture.registry.browse_tags(&absent, None, None, 1).await;
    assert_eq!(absent.unwrap(), None);
}

#[tokio::test]
async fn a_search_looks_at_a_bounded_number_of_tags_and_says_where_to_go_on() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("zebra"), b"{}", &[]).await;
    sqlx::query(
        "WITH RECURSIVE numbers (number) AS (
             SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 15000
         )
         INSERT INTO tags (repository_id, name, manifest_id, pushed_at)
         SELECT t.repository_id, 't' || (100000 + n.number), t.manifest_id, 0
         FROM numbers n, tags t",
    )
    .execute(&mut fixture.database().await)
    .await
    .unwrap();
    let cases: [(&str, [&[&str]; 2]); 3] = [
        ("t109998", [&["t109998"], &[]]),
        ("t110000", [&["t110000"], &[]]),
        ("t110001", [&[], &["t110001"]]),
    ];
    for (search, pages) in cases {
        assert_eq!(names(&fixture, Some(search), 10).await, pages, "{search}");
    }
}

#[tokio::test]
async fn a_tag_says_what_it_is_on_and_counts_its_own_pulls() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), b"{}", &[b"layer"]).await;
    let bytes = image(b"{}", &[b"layer"]).to_string().len() as u64;
    let expected = TagSummary {
        name: "v1".parse().unwrap(),
        digest,
        media_type: MediaType::OCI_MANIFEST.parse().unwrap(),
        artifact_type: Some("application/vnd.oci.image.config.v1+json".to_owned()),
        platforms: Some(Platforms::default()),
        size_bytes: bytes + 2 + 5,
        pushed_at: fixture.registry.clock.now(),
        pushed_by: Some("berth".to_owned()),
        pulls: 0,
        last_pulled_at: None,
    };
    fixture.clock.advance(Duration::from_secs(1));
    let tag = "v1".parse().unwrap();
    for _ in 0..2 {
        let found = fixture.registry.browse_tag(&fixture.repository, &tag).await;
        assert_eq!(found.unwrap().as_ref(), Some(&expected));
    }
    let absent = "v2".parse().unwrap();
    let absent = fixture.registry.browse_tag(&fixture.repository, &absent);
    assert_eq!(absent.await.unwrap(), None);
    // To look is not to pull.
    fixture.registry.close().await;
    let mut database = fixture.database().await;
    let pulls: (i64,) = sqlx::query_as("SELECT SUM(pulls) FROM tags")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(pulls.0, 0);
}

#[tokio::test]
async fn the_size_of_an_index_is_that_of_the_children_that_are_here() {
    let fixture = Fixture::open().await;
    fixture.push_image(None, b"{}", &[b"shared", b"1"]).await;
    fixture.push_image(None, b"{}", &[b"shared", b"22"]).await;
    let one = image(b"{}", &[b"shared", b"1"]).to_string();
    let two = image(b"{}", &[b"shared", b"22"]).to_string();
    let child = |bytes: &str| crate::fixture::descriptor(MediaType::OCI_MANIFEST, bytes.as_bytes());
    let document = index(&[child(&one), child(&two), child("absent")]);
    fixture.push_manifest(Some("all"), &document).await;
    let tag = "all".parse().unwrap();
    let found = fixture.registry.browse_tag(&fixture.repository, &tag).await;
    let manifests = document.to_string().len() + one.len() + two.len();
    let blobs = (2 + 6 + 1) + (2 + 6 + 2);
    assert_eq!(
        found.unwrap().unwrap().size_bytes,
        (manifests + blobs) as u64
    );
}

#[tokio::test]
async fn a_blob_that_the_repository_lacks_has_no_size() {
    let mut fixture = Fixture::open().await;
    fixture.push_blob(b"elsewhere").await;
    fixture.repository = "c/d".parse().unwrap();
    fixture.push_blob(b"{}").await;
    let document = image(b"{}", &[b"elsewhere"]);
    let sparse = fixture.push_manifest(None, &document).await;
    let images = fixture.registry.browse_images(&fixture.repository, None, 1);
    let images = images.await.unwrap().unwrap();
    assert_eq!(images.items[0].digest, sparse);
    assert_eq!(
        images.items[0].size_bytes,
        document.to_string().len() as u64 + 2
    );
}
