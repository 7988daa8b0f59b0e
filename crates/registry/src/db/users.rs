use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::auth::UserName;
use crate::clock::Timestamp;

pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) name: UserName,
    pub(crate) generation: i64,
    pub(crate) admin: bool,
    pub(crate) disabled: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) password_changed_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

type Columns = (i64, String, i64, i64, i64, i64, Option<i64>, Option<i64>);

impl TryFrom<Columns> for UserRow {
    type Error = DbError;

    fn try_from(row: Columns) -> Result<Self, DbError> {
        let (id, name, generation, admin, disabled, created_at, password_changed_at, last_used_at) =
            row;
        Ok(Self {
            id,
            name: checked(name, "the name of a user")?,
            generation,
            admin: admin != 0,
            disabled: disabled != 0,
            created_at: Timestamp(created_at),
            password_changed_at: password_changed_at.map(Timestamp),
            last_used_at: last_used_at.map(Timestamp),
        })
    }
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    name: &UserName,
) -> Result<Option<UserRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, name, generation, admin, disabled, created_at, password_changed_at, last_used_at
         FROM users WHERE name = $1",
    )
    .bind(name.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(UserRow::try_from).transpose()
}

pub(crate) async fn find_by_id(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<UserRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, name, generation, admin, disabled, created_at, password_changed_at, last_used_at
         FROM users WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(UserRow::try_from).transpose()
}

/// In order of the bytes of their names.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<UserRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, name, generation, admin, disabled, created_at, password_changed_at, last_used_at
         FROM users WHERE name > $1 ORDER BY name LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(UserRow::try_from).collect()
}

/// The id, the generation and the hash to compare a password with.
pub(crate) async fn password(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<Option<(i64, i64, Option<String>)>, DbError> {
    let row = sqlx::query_as("SELECT id, generation, password_hash FROM users WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

/// Makes a user; `None` when there is one of this name.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    name: &UserName,
    password_hash: &str,
    admin: bool,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO users (name, password_hash, password_changed_at, admin, created_at)
         VALUES ($1, $2, $3, $4, $3)
         ON CONFLICT (name) DO NOTHING
         RETURNING id",
    )
    .bind(name.as_str())
    .bind(password_hash)
    .bind(now.0)
    .bind(i64::from(admin))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

/// Sets the password, and ends every token that was issued for the old one.
pub(crate) async fn set_password(
    connection: &mut SqliteConnection,
    id: i64,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE users SET password_hash = $2, password_changed_at = $3, generation = generation + 1
         WHERE id = $1",
    )
    .bind(id)
    .bind(password_hash)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn set_flags(
    connection: &mut SqliteConnection,
    id: i64,
    admin: bool,
    disabled: bool,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE users SET admin = $2, disabled = $3 WHERE id = $1")
        .bind(id)
        .bind(i64::from(admin))
        .bind(i64::from(disabled))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes the user with everything that hangs on it: tokens, memberships.
pub(crate) async fn delete(connection: &mut SqliteConnection, id: i64) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn exist(connection: &mut SqliteConnection) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM users LIMIT 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Whether somebody can still do everything.
pub(crate) async fn admin_exists(connection: &mut SqliteConnection) -> Result<bool, DbError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT id FROM users WHERE admin = 1 AND disabled = 0 LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// The names of the actions that the user has on the whole installation.
pub(crate) async fn actions(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Vec<String>, DbError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT action FROM user_actions WHERE user_id = $1 ORDER BY action")
            .bind(id)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(action,)| action).collect())
}

/// Replaces the actions that the user has on the whole installation.
pub(crate) async fn set_actions(
    connection: &mut SqliteConnection,
    id: i64,
    actions: &[String],
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM user_actions WHERE user_id = $1")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    for action in actions {
        sqlx::query("INSERT INTO user_actions (user_id, action) VALUES ($1, $2)")
            .bind(id)
            .bind(action)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
