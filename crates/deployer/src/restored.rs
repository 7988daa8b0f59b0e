use berth_registry::{DbError, Timestamp};
use sqlx::SqliteConnection;

use crate::db;

/// Ends the deployments of a database that was restored from a backup. What it knows of the targets is
/// old: going on with it could put an old version in the place of a newer one. So whatever was not
/// done when the backup was made is left to people, and to the pushes that come. How many there were.
pub async fn settle_restored(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, DbError> {
    let ended = db::deployments::end_unfinished(connection, now).await?;
    db::events::skip_all(connection).await?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use berth_registry::{Db, Release};
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_not_done_when_the_backup_was_made_ends_and_no_old_push_is_deployed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("berth.db");
        let db = Db::open(&file, &Release::this()).await.unwrap();
        let settled = db.write(|tx| {
            async move {
                sqlx::raw_sql(
                    "INSERT INTO targets (name, done_through, created_at) VALUES ('prod', 0, 1);
                     INSERT INTO target_events (target_id, sequence) VALUES (1, 2);
                     INSERT INTO tag_events (repository, tag, new_digest, cause, at)
                     VALUES ('a/b', 'x', 'sha256:1', 'push', 1), ('a/b', 'x', 'sha256:2', 'push', 2);
                     INSERT INTO deployments (target_id, stack, cause, state, created_at, due_at,
                                              finished_at, claimed_by)
                     VALUES (1, 'a', 'push', 'queued', 1, 1, NULL, NULL),
                            (1, 'b', 'push', 'waiting', 1, 1, NULL, NULL),
                            (1, 'a', 'push', 'replacing', 1, 1, NULL, 'one'),
                            (1, 'a', 'push', 'succeeded', 1, 1, 1, NULL);",
                )
                .execute(&mut *tx)
                .await
                .map_err(DbError::from)?;
                settle_restored(tx, Timestamp(7)).await
            }
            .boxed()
        });
        assert_eq!(settled.await.unwrap(), 3);
        let mut connection = db.read().await.unwrap();
        let states: Vec<(String, i64, Option<String>)> =
            sqlx::query_as("SELECT state, finished_at, claimed_by FROM deployments ORDER BY id")
                .fetch_all(&mut *connection)
                .await
                .unwrap();
        let expected = [
            ("cancelled", 7),
            ("cancelled", 7),
            ("failed", 7),
            ("succeeded", 1),
        ];
        let expected = expected.map(|(state, at)| (state.to_owned(), at, None));
        assert_eq!(states, expected);
        let done: (i64, i64) = sqlx::query_as(
            "SELECT done_through, (SELECT COUNT(*) FROM target_events) FROM targets",
        )
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        assert_eq!(done, (2, 0));
    }
}
