//! Blobs that caches of other registries have, by when they were last pulled.

use berth_oci::RepositoryName;
use sqlx::SqliteConnection;

use super::{DbError, checked, signed, unsigned};
use crate::clock::Timestamp;
use crate::store::Key;

/// A blob that may be evicted.
pub(crate) struct CachedBlob {
    pub(crate) blob_id: i64,
    pub(crate) size_bytes: u64,
}

/// Notes that a cache has the blob, which it has just been given; tells whether none had it before.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    blob_id: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO cached_blobs (blob_id, used_at) VALUES ($1, $2)
         ON CONFLICT (blob_id) DO NOTHING",
    )
    .bind(blob_id)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() > 0 {
        return Ok(true);
    }
    used(connection, blob_id, now).await?;
    Ok(false)
}

/// Notes a pull of a blob, if a cache has it.
pub(crate) async fn used(
    connection: &mut SqliteConnection,
    blob_id: i64,
    at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("UPDATE cached_blobs SET used_at = $2 WHERE blob_id = $1")
        .bind(blob_id)
        .bind(at.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The bytes of all of them.
pub(crate) async fn total_bytes(connection: &mut SqliteConnection) -> Result<u64, DbError> {
    let (total,): (Option<i64>,) = sqlx::query_as(
        "SELECT SUM(b.size_bytes) FROM cached_blobs c JOIN blobs b ON b.id = c.blob_id",
    )
    .fetch_one(connection)
    .await?;
    Ok(unsigned(total.unwrap_or_default()))
}

/// Those that were not pulled since `before`, the longest unused first.
pub(crate) async fn least_used(
    connection: &mut SqliteConnection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<CachedBlob>, DbError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT c.blob_id, b.size_bytes FROM cached_blobs c JOIN blobs b ON b.id = c.blob_id
         WHERE c.used_at < $1 ORDER BY c.used_at LIMIT $2",
    )
    .bind(before.0)
    .bind(signed(limit as u64))
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(blob_id, size_bytes)| CachedBlob {
            blob_id,
            size_bytes: unsigned(size_bytes),
        })
        .collect())
}

/// The repositories of caches that have the blob.
pub(crate) async fn repositories(
    connection: &mut SqliteConnection,
    blob_id: i64,
) -> Result<Vec<RepositoryName>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT r.name
         FROM repository_blobs rb
         JOIN repositories r ON r.id = rb.repository_id
         JOIN projects p ON p.id = r.project_id AND p.kind = 'proxy'
         WHERE rb.blob_id = $1",
    )
    .bind(blob_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(name,)| checked(name, "the name of a repository"))
        .collect()
}

/// Takes the blob from every cache. Its object, if nobody else has the blob: it is noted as unlinked.
pub(crate) async fn evict(
    connection: &mut SqliteConnection,
    blob_id: i64,
    now: Timestamp,
) -> Result<Option<Key>, DbError> {
    sqlx::query(
        "DELETE FROM repository_blobs
         WHERE blob_id = $1 AND repository_id IN (
             SELECT r.id FROM repositories r JOIN projects p ON p.id = r.project_id WHERE p.kind = 'proxy')",
    )
    .bind(blob_id)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM cached_blobs WHERE blob_id = $1")
        .bind(blob_id)
        .execute(&mut *connection)
        .await?;
    let unlinked: Option<(String,)> = sqlx::query_as(
        "INSERT INTO unlinked_objects (key, at)
         SELECT key, $2 FROM blobs
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE blob_id = $1)
         RETURNING key",
    )
    .bind(blob_id)
    .bind(now.0)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((key,)) = unlinked else {
        return Ok(None);
    };
    sqlx::query("DELETE FROM blobs WHERE id = $1")
        .bind(blob_id)
        .execute(connection)
        .await?;
    Ok(Some(Key::from_row(key)))
}

/// Objects whose bytes have not been removed yet.
pub(crate) async fn unlinked(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Result<Vec<Key>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT key FROM unlinked_objects LIMIT $1")
        .bind(limit)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(key,)| Key::from_row(key)).collect())
}

pub(crate) async fn forget_unlinked(
    connection: &mut SqliteConnection,
    key: &Key,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM unlinked_objects WHERE key = $1")
        .bind(key.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
