//! Leases of those who need the bytes of rows that may go meanwhile.

use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;

/// Takes a lease, in place of those that have ended by themselves.
pub(crate) async fn take(
    connection: &mut SqliteConnection,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM object_holds WHERE until <= $1")
        .bind(now.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO object_holds (holder, until) VALUES ($1, $2)")
        .bind(holder)
        .bind(until.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes a lease longer; `false` when it has ended.
pub(crate) async fn renew(
    connection: &mut SqliteConnection,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE object_holds SET until = $3 WHERE holder = $1 AND until > $2")
        .bind(holder)
        .bind(now.0)
        .bind(until.0)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn end(connection: &mut SqliteConnection, holder: &str) -> Result<(), DbError> {
    sqlx::query("DELETE FROM object_holds WHERE holder = $1")
        .bind(holder)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether somebody has a lease: then no bytes are removed whose row is gone.
pub(crate) async fn active(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM object_holds WHERE until > $1 LIMIT 1")
        .bind(now.0)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}
