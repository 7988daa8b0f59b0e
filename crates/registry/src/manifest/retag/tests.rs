use std::time::Duration;

use super::*;
use crate::audit::ActorKind;
use crate::fixture::Fixture;

type Event = (String, Option<String>, String, Option<String>, String, i64);

async fn events(fixture: &Fixture) -> Vec<Event> {
    sqlx::query_as(
        "SELECT tag, old_digest, new_digest, actor, cause, at FROM tag_events
         WHERE cause <> 'push' ORDER BY sequence",
    )
    .fetch_all(&mut fixture.database().await)
    .await
    .unwrap()
}

async fn changes(fixture: &Fixture) -> Vec<String> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT topic || ' ' || subject FROM changes ORDER BY sequence")
            .fetch_all(&mut fixture.database().await)
            .await
            .unwrap();
    rows.into_iter().map(|(change,)| change).collect()
}

#[tokio::test]
async fn a_retag_moves_or_makes_the_tag_and_says_so_with_its_cause() {
    let fixture = Fixture::open().await;
    let old = fixture.push_image(Some("v1"), b"{}", &[b"1"]).await;
    let new = fixture.push_image(Some("v2"), b"{}", &[b"2"]).await;
    let before = changes(&fixture).await.len();
    fixture.clock.advance(Duration::from_secs(1));
    let at = fixture.registry.clock.now();
    let retag = async |tag: &str, target: &str| {
        let (tag, target) = (tag.parse().unwrap(), target.parse().unwrap());
        fixture
            .registry
            .retag(&fixture.repository, &tag, &target, &ann())
            .await
            .unwrap()
    };
    assert_eq!(retag("v1", "v2").await, new);
    assert_eq!(retag("stable", old.as_str()).await, old);
    let event = |tag: &str, old: Option<&Digest>, new: &Digest| {
        (
            tag.to_owned(),
            old.map(Digest::to_string),
            new.to_string(),
            Some("ann".to_owned()),
            "retag".to_owned(),
            at.0,
        )
    };
    assert_eq!(
        events(&fixture).await,
        [event("v1", Some(&old), &new), event("stable", None, &old)]
    );
    assert_eq!(
        changes(&fixture).await[before..],
        ["tag a/b:v1", "tag a/b:stable"]
    );
    let tag = "v1".parse().unwrap();
    let moved = fixture.registry.browse_tag(&fixture.repository, &tag).await;
    let moved = moved.unwrap().unwrap();
    assert_eq!(moved.digest, new);
    assert_eq!(moved.pushed_at, at);
    assert_eq!(moved.pushed_by.as_deref(), Some("ann"));
}

#[tokio::test]
async fn a_retag_to_where_the_tag_is_writes_nothing() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), b"{}", &[]).await;
    let before = changes(&fixture).await;
    fixture.clock.advance(Duration::from_secs(1));
    let tag = "v1".parse().unwrap();
    let tagged = || fixture.registry.browse_tag(&fixture.repository, &tag);
    let earlier = tagged().await.unwrap();
    for target in ["v1", digest.as_str()] {
        let target = target.parse().unwrap();
        let outcome = fixture
            .registry
            .retag(&fixture.repository, &tag, &target, &ann())
            .await;
        assert_eq!(outcome.unwrap(), digest);
    }
    assert_eq!(events(&fixture).await, []);
    assert_eq!(changes(&fixture).await, before);
    assert_eq!(tagged().await.unwrap(), earlier);
}

#[tokio::test]
async fn a_retag_takes_a_manifest_of_its_own_repository_only() {
    let mut fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), b"{}", &[]).await;
    fixture.repository = "c/d".parse().unwrap();
    fixture.push_image(Some("other"), b"{}", &[b"1"]).await;
    let before = changes(&fixture).await;
    for target in ["v1", digest.as_str()] {
        let (tag, target) = ("new".parse().unwrap(), target.parse().unwrap());
        let refused = fixture
            .registry
            .retag(&fixture.repository, &tag, &target, &ann())
            .await
            .unwrap_err();
        assert_eq!(refused.to_string(), format!("c/d has no manifest {target}"));
    }
    assert_eq!(changes(&fixture).await, before);
}

#[tokio::test]
async fn a_retag_whose_event_can_not_be_written_moves_nothing() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("v1"), b"{}", &[b"1"]).await;
    fixture.push_image(Some("v2"), b"{}", &[b"2"]).await;
    sqlx::query(
        "CREATE TRIGGER refuse BEFORE INSERT ON tag_events
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .execute(&mut fixture.database().await)
    .await
    .unwrap();
    let (tag, target) = ("v1".parse().unwrap(), "v2".parse().unwrap());
    let tagged = || fixture.registry.browse_tag(&fixture.repository, &tag);
    let earlier = tagged().await.unwrap();
    let refused = fixture
        .registry
        .retag(&fixture.repository, &tag, &target, &ann())
        .await;
    assert!(matches!(refused, Err(RetagError::Db(_))));
    assert_eq!(tagged().await.unwrap(), earlier);
}

fn ann() -> Actor {
    Actor {
        kind: ActorKind::User,
        name: "ann".to_owned(),
        address: None,
    }
}
