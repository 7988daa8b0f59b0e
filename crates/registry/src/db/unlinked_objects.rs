//! Objects of the store whose row is gone, and whose bytes go next.

use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;
use crate::store::Key;

pub(crate) async fn note(
    connection: &mut SqliteConnection,
    key: &Key,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO unlinked_objects (key, at) VALUES ($1, $2)")
        .bind(key.as_str())
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn some(
    connection: &mut SqliteConnection,
    limit: i64,
) -> Result<Vec<Key>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT key FROM unlinked_objects LIMIT $1")
        .bind(limit)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(key,)| Key::from_row(key)).collect())
}

pub(crate) async fn forget(connection: &mut SqliteConnection, key: &Key) -> Result<(), DbError> {
    sqlx::query("DELETE FROM unlinked_objects WHERE key = $1")
        .bind(key.as_str())
        .execute(connection)
        .await?;
    Ok(())
}
