//! What a database that was restored must not go on with.

use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;

/// Forgets what was under way: its bytes are not in a backup, or not needed.
pub(crate) async fn forget_unfinished(connection: &mut SqliteConnection) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM uploads",
        "DELETE FROM fills",
        "DELETE FROM unlinked_objects",
        "DELETE FROM object_holds",
        // What was signed out since must not come back.
        "DELETE FROM sessions",
    ] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Keeps until a time what would be collected or purged before it.
pub(crate) async fn put_off(
    connection: &mut SqliteConnection,
    until: Timestamp,
) -> Result<(), DbError> {
    for statement in [
        "UPDATE deletions SET purge_at = $1 WHERE purge_at < $1",
        "UPDATE repository_blobs SET collect_at = $1 WHERE collect_at < $1",
    ] {
        sqlx::query(statement)
            .bind(until.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
