use berth_oci::RepositoryName;
use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;

/// The id of the repository, which is made with its project if it is not there.
pub(crate) async fn ensure(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
    now: Timestamp,
) -> Result<i64, DbError> {
    if let Some(id) = find(connection, name).await? {
        return Ok(id);
    }
    let project = name.project();
    sqlx::query(
        "INSERT INTO projects (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
    )
    .bind(project.as_str())
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    let (id,) = sqlx::query_as(
        "INSERT INTO repositories (project_id, name, created_at)
         SELECT id, $2, $3 FROM projects WHERE name = $1
         RETURNING id",
    )
    .bind(project.as_str())
    .bind(name.as_str())
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
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
