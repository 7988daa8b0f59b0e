//! Manifests that something outside runs, or may go back to.

use berth_oci::{Digest, RepositoryName};
use sqlx::SqliteConnection;

use super::DbError;

/// Why the manifest, or an index that leads to it, is held, if it is.
pub(crate) async fn reason(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> = sqlx::query_as(
        "WITH RECURSIVE above (digest) AS (
             VALUES ($2)
             UNION
             SELECT m.digest FROM above
             JOIN repositories r ON r.name = $1
             JOIN edges e ON e.repository_id = r.id AND e.digest = above.digest AND e.kind = 'child'
             JOIN manifests m ON m.id = e.manifest_id)
         SELECT h.reason FROM above
         JOIN held_manifests h ON h.repository = $1 AND h.digest = above.digest LIMIT 1",
    )
    .bind(repository.as_str())
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(reason,)| reason))
}

/// One of the held manifests that the repository has, and why it is held.
pub(crate) async fn any_of(
    connection: &mut SqliteConnection,
    repository_id: i64,
    repository: &RepositoryName,
) -> Result<Option<(String, String)>, DbError> {
    Ok(sqlx::query_as(
        "SELECT h.digest, h.reason FROM held_manifests h
         JOIN manifests m ON m.repository_id = $1 AND m.digest = h.digest
         WHERE h.repository = $2 LIMIT 1",
    )
    .bind(repository_id)
    .bind(repository.as_str())
    .fetch_optional(connection)
    .await?)
}

pub(crate) async fn put(
    connection: &mut SqliteConnection,
    holder: &str,
    repository: &RepositoryName,
    digest: &Digest,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO held_manifests (holder, repository, digest, reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT (holder, repository, digest) DO UPDATE SET reason = excluded.reason",
    )
    .bind(holder)
    .bind(repository.as_str())
    .bind(digest.as_str())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn clear(connection: &mut SqliteConnection, holder: &str) -> Result<(), DbError> {
    sqlx::query("DELETE FROM held_manifests WHERE holder = $1")
        .bind(holder)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn holders(connection: &mut SqliteConnection) -> Result<Vec<String>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT holder FROM held_manifests")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(holder,)| holder).collect())
}
