//! What would be collected, for those who want to know before it is.

use sqlx::SqliteConnection;

use super::{DbError, checked, unsigned};
use crate::clock::Timestamp;
use crate::collection::{Collectable, CollectableTotals, Place};

type Columns = (i64, i64, String, String, i64, i64, bool);

/// Blobs that nothing in their repository names, by when they are due.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    after: Place,
    limit: i64,
) -> Result<Vec<(Place, Collectable)>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT rb.repository_id, rb.blob_id, r.name, b.digest, b.size_bytes, rb.collect_at,
                NOT EXISTS (SELECT 1 FROM repository_blobs other
                            WHERE other.blob_id = rb.blob_id AND other.repository_id <> rb.repository_id)
         FROM repository_blobs rb
         JOIN blobs b ON b.id = rb.blob_id
         JOIN repositories r ON r.id = rb.repository_id
         WHERE rb.collect_at >= $1 AND (rb.collect_at, rb.repository_id, rb.blob_id) > ($1, $2, $3)
           AND r.deletion_id IS NULL
           AND NOT EXISTS (
               SELECT 1 FROM edges e
               WHERE e.repository_id = rb.repository_id AND e.digest = b.digest
                 AND e.kind IN ('blob', 'child'))
         ORDER BY rb.collect_at, rb.repository_id, rb.blob_id LIMIT $4",
    )
    .bind(after.due_at.0)
    .bind(after.repository_id)
    .bind(after.blob_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(
            |(repository_id, blob_id, repository, digest, size_bytes, due_at, alone)| {
                let due_at = Timestamp(due_at);
                let place = Place {
                    due_at,
                    repository_id,
                    blob_id,
                };
                let collectable = Collectable {
                    repository: checked(repository, "the name of a repository")?,
                    digest: checked(digest, "a digest")?,
                    size_bytes: unsigned(size_bytes),
                    due_at,
                    alone,
                };
                Ok((place, collectable))
            },
        )
        .collect()
}

/// Blobs that would go altogether, since nothing that stays has them: those that are due now, and
/// those that would be later.
pub(crate) async fn totals(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<CollectableTotals, DbError> {
    let (due_blobs, due_bytes, later_blobs, later_bytes): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT
             CAST(COALESCE(SUM(CASE WHEN g.goes_at <= $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
             CAST(COALESCE(SUM(CASE WHEN g.goes_at <= $1 THEN b.size_bytes ELSE 0 END), 0) AS BIGINT),
             CAST(COALESCE(SUM(CASE WHEN g.goes_at > $1 THEN 1 ELSE 0 END), 0) AS BIGINT),
             CAST(COALESCE(SUM(CASE WHEN g.goes_at > $1 THEN b.size_bytes ELSE 0 END), 0) AS BIGINT)
         FROM (
             SELECT rb.blob_id, MAX(COALESCE(d.purge_at, rb.collect_at)) AS goes_at
             FROM repository_blobs rb
             JOIN blobs b ON b.id = rb.blob_id
             JOIN repositories r ON r.id = rb.repository_id
             LEFT JOIN deletions d ON d.id = r.deletion_id
             WHERE rb.blob_id IN (
                 SELECT blob_id FROM repository_blobs WHERE collect_at IS NOT NULL
                 UNION
                 SELECT x.blob_id FROM repositories y JOIN repository_blobs x ON x.repository_id = y.id
                 WHERE y.deletion_id IS NOT NULL)
             GROUP BY rb.blob_id
             HAVING COUNT(*) = SUM(CASE
                 WHEN r.deletion_id IS NOT NULL THEN 1
                 WHEN rb.collect_at IS NOT NULL AND NOT EXISTS (
                     SELECT 1 FROM edges e
                     WHERE e.repository_id = rb.repository_id AND e.digest = b.digest
                       AND e.kind IN ('blob', 'child')) THEN 1
                 ELSE 0 END)
         ) g JOIN blobs b ON b.id = g.blob_id",
    )
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(CollectableTotals {
        due_blobs: unsigned(due_blobs),
        due_bytes: unsigned(due_bytes),
        later_blobs: unsigned(later_blobs),
        later_bytes: unsigned(later_bytes),
    })
}
