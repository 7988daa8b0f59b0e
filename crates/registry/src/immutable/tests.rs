use axum::response::IntoResponse as _;
use berth_oci::{Digest, Reference};
use bytes::Bytes;
use serde_json::json;
use sqlx::Row as _;

use super::RuleError;
use crate::audit::Actor;
use crate::auth::Caller;
use crate::deletion::DeleteError;
use crate::fixture::{Fixture, index, pusher};
use crate::http::ApiError;
use crate::manifest::RetagError;

/// A caller for whom nothing is asked here.
fn somebody() -> Caller {
    Caller::anonymous(None)
}

async fn add(fixture: &Fixture, repositories: &str, tags: &str) -> Result<(), RuleError> {
    let (registry, project) = (&fixture.registry, fixture.repository.project());
    let (repositories, tags) = (repositories.parse().unwrap(), tags.parse().unwrap());
    registry
        .add_immutable_tags(&somebody(), &project, repositories, tags)
        .await
        .map(drop)
}

async fn rule(fixture: &Fixture, repositories: &str, tags: &str) {
    add(fixture, repositories, tags).await.unwrap();
}

async fn retag(fixture: &Fixture, tag: &str, to: &Digest) -> Result<Digest, RetagError> {
    let (registry, repository) = (&fixture.registry, &fixture.repository);
    let (tag, to) = (tag.parse().unwrap(), Reference::Digest(to.clone()));
    registry
        .retag(repository, &tag, &to, &Actor::system())
        .await
}

async fn delete(fixture: &Fixture, reference: &str) -> Result<(), DeleteError> {
    let (registry, repository) = (&fixture.registry, &fixture.repository);
    let reference = reference.parse().unwrap();
    registry
        .delete_manifest(repository, &reference, &Actor::system())
        .await
}

/// Pushes an index of its own for each number, and gives its digest, or what was said.
async fn push(fixture: &Fixture, tag: &str, number: usize) -> Result<Digest, String> {
    let mut document = index(&[]);
    document["annotations"] = json!({"number": number.to_string()});
    let bytes = Bytes::from(document.to_string());
    let reference = Reference::Tag(tag.parse().unwrap());
    let (repository, tags) = (&fixture.repository, Vec::new());
    let put = fixture
        .registry
        .put_manifest(repository, &reference, tags, None, bytes, pusher());
    match put.await {
        Ok(stored) => Ok(stored.digest),
        Err(error) => Err(error.to_string()),
    }
}

/// Patterns of repositories and tags, the tag, and whether it stays where it is.
const CASES: [(&str, &str, &str, bool); 14] = [
    ("a/**", "v*", "v1", true),
    ("a/**", "v*", "latest", false),
    ("a/b", "v*", "v1", true),
    ("a/c", "v*", "v1", false),
    ("a/*", "*", "latest", true),
    ("**", "latest", "latest", true),
    ("**", "latest", "latest2", false),
    ("a/**", "v1.?", "v1.2", true),
    ("a/**", "v1.?", "v1.22", false),
    ("a/**", "regex:[0-9]+", "17", true),
    ("a/**", "regex:[0-9]+", "17b", false),
    ("a/**", "semver:>=1", "v1.4.2", true),
    ("a/**", "semver:>=1", "0.9.0", false),
    ("a/**", "semver:>=1", "1.4.2-rc.1", false),
];

#[tokio::test]
async fn a_tag_that_a_rule_matches_neither_moves_nor_goes_and_any_other_does() {
    for (repositories, tags, tag, immutable) in CASES {
        let case = format!("{tag} by {tags} of {repositories}");
        let fixture = Fixture::open().await;
        let first = push(&fixture, "base", 1).await.unwrap();
        rule(&fixture, repositories, tags).await;
        // What is not there can be made.
        assert_eq!(push(&fixture, tag, 1).await, Ok(first.clone()), "{case}");
        // The same again is no move.
        assert_eq!(push(&fixture, tag, 1).await, Ok(first.clone()), "{case}");
        let other = push(&fixture, "other", 2).await;
        // All tags of one rule can be immutable.
        let other = other.unwrap();

        let same = retag(&fixture, tag, &first).await;
        assert_eq!(same.unwrap(), first, "{case}");
        let moved = retag(&fixture, tag, &other).await;
        assert_eq!(moved.is_err(), immutable, "{case}");
        let pushed = push(&fixture, tag, 3).await;
        assert_eq!(pushed.is_err(), immutable, "{case}");
        if let Err(said) = pushed {
            for part in [tag, first.as_str(), "rule 1", tags, repositories] {
                assert!(said.contains(part), "{case}: {said} lacks {part}");
            }
            let whole = delete(&fixture, first.as_str()).await;
            let whole = ApiError::from(whole.unwrap_err()).into_response();
            assert_eq!(whole.status(), 409, "{case}");
        }
        let alone = delete(&fixture, tag).await;
        assert_eq!(alone.is_err(), immutable, "{case}");
    }
}

#[tokio::test]
async fn a_push_that_is_refused_leaves_nothing() {
    let fixture = Fixture::open().await;
    push(&fixture, "v1", 1).await.unwrap();
    rule(&fixture, "a/**", "v*").await;
    assert!(push(&fixture, "v1", 2).await.is_err());
    let mut database = fixture.database().await;
    let counts =
        sqlx::query("SELECT (SELECT COUNT(*) FROM manifests), (SELECT COUNT(*) FROM tag_events)")
            .fetch_one(&mut database)
            .await
            .unwrap();
    assert_eq!((counts.get::<i64, _>(0), counts.get::<i64, _>(1)), (1, 1));
}

