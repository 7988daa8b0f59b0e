use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;

pub(crate) struct SessionRow {
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) client: String,
    pub(crate) address: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

type Columns = (i64, i64, String, Option<String>, i64, i64, Option<i64>);

impl From<Columns> for SessionRow {
    fn from(row: Columns) -> Self {
        let (id, user_id, client, address, created_at, expires_at, last_used_at) = row;
        Self {
            id,
            user_id,
            client,
            address,
            created_at: Timestamp(created_at),
            expires_at: Timestamp(expires_at),
            last_used_at: last_used_at.map(Timestamp),
        }
    }
}

pub(crate) struct NewSession<'s> {
    pub(crate) user_id: i64,
    pub(crate) secret_hash: &'s [u8],
    pub(crate) generation: i64,
    pub(crate) client: &'s str,
    pub(crate) address: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewSession<'_>,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO sessions (user_id, secret_hash, generation, client, address, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new.user_id)
    .bind(new.secret_hash)
    .bind(new.generation)
    .bind(new.client)
    .bind(&new.address)
    .bind(new.created_at.0)
    .bind(new.expires_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn find_by_id(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<SessionRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, user_id, client, address, created_at, expires_at, last_used_at
         FROM sessions WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(SessionRow::from))
}

/// The id and the generation of the session with this secret.
pub(crate) async fn find_by_secret(
    connection: &mut SqliteConnection,
    secret_hash: &[u8],
) -> Result<Option<(i64, i64)>, DbError> {
    let row = sqlx::query_as("SELECT id, generation FROM sessions WHERE secret_hash = $1")
        .bind(secret_hash)
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

/// Those that a new password has not ended, the newest first; below an id.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    user_id: i64,
    before: i64,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<SessionRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT s.id, s.user_id, s.client, s.address, s.created_at, s.expires_at, s.last_used_at
         FROM sessions s JOIN users u ON u.id = s.user_id AND u.generation = s.generation
         WHERE s.user_id = $1 AND s.id < $2 AND s.expires_at > $3 ORDER BY s.id DESC LIMIT $4",
    )
    .bind(user_id)
    .bind(before)
    .bind(now.0)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(SessionRow::from).collect())
}

/// Ends one of the user's; `false` when the user has no such one.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    user_id: i64,
    id: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id = $2")
        .bind(user_id)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends all of the user's but the newest; how many they were.
pub(crate) async fn delete_all_but(
    connection: &mut SqliteConnection,
    user_id: i64,
    newest: i64,
) -> Result<u64, DbError> {
    let done = sqlx::query(
        "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN (
             SELECT id FROM sessions WHERE user_id = $1 ORDER BY id DESC LIMIT $2)",
    )
    .bind(user_id)
    .bind(newest)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn delete_expired(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let done = sqlx::query(
        "DELETE FROM sessions WHERE id IN (
             SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
    )
    .bind(now.0)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
