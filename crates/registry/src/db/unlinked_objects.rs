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

/// Some of them, behind a key.
pub(crate) async fn after(
    connection: &mut SqliteConnection,
    key: Option<&Key>,
    limit: i64,
) -> Result<Vec<Key>, DbError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT key FROM unlinked_objects WHERE key > $1 ORDER BY key LIMIT $2")
            .bind(key.map_or("", Key::as_str))
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
