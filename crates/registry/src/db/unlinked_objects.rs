//! Objects of the store whose row is gone, and whose bytes go next.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::DbError;
use crate::clock::Timestamp;
use crate::store::Key;

pub(crate) async fn note(
    connection: &mut SqliteConnection,
    keys: &[&Key],
    now: Timestamp,
) -> Result<(), DbError> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO unlinked_objects (key, at) ");
    query.push_values(keys, |mut row, key| {
        row.push_bind(key.as_str()).push_bind(now.0);
    });
    query.build().execute(connection).await?;
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

pub(crate) async fn forget(connection: &mut SqliteConnection, keys: &[Key]) -> Result<(), DbError> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM unlinked_objects WHERE key IN (");
    super::push_list(&mut query, keys.iter().map(Key::as_str));
    query.push(")");
    query.build().execute(connection).await?;
    Ok(())
}
