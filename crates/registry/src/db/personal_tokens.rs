use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::auth::{Rights, TokenName};
use crate::clock::Timestamp;

pub(crate) struct PersonalTokenRow {
    pub(crate) user_id: i64,
    pub(crate) name: TokenName,
    pub(crate) scopes: Rights,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

type Columns = (i64, String, String, i64, Option<i64>, Option<i64>);

impl TryFrom<Columns> for PersonalTokenRow {
    type Error = DbError;

    fn try_from(row: Columns) -> Result<Self, DbError> {
        let (user_id, name, scopes, created_at, expires_at, last_used_at) = row;
        Ok(Self {
            user_id,
            name: checked(name, "the name of a token")?,
            scopes: Rights::of_stored(&scopes),
            created_at: Timestamp(created_at),
            expires_at: expires_at.map(Timestamp),
            last_used_at: last_used_at.map(Timestamp),
        })
    }
}

pub(crate) struct NewPersonalToken<'t> {
    pub(crate) user_id: i64,
    pub(crate) name: &'t TokenName,
    pub(crate) secret_hash: &'t [u8],
    pub(crate) scopes: &'t Rights,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Makes a token; `None` when the user has one of this name.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewPersonalToken<'_>,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO personal_tokens (user_id, name, secret_hash, scopes, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (user_id, name) DO NOTHING
         RETURNING id",
    )
    .bind(new.user_id)
    .bind(new.name.as_str())
    .bind(new.secret_hash)
    .bind(new.scopes.to_json())
    .bind(new.created_at.0)
    .bind(new.expires_at.map(|at| at.0))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn find_by_id(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<PersonalTokenRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT user_id, name, scopes, created_at, expires_at, last_used_at
         FROM personal_tokens WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(PersonalTokenRow::try_from).transpose()
}

/// The id of the token with this secret, and the name of its user.
pub(crate) async fn find_by_secret(
    connection: &mut SqliteConnection,
    secret_hash: &[u8],
) -> Result<Option<(i64, String)>, DbError> {
    let row = sqlx::query_as(
        "SELECT t.id, u.name FROM personal_tokens t JOIN users u ON u.id = t.user_id
         WHERE t.secret_hash = $1",
    )
    .bind(secret_hash)
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

pub(crate) async fn count(connection: &mut SqliteConnection, user_id: i64) -> Result<i64, DbError> {
    let (count,) = sqlx::query_as("SELECT COUNT(*) FROM personal_tokens WHERE user_id = $1")
        .bind(user_id)
        .fetch_one(connection)
        .await?;
    Ok(count)
}

/// In order of the bytes of their names.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    user_id: i64,
    after: &str,
    limit: i64,
) -> Result<Vec<PersonalTokenRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT user_id, name, scopes, created_at, expires_at, last_used_at
         FROM personal_tokens WHERE user_id = $1 AND name > $2 ORDER BY name LIMIT $3",
    )
    .bind(user_id)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(PersonalTokenRow::try_from).collect()
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    user_id: i64,
    name: &TokenName,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM personal_tokens WHERE user_id = $1 AND name = $2")
        .bind(user_id)
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
