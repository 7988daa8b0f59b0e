use berth_oci::RepositoryName;
use sqlx::SqliteConnection;

use super::DbError;
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
