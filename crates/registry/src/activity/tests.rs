use std::time::Duration;

use super::*;
use crate::audit::Actor;
use crate::fixture::Fixture;

async fn push(fixture: &mut Fixture, repository: &str, tag: &str) {
    fixture.repository = repository.parse().unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    fixture.push_image(Some(tag), b"{}", &[]).await;
}

async fn pull(fixture: &Fixture, tag: &str, at: i64) {
    sqlx::query("UPDATE tags SET pulls = pulls + 1, last_pulled_at = $1 WHERE name = $2")
        .bind(at)
        .bind(tag)
        .execute(&mut fixture.database().await)
        .await
        .unwrap();
}

/// The tags, as `repository:tag`.
async fn names(fixture: &Fixture, visible: &Visible<'_>, limit: usize) -> [Vec<String>; 2] {
    let Activity { pushed, pulled } = fixture.registry.activity(visible, limit).await.unwrap();
    let pushed = pushed.iter();
    let pulled = pulled.iter();
    [
        pushed
            .map(|tag| format!("{}:{}", tag.repository, tag.tag))
            .collect(),
        pulled
            .map(|tag| format!("{}:{}", tag.repository, tag.tag))
            .collect(),
    ]
}

#[tokio::test]
async fn the_newest_come_first_and_what_is_gone_or_hidden_does_not_come() {
    let mut fixture = Fixture::open().await;
    for (repository, tag) in [("shop/web", "1"), ("other/api", "2"), ("shop/db", "3")] {
        push(&mut fixture, repository, tag).await;
    }
    push(&mut fixture, "shop/web", "4").await;
    // Of a tag that was pushed again it is the last time that counts.
    push(&mut fixture, "shop/web", "4").await;
    push(&mut fixture, "shop/gone", "5").await;
    for (tag, at) in [("1", 10), ("2", 30), ("4", 20), ("5", 40)] {
        pull(&fixture, tag, at).await;
    }
    let gone = "shop/gone".parse().unwrap();
    let by = Actor::system();
    fixture
        .registry
        .delete_repository(&gone, &by)
        .await
        .unwrap();

    let all = names(&fixture, &|_| true, 10).await;
    assert_eq!(
        all[0],
        ["shop/web:4", "shop/db:3", "other/api:2", "shop/web:1"]
    );
    assert_eq!(all[1], ["other/api:2", "shop/web:4", "shop/web:1"]);
    let some = names(&fixture, &|name| name.project().as_str() == "shop", 2).await;
    assert_eq!(some[0], ["shop/web:4", "shop/db:3"]);
    assert_eq!(some[1], ["shop/web:4", "shop/web:1"]);
}
