use berth_oci::RepositoryName;
use sqlx::SqliteConnection;

use super::super::{DbError, checked, unsigned};
use crate::clock::Timestamp;

/// What a walk needs to know of a repository.
pub(crate) struct RepositoryRow {
    pub(crate) id: i64,
    pub(crate) name: RepositoryName,
    pub(crate) has_manifest: bool,
}

/// A piece of the list of all names.
pub(crate) struct Between<'b> {
    pub(crate) first: &'b str,
    pub(crate) last: &'b str,
    /// Left out, if it is the first.
    pub(crate) after: &'b str,
    pub(crate) limit: i64,
}

/// In order of the bytes of their names.
pub(crate) async fn between(
    connection: &mut SqliteConnection,
    piece: &Between<'_>,
) -> Result<Vec<RepositoryRow>, DbError> {
    let rows: Vec<(i64, String, bool)> = sqlx::query_as(
        "SELECT r.id, r.name, EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id)
         FROM repositories r
         WHERE r.name >= $1 AND r.name <= $2 AND r.name <> $3 AND r.deletion_id IS NULL
         ORDER BY r.name LIMIT $4",
    )
    .bind(piece.first)
    .bind(piece.last)
    .bind(piece.after)
    .bind(piece.limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, name, has_manifest)| {
            Ok(RepositoryRow {
                id,
                name: checked(name, "the name of a repository")?,
                has_manifest,
            })
        })
        .collect()
}

pub(crate) async fn name_of(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT name FROM repositories WHERE id = $1 AND deletion_id IS NULL")
            .bind(id)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(name,)| name))
}

/// What a repository holds.
pub(crate) struct Totals {
    pub(crate) created_at: Timestamp,
    pub(crate) tags: u64,
    pub(crate) manifests: u64,
    pub(crate) blob_bytes: u64,
    pub(crate) pushed_at: Option<Timestamp>,
}

pub(crate) async fn totals(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
) -> Result<Option<Totals>, DbError> {
    let row: Option<(i64, i64, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT r.created_at,
             (SELECT COUNT(*) FROM tags t WHERE t.repository_id = r.id),
             (SELECT COUNT(*) FROM manifests m WHERE m.repository_id = r.id),
             (SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT)
              FROM repository_blobs rb JOIN blobs b ON b.id = rb.blob_id
              WHERE rb.repository_id = r.id),
             (SELECT MAX(m.pushed_at) FROM manifests m WHERE m.repository_id = r.id)
         FROM repositories r WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(
        |(created_at, tags, manifests, blob_bytes, pushed_at)| Totals {
            created_at: Timestamp(created_at),
            tags: unsigned(tags),
            manifests: unsigned(manifests),
            blob_bytes: unsigned(blob_bytes),
            pushed_at: pushed_at.map(Timestamp),
        },
    ))
}
