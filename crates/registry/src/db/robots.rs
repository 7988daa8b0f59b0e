use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::auth::{Rights, RobotName};
use crate::clock::Timestamp;

pub(crate) struct RobotRow {
    pub(crate) id: i64,
    pub(crate) name: RobotName,
    pub(crate) login: String,
    pub(crate) generation: i64,
    pub(crate) scopes: Rights,
    pub(crate) disabled: bool,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

type Columns = (
    i64,
    String,
    String,
    i64,
    String,
    i64,
    String,
    i64,
    Option<i64>,
    Option<i64>,
);

impl TryFrom<Columns> for RobotRow {
    type Error = DbError;

    fn try_from(row: Columns) -> Result<Self, DbError> {
        let (
            id,
            name,
            login,
            generation,
            scopes,
            disabled,
            created_by,
            created_at,
            expires_at,
            used,
        ) = row;
        Ok(Self {
            id,
            name: checked(name, "the name of a robot")?,
            login,
            generation,
            scopes: Rights::of_stored(&scopes),
            disabled: disabled != 0,
            created_by,
            created_at: Timestamp(created_at),
            expires_at: expires_at.map(Timestamp),
            last_used_at: used.map(Timestamp),
        })
    }
}

pub(crate) struct NewRobot<'r> {
    pub(crate) project_id: Option<i64>,
    pub(crate) name: &'r RobotName,
    pub(crate) login: &'r str,
    pub(crate) secret_hash: &'r [u8],
    pub(crate) scopes: &'r Rights,
    pub(crate) created_by: &'r str,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Makes a robot; `None` when there is one with this login.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewRobot<'_>,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO robots (project_id, name, login, secret_hash, scopes, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (login) DO NOTHING
         RETURNING id",
    )
    .bind(new.project_id)
    .bind(new.name.as_str())
    .bind(new.login)
    .bind(new.secret_hash)
    .bind(new.scopes.to_json())
    .bind(new.created_by)
    .bind(new.created_at.0)
    .bind(new.expires_at.map(|at| at.0))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn find_by_id(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<RobotRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, name, login, generation, scopes, disabled, created_by, created_at, expires_at, last_used_at
         FROM robots
         WHERE id = $1 AND NOT EXISTS (
             SELECT 1 FROM projects p WHERE p.id = robots.project_id AND p.deletion_id IS NOT NULL)",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(RobotRow::try_from).transpose()
}

/// One of a project, or of the whole installation.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    project_id: Option<i64>,
    name: &RobotName,
) -> Result<Option<RobotRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, name, login, generation, scopes, disabled, created_by, created_at, expires_at, last_used_at
         FROM robots
         WHERE (project_id = $1 OR ($1 IS NULL AND project_id IS NULL)) AND name = $2",
    )
    .bind(project_id)
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(RobotRow::try_from).transpose()
}

/// The id and the generation of the robot with this secret, and its login.
pub(crate) async fn find_by_secret(
    connection: &mut SqliteConnection,
    secret_hash: &[u8],
) -> Result<Option<(i64, i64, String)>, DbError> {
    let row = sqlx::query_as(
        "SELECT id, generation, login FROM robots
         WHERE secret_hash = $1 AND NOT EXISTS (
             SELECT 1 FROM projects p WHERE p.id = robots.project_id AND p.deletion_id IS NOT NULL)",
    )
    .bind(secret_hash)
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// Those of a project, or those of the whole installation, in order of the bytes of their names.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    project_id: Option<i64>,
    after: &str,
    limit: i64,
) -> Result<Vec<RobotRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, name, login, generation, scopes, disabled, created_by, created_at, expires_at, last_used_at
         FROM robots
         WHERE (project_id = $1 OR ($1 IS NULL AND project_id IS NULL)) AND name > $2
         ORDER BY name LIMIT $3",
    )
    .bind(project_id)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(RobotRow::try_from).collect()
}

pub(crate) async fn update(
    connection: &mut SqliteConnection,
    id: i64,
    scopes: &Rights,
    disabled: bool,
    expires_at: Option<Timestamp>,
) -> Result<bool, DbError> {
    let done =
        sqlx::query("UPDATE robots SET scopes = $2, disabled = $3, expires_at = $4 WHERE id = $1")
            .bind(id)
            .bind(scopes.to_json())
            .bind(i64::from(disabled))
            .bind(expires_at.map(|at| at.0))
            .execute(connection)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Replaces the secret, and ends every token that was issued for the old one.
pub(crate) async fn set_secret(
    connection: &mut SqliteConnection,
    id: i64,
    secret_hash: &[u8],
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE robots SET secret_hash = $2, generation = generation + 1 WHERE id = $1",
    )
    .bind(id)
    .bind(secret_hash)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM robots WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
