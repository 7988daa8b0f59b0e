use berth_oci::RepositoryName;
use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::clock::Timestamp;

/// Makes a repository in its project; `None` when there is no such project.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO repositories (project_id, name, created_at)
         SELECT id, $2, $3 FROM projects WHERE name = $1
         RETURNING id",
    )
    .bind(name.project().as_str())
    .bind(name.as_str())
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM repositories WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(id,)| id))
}

/// The repositories of a project, without those that were deleted.
pub(crate) async fn of_project(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<Vec<(i64, RepositoryName)>, DbError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT id, name FROM repositories WHERE project_id = $1 AND deletion_id IS NULL",
    )
    .bind(project_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, name)| Ok((id, checked(name, "the name of a repository")?)))
        .collect()
}

/// Whether a hosted project had a repository of this name, which was deleted.
pub(crate) async fn retired(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM retired_repositories WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn project(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT project_id FROM repositories WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(id,)| id))
}
