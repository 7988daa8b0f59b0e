use berth_oci::{Digest, ProjectName, RepositoryName};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{DbError, checked, signed, unsigned};
use crate::clock::Timestamp;
use crate::store::Key;

pub(crate) struct BlobRow {
    pub(crate) id: i64,
    pub(crate) size_bytes: u64,
    pub(crate) key: Key,
}

impl From<(i64, i64, String)> for BlobRow {
    fn from((id, size_bytes, key): (i64, i64, String)) -> Self {
        Self {
            id,
            size_bytes: unsigned(size_bytes),
            key: Key::from_row(key),
        }
    }
}

/// Records bytes that the store has made durable; the row that is there already wins, unless its
/// bytes were found to be corrupt.
pub(crate) async fn ensure(
    connection: &mut SqliteConnection,
    digest: &Digest,
    size_bytes: u64,
    key: &Key,
    now: Timestamp,
) -> Result<BlobRow, DbError> {
    let row: Option<(i64, i64, String)> = sqlx::query_as(
        "INSERT INTO blobs (digest, size_bytes, key, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (digest) DO NOTHING
         RETURNING id, size_bytes, key",
    )
    .bind(digest.as_str())
    .bind(signed(size_bytes))
    .bind(key.as_str())
    .bind(now.0)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = row {
        return Ok(row.into());
    }
    let (id, there, place, corrupt_at): (i64, i64, String, Option<i64>) =
        sqlx::query_as("SELECT id, size_bytes, key, corrupt_at FROM blobs WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_one(&mut *connection)
            .await?;
    if corrupt_at.is_none() {
        return Ok((id, there, place).into());
    }
    mend(&mut *connection, id, size_bytes, key).await?;
    super::unlinked_objects::note(connection, &[&Key::from_row(place)], now).await?;
    Ok(BlobRow {
        id,
        size_bytes,
        key: key.clone(),
    })
}

/// Gives a corrupt blob the bytes that were pushed again.
async fn mend(
    connection: &mut SqliteConnection,
    id: i64,
    size_bytes: u64,
    key: &Key,
) -> Result<(), DbError> {
    sqlx::query("UPDATE blobs SET size_bytes = $2, key = $3, corrupt_at = NULL WHERE id = $1")
        .bind(id)
        .bind(signed(size_bytes))
        .bind(key.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Marks the blob, if its bytes are still those at the key: from then on it is absent to everybody,
/// until it is pushed again. Tells whether it was marked now.
pub(crate) async fn mark_corrupt(
    connection: &mut SqliteConnection,
    id: i64,
    key: &Key,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE blobs SET corrupt_at = $3 WHERE id = $1 AND key = $2 AND corrupt_at IS NULL",
    )
    .bind(id)
    .bind(key.as_str())
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    let marked = done.rows_affected() > 0;
    if marked {
        super::changes::record(connection, super::changes::BLOB, "", now).await?;
    }
    Ok(marked)
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    digest: &Digest,
) -> Result<Option<BlobRow>, DbError> {
    let row: Option<(i64, i64, String)> = sqlx::query_as(
        "SELECT id, size_bytes, key FROM blobs WHERE digest = $1 AND corrupt_at IS NULL",
    )
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(BlobRow::from))
}

/// A blob of a repository.
pub(crate) struct LinkedBlob {
    pub(crate) repository_id: i64,
    pub(crate) blob: BlobRow,
    /// When it is looked at whether anything names it, if it will be.
    pub(crate) collect_at: Option<Timestamp>,
}

/// The blob, if this repository has it.
pub(crate) async fn find_in_repository(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<LinkedBlob>, DbError> {
    let row: Option<(i64, i64, i64, String, Option<i64>)> = sqlx::query_as(
        "SELECT r.id, b.id, b.size_bytes, b.key, rb.collect_at
         FROM repositories r
         JOIN blobs b ON b.digest = $2 AND b.corrupt_at IS NULL
         JOIN repository_blobs rb ON rb.repository_id = r.id AND rb.blob_id = b.id
         WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(
        |(repository_id, id, size_bytes, key, collect_at)| LinkedBlob {
            repository_id,
            blob: (id, size_bytes, key).into(),
            collect_at: collect_at.map(Timestamp),
        },
    ))
}

/// Those of the blobs that this repository has, by their digests.
pub(crate) async fn find_all_in_repository(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digests: &[&Digest],
) -> Result<Vec<(Digest, BlobRow)>, DbError> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    // In this order, since a repository may have many others.
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT b.digest, b.id, b.size_bytes, b.key
         FROM blobs b CROSS JOIN repositories r CROSS JOIN repository_blobs rb
         WHERE r.name = ",
    );
    query.push_bind(repository.as_str());
    query.push(" AND b.digest IN (");
    super::push_list(&mut query, digests.iter().map(|digest| digest.as_str()));
    query.push(") AND b.corrupt_at IS NULL AND rb.repository_id = r.id AND rb.blob_id = b.id");
    // A statement for each count of digests would drive the others out of the connection's cache.
    let rows: Vec<(String, i64, i64, String)> = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|(digest, id, size_bytes, key)| {
            Ok((checked(digest, "a digest")?, (id, size_bytes, key).into()))
        })
        .collect()
}

