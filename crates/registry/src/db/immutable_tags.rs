use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::auth::RepositoryGlob;
use crate::clock::Timestamp;

/// A rule whose pattern of tags is still to be read: that of a rule for other repositories is not
/// needed.
pub(crate) struct RuleRow {
    pub(crate) id: i64,
    pub(crate) repositories: RepositoryGlob,
    pub(crate) tags: String,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
}

type Columns = (i64, String, String, String, i64);

/// In the order in which they were made.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<Vec<RuleRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, repositories, tags, created_by, created_at FROM immutable_tags
         WHERE project_id = $1 ORDER BY id",
    )
    .bind(project_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, repositories, tags, created_by, created_at)| {
            Ok(RuleRow {
                id,
                repositories: checked(repositories, "a pattern of repositories")?,
                tags,
                created_by,
                created_at: Timestamp(created_at),
            })
        })
        .collect()
}

pub(crate) async fn count(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<i64, DbError> {
    let (count,) = sqlx::query_as("SELECT COUNT(*) FROM immutable_tags WHERE project_id = $1")
        .bind(project_id)
        .fetch_one(connection)
        .await?;
    Ok(count)
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    project_id: i64,
    repositories: &str,
    tags: &str,
    created_by: &str,
    now: Timestamp,
) -> Result<i64, DbError> {
    let (id,) = sqlx::query_as(
        "INSERT INTO immutable_tags (project_id, repositories, tags, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(project_id)
    .bind(repositories)
    .bind(tags)
    .bind(created_by)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// What the rule said; `None` when the project has no such rule.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    project_id: i64,
    id: i64,
) -> Result<Option<(String, String)>, DbError> {
    let row = sqlx::query_as(
        "DELETE FROM immutable_tags WHERE project_id = $1 AND id = $2 RETURNING repositories, tags",
    )
    .bind(project_id)
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row)
}
