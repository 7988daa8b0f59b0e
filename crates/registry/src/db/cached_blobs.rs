//! Blobs that caches of other registries have, by when they were last pulled.

use berth_oci::{Digest, RepositoryName};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::repository_blobs::{self, Link, Taken};
use super::{DbError, checked, signed, unsigned};
use crate::clock::Timestamp;

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

/// The ids of those that were not pulled since `before`, the longest unused first.
pub(crate) async fn least_used(
    connection: &mut SqliteConnection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<i64>, DbError> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT blob_id FROM cached_blobs WHERE used_at < $1 ORDER BY used_at LIMIT $2",
    )
    .bind(before.0)
    .bind(signed(limit as u64))
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
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
         WHERE rb.blob_id = $1 AND r.deletion_id IS NULL",
    )
    .bind(blob_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(name,)| checked(name, "the name of a repository"))
        .collect()
}

/// The manifests of caches that name the blob.
pub(crate) async fn manifests_naming(
    connection: &mut SqliteConnection,
    blob_id: i64,
) -> Result<Vec<(RepositoryName, Digest)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT r.name, m.digest
         FROM repository_blobs rb
         JOIN blobs b ON b.id = rb.blob_id
         JOIN repositories r ON r.id = rb.repository_id AND r.deletion_id IS NULL
         JOIN projects p ON p.id = r.project_id AND p.kind = 'proxy'
         JOIN edges e ON e.repository_id = r.id AND e.digest = b.digest AND e.kind = 'blob'
         JOIN manifests m ON m.id = e.manifest_id
         WHERE rb.blob_id = $1",
    )
    .bind(blob_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(name, digest)| {
            Ok((
                checked(name, "the name of a repository")?,
                checked(digest, "a digest")?,
            ))
        })
        .collect()
}

/// Forgets that caches have those of the blobs that none of their repositories has; how many bytes
/// they were.
pub(crate) async fn forget_uncached(
    connection: &mut SqliteConnection,
    blobs: &[i64],
) -> Result<u64, DbError> {
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM cached_blobs WHERE blob_id IN (");
    super::push_list(&mut query, blobs.iter().copied());
    query.push(
        ") AND NOT EXISTS (
             SELECT 1 FROM repository_blobs rb
             JOIN repositories r ON r.id = rb.repository_id
             JOIN projects p ON p.id = r.project_id AND p.kind = 'proxy'
             WHERE rb.blob_id = cached_blobs.blob_id)
         RETURNING (SELECT b.size_bytes FROM blobs b WHERE b.id = cached_blobs.blob_id)",
    );
    let rows: Vec<(i64,)> = query.build_query_as().fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(size,)| unsigned(size)).sum())
}

/// Takes the blob from every cache; what went with it.
pub(crate) async fn evict(
    connection: &mut SqliteConnection,
    blob_id: i64,
    now: Timestamp,
) -> Result<Taken, DbError> {
    let repositories: Vec<(i64,)> = sqlx::query_as(
        "SELECT rb.repository_id
         FROM repository_blobs rb
         JOIN repositories r ON r.id = rb.repository_id
         JOIN projects p ON p.id = r.project_id AND p.kind = 'proxy'
         WHERE rb.blob_id = $1",
    )
    .bind(blob_id)
    .fetch_all(&mut *connection)
    .await?;
    let links: Vec<_> = repositories
        .into_iter()
        .map(|(repository_id,)| Link {
            repository_id,
            blob_id,
        })
        .collect();
    let mut taken = repository_blobs::take(connection, &links, now).await?;
    // It may be noted though no cache has it: what was one may be no longer.
    let noted: Option<(i64,)> = sqlx::query_as(
        "DELETE FROM cached_blobs WHERE blob_id = $1
         RETURNING (SELECT b.size_bytes FROM blobs b WHERE b.id = $1)",
    )
    .bind(blob_id)
    .fetch_optional(connection)
    .await?;
    if let Some((size_bytes,)) = noted {
        taken.uncached_bytes = unsigned(size_bytes);
    }
    Ok(taken)
}
