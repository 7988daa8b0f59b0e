use std::time::Duration;

use berth_oci::Algorithm;

use super::*;
use crate::cache::tests::admin;
use crate::fixture::{Fixture, GRACE, descriptor, index, pusher};
use crate::holds::{self, Held};
use crate::quota::OverQuota;
use crate::upload::UploadError;

const CONFIG: &[u8] = b"{}";

impl Fixture {
    fn tag(&self, tag: &str) -> Reference {
        Reference::Tag(tag.parse().unwrap())
    }

    async fn digest_of(&self, reference: &Reference) -> Option<Digest> {
        let mut connection = self.registry.db.read().await.unwrap();
        let found = db::manifests::find(&mut connection, &self.repository, reference).await;
        found.unwrap().map(|manifest| manifest.digest)
    }

    async fn remove(&self, reference: &Reference) -> Result<(), DeleteError> {
        let actor = Actor::system();
        self.registry
            .delete_manifest(&self.repository, reference, &actor)
            .await
    }

    async fn last_deletion(&self) -> Deletion {
        let deletions = self.registry.deletions(None, i64::MAX, 1).await.unwrap();
        deletions.into_iter().next().unwrap()
    }

    async fn restore(&self) -> Result<Restored, RestoreError> {
        let id = self.last_deletion().await.id;
        self.registry.restore(id, &Actor::system()).await
    }

    async fn used(&self) -> u64 {
        let space = self
            .registry
            .project_space(&self.repository.project())
            .await;
        space.unwrap().unwrap().used_bytes
    }

    /// What the parts of the usage have to come to.
    async fn counted(&self) -> u64 {
        let mut database = self.database().await;
        let (blobs, manifests): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT COALESCE(SUM(b.size_bytes), 0) FROM blobs b WHERE b.id IN (
                        SELECT rb.blob_id FROM repository_blobs rb
                        JOIN repositories r ON r.id = rb.repository_id AND r.deletion_id IS NULL
                        WHERE rb.project_id IS NOT NULL)),
                    (SELECT COALESCE(SUM(m.size_bytes), 0) FROM manifests m
                     JOIN repositories r ON r.id = m.repository_id AND r.deletion_id IS NULL)",
        )
        .fetch_one(&mut database)
        .await
        .unwrap();
        u64::try_from(blobs + manifests).unwrap()
    }

    async fn set_quota(&self, bytes: u64) {
        let project = self.repository.project();
        self.registry
            .db
            .write(move |tx| {
                async move {
                    let row = db::projects::find(tx, &project).await?.unwrap();
                    db::projects::set_quota(tx, row.id, Some(bytes)).await
                }
                .boxed()
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_tag_comes_back() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let tag = fixture.tag("v1");
    fixture.remove(&tag).await.unwrap();
    assert_eq!(fixture.digest_of(&tag).await, None);
    assert_eq!(fixture.restore().await.unwrap(), Restored::default());
    assert_eq!(fixture.digest_of(&tag).await, Some(digest));
}

#[tokio::test]
async fn a_tag_that_was_pushed_again_is_not_taken_back() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    fixture.remove(&fixture.tag("v1")).await.unwrap();
    let other = fixture.push_image(Some("v1"), CONFIG, &[b"other"]).await;
    let refused = fixture.restore().await;
    assert!(matches!(refused, Err(RestoreError::TagTaken { digest, .. }) if digest == other));
}

#[tokio::test]
async fn a_manifest_comes_back_with_its_tags_and_blobs() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let used = fixture.used().await;
    fixture
        .remove(&Reference::Digest(digest.clone()))
        .await
        .unwrap();
    assert_eq!(fixture.digest_of(&fixture.tag("v1")).await, None);
    assert_eq!(fixture.used().await, 0);

    fixture.clock.advance(GRACE - Duration::from_secs(1));
    fixture.registry.collect().await.unwrap();
    assert_eq!(fixture.restore().await.unwrap(), Restored::default());
    assert_eq!(fixture.digest_of(&fixture.tag("v1")).await, Some(digest));
    assert_eq!(fixture.used().await, used);
    assert_eq!(fixture.counted().await, used);

    fixture.clock.advance(GRACE * 2);
    let collected = fixture.registry.collect().await.unwrap();
    assert_eq!(collected.blobs, 0);
}

