use berth_registry::{DbError, Timestamp, checked};
use sqlx::SqliteConnection;

use super::checked_option;
use crate::matching::TagEvent;

type Columns = (
    i64,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    String,
);

/// Events that a target is not done with, oldest first. Only pushes and retags deploy: what an
/// upstream, an import or a restore moves does not.
pub(crate) async fn undone(
    connection: &mut SqliteConnection,
    target: i64,
    limit: i64,
) -> Result<Vec<TagEvent>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT e.sequence, e.repository, e.tag, e.old_digest, e.new_digest, e.actor, e.cause
         FROM tag_events e
         WHERE e.sequence > (SELECT done_through FROM targets WHERE id = $1)
           AND e.cause IN ('push', 'retag')
           AND NOT EXISTS (SELECT 1 FROM target_events d
                           WHERE d.target_id = $1 AND d.sequence = e.sequence)
         ORDER BY e.sequence LIMIT $2",
    )
    .bind(target)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(event).collect()
}

fn event(row: Columns) -> Result<TagEvent, DbError> {
    let (sequence, repository, tag, old_digest, new_digest, actor, cause) = row;
    Ok(TagEvent {
        sequence,
        repository: checked(repository, "the name of a repository")?,
        tag: checked(tag, "a tag")?,
        old_digest: checked_option(old_digest, "a digest")?,
        new_digest: checked(new_digest, "a digest")?,
        actor,
        retag: cause == "retag",
    })
}

/// Marks an event; `false` when that was done before.
pub(crate) async fn mark(
    connection: &mut SqliteConnection,
    target: i64,
    sequence: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO target_events (target_id, sequence) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(target)
    .bind(sequence)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets the marks of events that are older than `before` and done with, up to the first that is
/// not: so that a look for new ones costs the same for ever. By then no event with a smaller number
/// can still become visible.
pub(crate) async fn compact(
    connection: &mut SqliteConnection,
    target: i64,
    before: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE targets SET done_through = COALESCE(
             (SELECT MIN(e.sequence) - 1 FROM tag_events e
              WHERE e.sequence > targets.done_through
                AND (e.at >= $2
                     OR (e.cause IN ('push', 'retag')
                         AND NOT EXISTS (SELECT 1 FROM target_events d
                                         WHERE d.target_id = $1 AND d.sequence = e.sequence)))),
             (SELECT MAX(sequence) FROM tag_events), done_through)
         WHERE id = $1",
    )
    .bind(target)
    .bind(before.0)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM target_events
         WHERE target_id = $1 AND sequence <= (SELECT done_through FROM targets WHERE id = $1)",
    )
    .bind(target)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets every target be done with all events that there are.
pub(crate) async fn skip_all(connection: &mut SqliteConnection) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE targets
         SET done_through = COALESCE((SELECT MAX(sequence) FROM tag_events), done_through)",
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM target_events")
        .execute(connection)
        .await?;
    Ok(())
}
