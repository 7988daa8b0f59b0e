use berth_oci::{Digest, UploadId};
use sqlx::SqliteConnection;

use super::{DbError, checked, signed, unsigned};
use crate::clock::Timestamp;

/// A download that did not come to its end.
pub(crate) struct FillRow {
    pub(crate) upload: UploadId,
    pub(crate) size_bytes: u64,
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    digest: &Digest,
) -> Result<Option<FillRow>, DbError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT upload, size_bytes FROM fills WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_optional(connection)
            .await?;
    row.map(|(upload, size_bytes)| {
        Ok(FillRow {
            upload: checked(upload, "the id of an upload")?,
            size_bytes: unsigned(size_bytes),
        })
    })
    .transpose()
}

/// Notes a fill, in place of an earlier one of the blob.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    digest: &Digest,
    fill: &FillRow,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO fills (digest, upload, size_bytes, started_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (digest) DO UPDATE
         SET upload = excluded.upload, size_bytes = excluded.size_bytes, started_at = excluded.started_at",
    )
    .bind(digest.as_str())
    .bind(fill.upload.to_string())
    .bind(signed(fill.size_bytes))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    upload: UploadId,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM fills WHERE upload = $1")
        .bind(upload.to_string())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn exists(
    connection: &mut SqliteConnection,
    upload: UploadId,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM fills WHERE upload = $1")
        .bind(upload.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Fills that began before `time`; those under way among them.
pub(crate) async fn started_before(
    connection: &mut SqliteConnection,
    time: Timestamp,
    limit: i64,
) -> Result<Vec<UploadId>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT upload FROM fills WHERE started_at < $1 ORDER BY started_at LIMIT $2",
    )
    .bind(time.0)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(upload,)| checked(upload, "the id of an upload"))
        .collect()
}
