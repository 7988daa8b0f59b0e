use berth_registry::{DbError, Timestamp, checked};
use sqlx::SqliteConnection;

use crate::history::{Line, LineKind};

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    deployment: i64,
    kind: LineKind,
    service: Option<&str>,
    text: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO deployment_lines (deployment_id, at, kind, service, text)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(deployment)
    .bind(now.0)
    .bind(kind.as_str())
    .bind(service)
    .bind(text)
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (i64, i64, String, Option<String>, String);

/// Those behind the one with the number `after`, oldest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    deployment: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Line>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT number, at, kind, service, text FROM deployment_lines
         WHERE deployment_id = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(deployment)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let line = |(number, at, kind, service, text): Columns| {
        Ok(Line {
            number,
            at: Timestamp(at),
            kind: checked(kind, "the kind of a line")?,
            service,
            text,
        })
    };
    rows.into_iter().map(line).collect()
}

/// Removes the logs of deployments that ended before `before`.
pub(crate) async fn delete_before(
    connection: &mut SqliteConnection,
    target: i64,
    before: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM deployment_lines
         WHERE deployment_id IN (SELECT id FROM deployments
                                 WHERE target_id = $1 AND finished_at < $2)",
    )
    .bind(target)
    .bind(before.0)
    .execute(connection)
    .await?;
    Ok(())
}