#[tokio::test]
async fn a_rule_that_is_removed_keeps_nothing_any_more() {
    let fixture = Fixture::open().await;
    let project = fixture.repository.project();
    push(&fixture, "v1", 1).await.unwrap();
    rule(&fixture, "a/**", "v*").await;
    assert!(push(&fixture, "v1", 2).await.is_err());
    let rules = fixture.registry.immutable_tags(&project).await.unwrap();
    let id = rules.unwrap()[0].id;
    let removed = fixture
        .registry
        .remove_immutable_tags(&somebody(), &project, id)
        .await;
    removed.unwrap();
    assert!(push(&fixture, "v1", 2).await.is_ok());
    let again = fixture
        .registry
        .remove_immutable_tags(&somebody(), &project, id)
        .await;
    assert!(again.is_err());
}

#[tokio::test]
async fn a_project_has_no_more_rules_than_it_may_and_none_that_matches_nothing_of_it() {
    let fixture = Fixture::open().await;
    push(&fixture, "v1", 1).await.unwrap();
    for _ in 0..super::MOST {
        rule(&fixture, "a/**", "v*").await;
    }
    let outside = add(&fixture, "b/**", "v*").await;
    assert!(matches!(outside, Err(RuleError::Outside { .. })));
    let another = add(&fixture, "a/**", "v*").await;
    assert!(matches!(another, Err(RuleError::TooMany)));
}

#[tokio::test]
async fn a_manifest_knows_since_when_it_has_had_no_tag() {
    let fixture = Fixture::open().await;
    let untagged = async |digest: &Digest| {
        let mut database = fixture.database().await;
        let row = sqlx::query("SELECT untagged_at FROM manifests WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_one(&mut database)
            .await
            .unwrap();
        row.get::<Option<i64>, _>(0)
    };
    let now = || Some(crate::clock::Clock::now(&*fixture.clock).0);
    let second = std::time::Duration::from_secs(1);
    let first = push(&fixture, "v1", 1).await.unwrap();
    assert_eq!(untagged(&first).await, None);
    push(&fixture, "v2", 1).await.unwrap();

    fixture.clock.advance(second);
    let other = push(&fixture, "v1", 2).await.unwrap();
    assert_eq!(untagged(&first).await, None, "one is still on it");
    fixture.clock.advance(second);
    push(&fixture, "v2", 2).await.unwrap();
    assert_eq!(untagged(&first).await, now(), "the last has moved away");

    fixture.clock.advance(second);
    retag(&fixture, "v1", &first).await.unwrap();
    assert_eq!(untagged(&first).await, None, "a retag");
    delete(&fixture, "v1").await.unwrap();
    assert_eq!(untagged(&first).await, now(), "a tag that was deleted");
    assert_eq!(untagged(&other).await, None);

    fixture.clock.advance(second);
    let mut document = index(&[]);
    let alone = fixture.push_manifest(None, &document).await;
    assert_eq!(untagged(&alone).await, now(), "a push without a tag");
    fixture.clock.advance(second);
    fixture.push_manifest(None, &document).await;
    assert_eq!(untagged(&alone).await, now(), "and once more");
    fixture.push_manifest(Some("v3"), &document).await;
    assert_eq!(untagged(&alone).await, None);
    fixture.push_manifest(None, &document).await;
    assert_eq!(untagged(&alone).await, None, "the tag is still on it");
    document["annotations"] = json!({"number": "2"});
    fixture.push_manifest(Some("v3"), &document).await;
    assert_eq!(untagged(&alone).await, now());
}

#[tokio::test]
async fn a_platform_of_an_immutable_tag_can_not_be_deleted() {
    let fixture = Fixture::open().await;
    let platform = index(&[]);
    let child = |digest: &Digest, document: &serde_json::Value| {
        json!({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest.as_str(),
               "size": document.to_string().len()})
    };
    let lowest = fixture.push_manifest(None, &platform).await;
    let inner = index(&[child(&lowest, &platform)]);
    let middle = fixture.push_manifest(None, &inner).await;
    let outer = index(&[child(&middle, &inner)]);
    let highest = fixture.push_manifest(Some("v1"), &outer).await;
    rule(&fixture, "a/**", "v*").await;
    for digest in [&lowest, &middle, &highest] {
        match delete(&fixture, digest.as_str()).await {
            Err(DeleteError::Immutable(tag)) => assert_eq!(tag.digest, highest),
            other => panic!("{digest}: {other:?}"),
        }
    }
    let project = fixture.repository.project();
    let registry = &fixture.registry;
    registry
        .remove_immutable_tags(&somebody(), &project, 1)
        .await
        .unwrap();
    delete(&fixture, lowest.as_str()).await.unwrap();
}

#[tokio::test]
async fn a_rule_that_can_not_be_read_refuses_and_says_so() {
    let fixture = Fixture::open().await;
    push(&fixture, "latest", 1).await.unwrap();
    rule(&fixture, "a/**", "v*").await;
    let mut database = fixture.database().await;
    sqlx::query("UPDATE immutable_tags SET tags = 'regex:('")
        .execute(&mut database)
        .await
        .unwrap();
    let said = push(&fixture, "latest", 2).await.unwrap_err();
    assert!(said.contains("regex:(, which can not be read"), "{said}");
    assert!(said.contains("rule 1"), "{said}");
    let deleted = delete(&fixture, "latest").await;
    assert!(
        matches!(deleted, Err(DeleteError::Immutable(_))),
        "{deleted:?}"
    );
    // It can be seen, and removed.
    let (registry, project) = (&fixture.registry, fixture.repository.project());
    let rules = registry.immutable_tags(&project).await.unwrap().unwrap();
    assert_eq!(rules[0].tags.as_str(), "regex:(");
    let by = somebody();
    let removed = registry.remove_immutable_tags(&by, &project, 1).await;
    removed.unwrap();
    push(&fixture, "latest", 2).await.unwrap();
}
