use berth_registry::{DbError, Timestamp};
use sqlx::SqliteConnection;

/// The id of a target. One that is new has nothing to do with the events before it.
pub(crate) async fn ensure(
    connection: &mut SqliteConnection,
    name: &str,
    now: Timestamp,
) -> Result<i64, DbError> {
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO targets (name, done_through, created_at)
         VALUES ($1, (SELECT COALESCE(MAX(sequence), 0) FROM tag_events), $2)
         ON CONFLICT (name) DO UPDATE SET name = excluded.name
         RETURNING id",
    )
    .bind(name)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
}