/// What is known of a blob that a repository lacks.
pub(crate) struct Elsewhere {
    /// The bytes, which another repository has.
    pub(crate) stored: Option<BlobRow>,
    /// Whether that is a repository of the same project.
    pub(crate) beside: bool,
    /// Whether a manifest of the repository names it.
    pub(crate) named: bool,
    /// The size that this manifest says.
    pub(crate) named_size: Option<u64>,
}

pub(crate) async fn elsewhere(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Elsewhere, DbError> {
    let stored = find(&mut *connection, digest).await?;
    let named: Option<(Option<i64>,)> = sqlx::query_as(
        "SELECT MAX(e.size_bytes)
         FROM repositories r JOIN edges e ON e.repository_id = r.id AND e.digest = $2 AND e.kind = 'blob'
         WHERE r.name = $1 GROUP BY r.id",
    )
    .bind(repository.as_str())
    .bind(digest.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let beside: Option<(i64,)> = sqlx::query_as(
        "SELECT 1
         FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         JOIN projects p ON p.id = r.project_id
         WHERE b.digest = $1 AND b.corrupt_at IS NULL AND p.name = $2
           AND r.deletion_id IS NULL LIMIT 1",
    )
    .bind(digest.as_str())
    .bind(repository.project().as_str())
    .fetch_optional(connection)
    .await?;
    Ok(Elsewhere {
        stored,
        beside: beside.is_some(),
        named: named.is_some(),
        named_size: named.and_then(|(size,)| size).map(unsigned),
    })
}

/// Some repositories that have the blob, those of the project first.
pub(crate) async fn repositories_with(
    connection: &mut SqliteConnection,
    digest: &Digest,
    project: &ProjectName,
    limit: i64,
) -> Result<Vec<RepositoryName>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT r.name
         FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         JOIN projects p ON p.id = r.project_id
         WHERE b.digest = $1 AND b.corrupt_at IS NULL AND r.deletion_id IS NULL
         ORDER BY CASE WHEN p.name = $2 THEN 0 ELSE 1 END, r.id LIMIT $3",
    )
    .bind(digest.as_str())
    .bind(project.as_str())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(name,)| checked(name, "the name of a repository"))
        .collect()
}

pub(crate) async fn key_exists(
    connection: &mut SqliteConnection,
    key: &Key,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM blobs WHERE key = $1")
        .bind(key.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Whether a manifest of the repository names the blob.
pub(crate) async fn named(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT e.manifest_id
         FROM repositories r JOIN edges e ON e.repository_id = r.id AND e.digest = $2
           AND e.kind IN ('blob', 'child')
         WHERE r.name = $1 LIMIT 1",
    )
    .bind(repository.as_str())
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Removes those of the blobs that no repository has; their objects are noted as unlinked. They come
/// back, with their sizes.
pub(crate) async fn remove_unlinked(
    connection: &mut SqliteConnection,
    blobs: &[i64],
    now: Timestamp,
) -> Result<Vec<(Key, u64)>, DbError> {
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM blobs WHERE id IN (");
    super::push_list(&mut query, blobs.iter().copied());
    query.push(
        ") AND NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = blobs.id)
         RETURNING key, size_bytes",
    );
    let rows: Vec<(String, i64)> = query.build_query_as().fetch_all(&mut *connection).await?;
    let removed: Vec<_> = rows
        .into_iter()
        .map(|(key, size_bytes)| (Key::from_row(key), unsigned(size_bytes)))
        .collect();
    let keys: Vec<_> = removed.iter().map(|(key, _)| key).collect();
    super::unlinked_objects::note(connection, &keys, now).await?;
    Ok(removed)
}
