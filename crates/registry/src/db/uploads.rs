use berth_oci::{Hasher, RepositoryName, UploadId};
use sqlx::SqliteConnection;

use super::{DbError, checked, signed, unsigned};
use crate::clock::Timestamp;

/// An upload session as it was last put aside.
pub(crate) struct UploadRow {
    pub(crate) offset: u64,
    pub(crate) hasher: Hasher,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    upload: UploadId,
    repository: &RepositoryName,
    hasher: &Hasher,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO uploads (id, repository, offset_bytes, algorithm, hash_state, started_at, expires_at)
         VALUES ($1, $2, 0, $3, $4, $5, $6)",
    )
    .bind(upload.to_string())
    .bind(repository.as_str())
    .bind(hasher.algorithm().as_str())
    .bind(hasher.save())
    .bind(now.0)
    .bind(expires_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// The session, if it belongs to this repository and has not expired.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    upload: UploadId,
    repository: &RepositoryName,
    now: Timestamp,
) -> Result<Option<UploadRow>, DbError> {
    let row: Option<(i64, String, Vec<u8>)> = sqlx::query_as(
        "SELECT offset_bytes, algorithm, hash_state FROM uploads
         WHERE id = $1 AND repository = $2 AND expires_at > $3",
    )
    .bind(upload.to_string())
    .bind(repository.as_str())
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    row.map(|(offset, algorithm, state)| {
        let hasher =
            Hasher::restore(checked(algorithm, "a hash algorithm")?, &state).map_err(|_| {
                DbError::Inconsistent {
                    value: hex_of(&state),
                    expected: "the state of a hash",
                }
            })?;
        Ok(UploadRow {
            offset: unsigned(offset),
            hasher,
        })
    })
    .transpose()
}

pub(crate) async fn started_at(
    connection: &mut SqliteConnection,
    upload: UploadId,
    repository: &RepositoryName,
) -> Result<Option<Timestamp>, DbError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT started_at FROM uploads WHERE id = $1 AND repository = $2")
            .bind(upload.to_string())
            .bind(repository.as_str())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(at,)| Timestamp(at)))
}

/// Puts the progress of a session aside; `false` when it is gone.
pub(crate) async fn save(
    connection: &mut SqliteConnection,
    upload: UploadId,
    offset: u64,
    hasher: &Hasher,
    expires_at: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE uploads SET offset_bytes = $2, algorithm = $3, hash_state = $4, expires_at = $5 WHERE id = $1",
    )
    .bind(upload.to_string())
    .bind(signed(offset))
    .bind(hasher.algorithm().as_str())
    .bind(hasher.save())
    .bind(expires_at.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Puts off the end of a session that is being worked on.
pub(crate) async fn extend(
    connection: &mut SqliteConnection,
    upload: UploadId,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("UPDATE uploads SET expires_at = $2 WHERE id = $1")
        .bind(upload.to_string())
        .bind(expires_at.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the session; when it was opened, if it was there.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    upload: UploadId,
) -> Result<Option<Timestamp>, DbError> {
    let row: Option<(i64,)> =
        sqlx::query_as("DELETE FROM uploads WHERE id = $1 RETURNING started_at")
            .bind(upload.to_string())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(at,)| Timestamp(at)))
}

/// Deletes the session unless it was extended meanwhile.
pub(crate) async fn delete_expired(
    connection: &mut SqliteConnection,
    upload: UploadId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM uploads WHERE id = $1 AND expires_at <= $2")
        .bind(upload.to_string())
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn exists(
    connection: &mut SqliteConnection,
    upload: UploadId,
) -> Result<bool, DbError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT id FROM uploads WHERE id = $1")
        .bind(upload.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn expired(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<UploadId>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT id FROM uploads WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2",
    )
    .bind(now.0)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id,)| checked(id, "the id of an upload"))
        .collect()
}

fn hex_of(state: &[u8]) -> String {
    state
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