#[tokio::test]
async fn when_the_time_is_over_nothing_comes_back_and_nothing_is_left() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    fixture.remove(&Reference::Digest(digest)).await.unwrap();
    let id = fixture.last_deletion().await.id;
    fixture.clock.advance(GRACE);
    let refused = fixture.registry.restore(id, &Actor::system()).await;
    assert!(matches!(refused, Err(RestoreError::Unknown(_))));
    fixture.registry.collect().await.unwrap();
    let mut database = fixture.database().await;
    for table in [
        "manifests",
        "edges",
        "tags",
        "blobs",
        "repository_blobs",
        "deletions",
    ] {
        let (rows,): (i64,) =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
                .fetch_one(&mut database)
                .await
                .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn a_manifest_that_was_pushed_again_gets_its_tags_back() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    fixture.push_image(Some("v2"), CONFIG, &[b"layer"]).await;
    fixture
        .remove(&Reference::Digest(digest.clone()))
        .await
        .unwrap();
    fixture.push_image(Some("v3"), CONFIG, &[b"layer"]).await;
    let other = fixture.push_image(Some("v2"), CONFIG, &[b"other"]).await;
    let restored = fixture.restore().await.unwrap();
    assert_eq!(restored.moved_on, ["v2".parse().unwrap()]);
    assert_eq!(fixture.digest_of(&fixture.tag("v1")).await, Some(digest));
    assert_eq!(fixture.digest_of(&fixture.tag("v2")).await, Some(other));
    assert_eq!(fixture.used().await, fixture.counted().await);
    fixture.registry.collect().await.unwrap();
    assert_eq!(fixture.used().await, fixture.counted().await);
}

#[tokio::test]
async fn a_repository_goes_whole_and_comes_back_whole() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let used = fixture.used().await;
    let actor = Actor::system();
    let delete = || {
        fixture
            .registry
            .delete_repository(&fixture.repository, &actor)
    };
    delete().await.unwrap();
    assert!(
        !fixture
            .registry
            .has_repository(&fixture.repository)
            .await
            .unwrap()
    );
    assert!(
        fixture
            .registry
            .claims_repository(&fixture.repository)
            .await
            .unwrap()
    );
    assert_eq!(fixture.used().await, 0);
    assert!(matches!(
        delete().await,
        Err(DeleteError::UnknownRepository(_))
    ));
    fixture.restore().await.unwrap();
    assert_eq!(
        fixture.digest_of(&fixture.tag("v1")).await,
        Some(digest.clone())
    );
    assert_eq!(fixture.used().await, used);

    // And into the one that has its name by then.
    delete().await.unwrap();
    fixture.push_image(Some("new"), CONFIG, &[b"other"]).await;
    fixture.restore().await.unwrap();
    assert_eq!(fixture.digest_of(&fixture.tag("v1")).await, Some(digest));
    assert!(fixture.digest_of(&fixture.tag("new")).await.is_some());
    assert_eq!(fixture.used().await, fixture.counted().await);
    fixture.clock.advance(GRACE * 2);
    assert_eq!(fixture.registry.collect().await.unwrap().blobs, 0);
}

#[tokio::test]
async fn a_project_comes_back_with_its_images() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let used = fixture.used().await;
    let (project, admin) = (fixture.repository.project(), admin(&fixture).await);
    let delete = |with| fixture.registry.delete_project(&admin, &project, with);
    assert!(matches!(delete(false).await, Err(DeleteError::NotEmpty(_))));
    delete(true).await.unwrap();
    assert!(fixture.registry.project(&project).await.unwrap().is_none());
    assert!(fixture.registry.claims(&project).await.unwrap());
    fixture.restore().await.unwrap();
    assert_eq!(fixture.digest_of(&fixture.tag("v1")).await, Some(digest));
    assert_eq!(fixture.used().await, used);

    delete(true).await.unwrap();
    let deletion = fixture.last_deletion().await.id;
    fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let refused = fixture.registry.restore(deletion, &Actor::system()).await;
    assert!(matches!(refused, Err(RestoreError::ProjectTaken(_))));
    fixture.clock.advance(GRACE);
    fixture.registry.collect().await.unwrap();
    assert_eq!(fixture.used().await, fixture.counted().await);
}

#[tokio::test]
async fn what_was_in_a_project_that_is_gone_is_not_that_of_another_one_of_its_name() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    fixture.remove(&Reference::Digest(digest)).await.unwrap();
    let image = fixture.last_deletion().await.id;
    let (project, admin) = (fixture.repository.project(), admin(&fixture).await);
    let deleted = fixture.registry.delete_project(&admin, &project, true);
    deleted.await.unwrap();
    let whole = fixture.last_deletion().await.id;
    fixture.push_image(Some("v2"), CONFIG, &[b"other"]).await;

    let seen = fixture.registry.deletions(Some(&project), i64::MAX, 10);
    let seen: Vec<_> = seen.await.unwrap().iter().map(|one| one.id).collect();
    assert_eq!(seen, [whole]);
    let refused = fixture.registry.restore(image, &Actor::system()).await;
    assert!(matches!(refused, Err(RestoreError::Unknown(_))));
}

