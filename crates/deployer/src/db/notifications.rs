use berth_registry::{DbError, Timestamp};
use sqlx::SqliteConnection;

/// Something that is to be told.
pub(crate) struct Due {
    pub(crate) id: String,
    pub(crate) body: String,
    /// How often that was tried.
    pub(crate) attempts: i64,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    id: &str,
    deployment: i64,
    body: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO notifications (id, deployment_id, body, next_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(id)
    .bind(deployment)
    .bind(body)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Those whose time has come, the longest waiting first.
pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT id, body, attempts FROM notifications
         WHERE delivered_at IS NULL AND failed_at IS NULL AND next_at <= $1
         ORDER BY next_at LIMIT $2",
    )
    .bind(now.0)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let due = |(id, body, attempts)| Due { id, body, attempts };
    Ok(rows.into_iter().map(due).collect())
}

pub(crate) async fn delivered(
    connection: &mut SqliteConnection,
    id: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE notifications SET delivered_at = $2, attempts = attempts + 1, last_error = NULL
         WHERE id = $1",
    )
    .bind(id)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes an attempt that failed; without a next one it is given up.
pub(crate) async fn failed(
    connection: &mut SqliteConnection,
    id: &str,
    error: &str,
    next_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), DbError> {
    let given_up = next_at.is_none().then_some(now.0);
    sqlx::query(
        "UPDATE notifications
         SET attempts = attempts + 1, last_error = $2, next_at = COALESCE($3, next_at),
             failed_at = $4
         WHERE id = $1",
    )
    .bind(id)
    .bind(error)
    .bind(next_at.map(|at| at.0))
    .bind(given_up)
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes what was told, or given up, before `before`.
pub(crate) async fn delete_before(
    connection: &mut SqliteConnection,
    before: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM notifications WHERE COALESCE(delivered_at, failed_at) < $1")
        .bind(before.0)
        .execute(connection)
        .await?;
    Ok(())
}
