//! The bytes that projects have, in parts that are added up.

use berth_oci::{Digest, ProjectName};
use sqlx::SqliteConnection;

use super::{DbError, checked, signed, unsigned};
use crate::quota::Space;

/// Parallel pushes of different things rarely meet in one.
const PARTS: i64 = 16;

/// A project, with what it may have.
pub(crate) struct Charged {
    pub(crate) project_id: i64,
    pub(crate) project: ProjectName,
    pub(crate) quota_bytes: Option<u64>,
}

/// Adds the bytes of a blob or manifest, by its id, to what the project of the repository has.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    repository_id: i64,
    id: i64,
    bytes: u64,
) -> Result<Charged, DbError> {
    let (project_id, name, quota): (i64, String, Option<i64>) = sqlx::query_as(
        "SELECT p.id, p.name, p.quota_bytes
         FROM repositories r JOIN projects p ON p.id = r.project_id WHERE r.id = $1",
    )
    .bind(repository_id)
    .fetch_one(&mut *connection)
    .await?;
    change(connection, project_id, id, signed(bytes)).await?;
    Ok(Charged {
        project_id,
        project: checked(name, "the name of a project")?,
        quota_bytes: quota.map(unsigned),
    })
}

pub(crate) async fn subtract(
    connection: &mut SqliteConnection,
    project_id: i64,
    id: i64,
    bytes: u64,
) -> Result<(), DbError> {
    change(connection, project_id, id, -signed(bytes)).await
}

async fn change(
    connection: &mut SqliteConnection,
    project_id: i64,
    id: i64,
    bytes: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO project_usage (project_id, part, bytes) VALUES ($1, $2, $3)
         ON CONFLICT (project_id, part) DO UPDATE SET bytes = project_usage.bytes + excluded.bytes",
    )
    .bind(project_id)
    .bind(id.rem_euclid(PARTS))
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn total(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<u64, DbError> {
    let (total,): (Option<i64>,) = sqlx::query_as(
        "SELECT CAST(SUM(bytes) AS BIGINT) FROM project_usage WHERE project_id = $1",
    )
    .bind(project_id)
    .fetch_one(connection)
    .await?;
    Ok(unsigned(total.unwrap_or_default()))
}

/// What the project has, and may have; `None` when there is no such project.
pub(crate) async fn of_project(
    connection: &mut SqliteConnection,
    project: &ProjectName,
) -> Result<Option<Space>, DbError> {
    let row: Option<(Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT p.quota_bytes,
                (SELECT CAST(SUM(u.bytes) AS BIGINT) FROM project_usage u WHERE u.project_id = p.id)
         FROM projects p WHERE p.name = $1",
    )
    .bind(project.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(quota, used)| Space {
        used_bytes: unsigned(used.unwrap_or_default()),
        quota_bytes: quota.map(unsigned),
    }))
}

/// What those projects have that have a quota, in order of the bytes of their names.
pub(crate) async fn of_limited(
    connection: &mut SqliteConnection,
) -> Result<Vec<(ProjectName, Space)>, DbError> {
    let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
        "SELECT p.name, p.quota_bytes, CAST(SUM(u.bytes) AS BIGINT)
         FROM projects p LEFT JOIN project_usage u ON u.project_id = p.id
         WHERE p.quota_bytes IS NOT NULL AND p.deletion_id IS NULL
         GROUP BY p.id, p.name, p.quota_bytes ORDER BY p.name",
    )
    .fetch_all(connection)
    .await?;
    let space = |(name, quota, used): (String, i64, Option<i64>)| {
        let space = Space {
            used_bytes: unsigned(used.unwrap_or_default()),
            quota_bytes: Some(unsigned(quota)),
        };
        Ok((checked(name, "the name of a project")?, space))
    };
    rows.into_iter().map(space).collect()
}

/// Whether the blob counts for the project already.
pub(crate) async fn has_blob(
    connection: &mut SqliteConnection,
    project: &ProjectName,
    digest: &Digest,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM projects p
         JOIN blobs b ON b.digest = $2
         JOIN repository_blobs rb ON rb.project_id = p.id AND rb.blob_id = b.id
         WHERE p.name = $1 LIMIT 1",
    )
    .bind(project.as_str())
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// The bytes that only this repository brings to its project: its manifests, and the blobs that no
/// other one there has.
pub(crate) async fn of_repository_alone(
    connection: &mut SqliteConnection,
    repository_id: i64,
) -> Result<u64, DbError> {
    let (blobs, manifests): (i64, i64) = sqlx::query_as(
        "SELECT
             (SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT)
              FROM repository_blobs rb JOIN blobs b ON b.id = rb.blob_id
              WHERE rb.repository_id = $1 AND rb.project_id IS NOT NULL AND NOT EXISTS (
                  SELECT 1 FROM repository_blobs other
                  WHERE other.project_id = rb.project_id AND other.blob_id = rb.blob_id
                    AND other.repository_id <> $1)),
             (SELECT CAST(COALESCE(SUM(m.size_bytes), 0) AS BIGINT)
              FROM manifests m WHERE m.repository_id = $1)",
    )
    .bind(repository_id)
    .fetch_one(connection)
    .await?;
    Ok(unsigned(blobs) + unsigned(manifests))
}
