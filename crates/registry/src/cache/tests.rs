use std::time::Duration;

use berth_oci::{Algorithm, MediaType};
use sqlx::SqliteConnection;

use super::*;
use crate::auth::{Caller, NewPassword};
use crate::fixture::{Fixture, image};

pub(super) async fn with_cache(fixture: &Fixture) -> RepositoryName {
    let project = "hub".parse().unwrap();
    let adopted = fixture
        .registry
        .adopt_project(&project, ProjectKind::Proxy, true);
    adopted.await.unwrap();
    "hub/library/app".parse().unwrap()
}

fn fetched(repository: &RepositoryName, tag: Option<&str>, layer: &[u8]) -> Fetched {
    let bytes = Bytes::from(image(b"{}", &[layer]).to_string());
    Fetched {
        repository: repository.clone(),
        digest: Digest::of(Algorithm::Sha256, &bytes),
        content_type: Some(MediaType::OCI_MANIFEST.to_owned()),
        bytes,
        tag: tag.map(|tag| tag.parse().unwrap()),
    }
}

async fn events(database: &mut SqliteConnection) -> Vec<(String, Option<String>, String)> {
    let rows = sqlx::query_as("SELECT cause, old_digest, new_digest FROM tag_events");
    rows.fetch_all(database).await.unwrap()
}

#[tokio::test]
async fn a_manifest_is_cached_without_what_it_names() {
    let fixture = Fixture::open().await;
    let repository = with_cache(&fixture).await;
    let manifest = fetched(&repository, Some("1"), b"layer");
    let (digest, bytes) = (manifest.digest.clone(), manifest.bytes.clone());
    fixture.registry.cache_manifest(manifest).await.unwrap();

    let reference = Reference::Tag("1".parse().unwrap());
    let found = fixture.registry.hosted().manifest(&repository, &reference);
    let found = found.await.unwrap().unwrap();
    assert_eq!(found.description.digest, digest);
    assert_eq!(found.bytes, bytes);

    let layer = Digest::of(Algorithm::Sha256, b"layer");
    let known = fixture.registry.known_blob(&repository, &layer).await;
    let expected = KnownBlob {
        named: Some(Beyond {
            size_bytes: Some(5),
        }),
        stored: None,
        beside: false,
    };
    assert_eq!(known.unwrap(), expected);
    let other = Digest::of(Algorithm::Sha256, b"other");
    let known = fixture.registry.known_blob(&repository, &other).await;
    let unknown = KnownBlob {
        named: None,
        stored: None,
        beside: false,
    };
    assert_eq!(known.unwrap(), unknown);
}

#[tokio::test]
async fn a_tag_that_an_upstream_moves_is_one_event_and_one_that_stays_is_none() {
    let fixture = Fixture::open().await;
    let (repository, tag) = (with_cache(&fixture).await, "1".parse().unwrap());
    let (first, second) = (
        fetched(&repository, Some("1"), b"first"),
        fetched(&repository, Some("1"), b"second"),
    );
    let (old, new) = (first.digest.to_string(), second.digest.to_string());
    let registry = &fixture.registry;
    registry.cache_manifest(first).await.unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    let again = fetched(&repository, Some("1"), b"first");
    registry.cache_manifest(again).await.unwrap();
    registry.cache_manifest(second).await.unwrap();
    let known: Digest = new.parse().unwrap();
    assert!(
        registry
            .confirm_tag(&repository, &tag, &known)
            .await
            .unwrap()
    );
    let unknown = Digest::of(Algorithm::Sha256, b"unknown");
    let confirmed = registry.confirm_tag(&repository, &tag, &unknown).await;
    assert!(!confirmed.unwrap());

    let (digest, checked_at) = registry
        .cached_tag(&repository, &tag)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((digest, checked_at), (known, registry.clock.now()));
    let expected = [
        ("fill".to_owned(), None, old.clone()),
        ("fill".to_owned(), Some(old), new),
    ];
    assert_eq!(events(&mut fixture.database().await).await, expected);
}

#[tokio::test]
async fn what_is_no_manifest_is_not_cached() {
    let fixture = Fixture::open().await;
    let repository = with_cache(&fixture).await;
    let page = Fetched {
        content_type: Some("text/html".to_owned()),
        bytes: Bytes::from_static(b"<html>"),
        ..fetched(&repository, Some("1"), b"layer")
    };
    let refused = fixture.registry.cache_manifest(page).await;
    assert!(matches!(refused, Err(CacheError::Invalid(_))));
    let elsewhere = fetched(&"nowhere/app".parse().unwrap(), None, b"layer");
    let refused = fixture.registry.cache_manifest(elsewhere).await;
    assert!(matches!(refused, Err(CacheError::NoProject(_))));
}

#[tokio::test]
async fn a_name_stays_claimed_when_its_project_is_gone() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    let name = "shop".parse().unwrap();
    assert!(!registry.claims(&name).await.unwrap());
    let admin = admin(&fixture).await;
    registry.create_project(&admin, &name, false).await.unwrap();
    assert!(registry.claims(&name).await.unwrap());
    registry.delete_project(&admin, &name, false).await.unwrap();
    assert!(registry.claims(&name).await.unwrap());
    assert!(registry.project(&name).await.unwrap().is_none());

    with_cache(&fixture).await;
    let cache = "hub".parse().unwrap();
    registry
        .delete_project(&admin, &cache, false)
        .await
        .unwrap();
    assert!(
        !registry.claims(&cache).await.unwrap(),
        "nobody pushed there"
    );
}

#[tokio::test]
async fn an_upstream_does_not_take_the_project_of_somebody_else() {
    let fixture = Fixture::open().await;
    let (registry, name) = (&fixture.registry, "shop".parse().unwrap());
    let admin = admin(&fixture).await;
    registry.create_project(&admin, &name, false).await.unwrap();
    let adopted = registry.adopt_project(&name, ProjectKind::Proxy, true);
    assert!(matches!(adopted.await, Err(AdoptError::Taken { .. })));
    assert_eq!(
        registry.project(&name).await.unwrap().unwrap().kind,
        ProjectKind::Hosted
    );
}

pub(crate) async fn admin(fixture: &Fixture) -> Caller {
    let password = NewPassword::try_from("correct horse".to_owned()).unwrap();
    let name = "admin".parse().unwrap();
    let registry = &fixture.registry;
    registry.create_first_user(name, password).await.unwrap();
    let mut headers = http::HeaderMap::new();
    let basic = "Basic YWRtaW46Y29ycmVjdCBob3JzZQ==".parse().unwrap();
    headers.insert(http::header::AUTHORIZATION, basic);
    registry.authenticate(&headers, None).await.unwrap()
}