/// The grace time was made shorter in between.
#[tokio::test]
async fn a_project_goes_with_what_was_deleted_in_it_before() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    fixture.remove(&Reference::Digest(digest)).await.unwrap();
    let first = fixture.last_deletion().await.id;
    let (project, admin) = (fixture.repository.project(), admin(&fixture).await);
    let deleted = fixture.registry.delete_project(&admin, &project, true);
    deleted.await.unwrap();
    sqlx::query("UPDATE deletions SET purge_at = purge_at * 2 WHERE id = $1")
        .bind(first)
        .execute(&mut fixture.database().await)
        .await
        .unwrap();
    fixture.clock.advance(GRACE);
    fixture.registry.collect().await.unwrap();
    let mut database = fixture.database().await;
    for table in [
        "projects",
        "repositories",
        "manifests",
        "deletions",
        "blobs",
    ] {
        let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let (rows,): (i64,) = sqlx::query_as(count)
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn a_tag_that_is_back_is_as_old_as_it_was() {
    let fixture = Fixture::open().await;
    let pushed = async || {
        let mut database = fixture.database().await;
        let row: (i64, Option<String>) =
            sqlx::query_as("SELECT pushed_at, pushed_by FROM tags WHERE name = 'v1'")
                .fetch_one(&mut database)
                .await
                .unwrap();
        row
    };
    fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let before = pushed().await;
    fixture.clock.advance(Duration::from_secs(60));
    fixture.remove(&fixture.tag("v1")).await.unwrap();
    fixture.restore().await.unwrap();
    assert_eq!(pushed().await, before);
}

#[tokio::test]
async fn what_is_held_is_deleted_by_nobody() {
    let fixture = Fixture::open().await;
    let child = fixture.push_image(None, CONFIG, &[b"layer"]).await;
    let entry = descriptor("application/vnd.oci.image.manifest.v1+json", b"");
    let mut entry = entry;
    entry["digest"] = child.to_string().into();
    let parent = fixture.push_manifest(Some("v1"), &index(&[entry])).await;
    let held = [Held {
        repository: fixture.repository.clone(),
        digest: parent.clone(),
        reason: "prod runs it in shop/web".to_owned(),
    }];
    let hold = |held: Vec<Held>| {
        let registry = &fixture.registry;
        registry
            .db
            .write(move |tx| async move { holds::replace(tx, "prod", &held).await }.boxed())
    };
    hold(held.into()).await.unwrap();
    for digest in [&parent, &child] {
        let refused = fixture.remove(&Reference::Digest(digest.clone())).await;
        let message = refused.unwrap_err().to_string();
        assert!(message.ends_with("prod runs it in shop/web"), "{message}");
    }
    let actor = Actor::system();
    let refused = fixture
        .registry
        .delete_repository(&fixture.repository, &actor);
    assert!(matches!(refused.await, Err(DeleteError::Held { .. })));
    hold(Vec::new()).await.unwrap();
    fixture.remove(&Reference::Digest(parent)).await.unwrap();
}

#[tokio::test]
async fn a_blob_counts_once_in_a_project_and_a_quota_is_kept() {
    let fixture = Fixture::open().await;
    fixture.push_image(Some("v1"), CONFIG, &[b"layer"]).await;
    let used = fixture.used().await;
    let other: RepositoryName = "a/other".parse().unwrap();
    let push = |bytes: &'static [u8]| {
        let (registry, other) = (&fixture.registry, &other);
        async move {
            let digest = Digest::of(Algorithm::Sha256, bytes);
            let mut body = crate::fixture::body(bytes);
            registry
                .upload_blob(other, digest, Some(bytes.len() as u64), &mut body, pusher())
                .await
        }
    };
    push(b"layer").await.unwrap();
    assert_eq!(fixture.used().await, used);

    fixture.set_quota(used + 4).await;
    let refused = push(b"12345").await;
    let expected = OverQuota {
        project: "a".parse().unwrap(),
        quota_bytes: used + 4,
        used_bytes: used,
        asked_bytes: 5,
    };
    assert!(matches!(refused, Err(UploadError::OverQuota(error)) if error == expected));
    push(b"1234").await.unwrap();
    assert_eq!(fixture.used().await, used + 4);
    // What nothing names any longer gives its room back at once.
    let digest = fixture.digest_of(&fixture.tag("v1")).await.unwrap();
    fixture.remove(&Reference::Digest(digest)).await.unwrap();
    assert_eq!(fixture.used().await, fixture.counted().await);
    push(b"12345").await.unwrap();
    let refused = fixture.restore().await;
    assert!(matches!(refused, Err(RestoreError::OverQuota(_))));
}
