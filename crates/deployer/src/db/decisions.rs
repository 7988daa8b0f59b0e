use berth_registry::{DbError, Timestamp, checked};
use sqlx::SqliteConnection;

use crate::history::Decision;
use crate::matching::Verdict;

/// The service of a target that a decision is about.
#[derive(Clone, Copy)]
pub(crate) struct Of<'o> {
    pub(crate) target: i64,
    pub(crate) stack: &'o str,
    pub(crate) service: &'o str,
}

/// The first one stays: a container can be called as a service of a project is.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    of: Of<'_>,
    sequence: i64,
    verdict: &Verdict,
    deployment: Option<i64>,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO deploy_decisions
             (target_id, stack, service, sequence, reason, text, deployment_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT DO NOTHING",
    )
    .bind(of.target)
    .bind(of.stack)
    .bind(of.service)
    .bind(sequence)
    .bind(verdict.reason.as_str())
    .bind(&verdict.text)
    .bind(deployment)
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (
    i64,
    String,
    String,
    String,
    i64,
    String,
    String,
    Option<i64>,
);

/// Newest first, those of events before `before`.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    of: Of<'_>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Decision>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT e.sequence, e.repository, e.tag, e.new_digest, e.at, d.reason, d.text,
                d.deployment_id
         FROM deploy_decisions d JOIN tag_events e ON e.sequence = d.sequence
         WHERE d.target_id = $1 AND d.stack = $2 AND d.service = $3
           AND ($4 IS NULL OR d.sequence < $4)
         ORDER BY d.sequence DESC LIMIT $5",
    )
    .bind(of.target)
    .bind(of.stack)
    .bind(of.service)
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let decision = |row: Columns| {
        Ok(Decision {
            event: row.0,
            repository: checked(row.1, "the name of a repository")?,
            tag: checked(row.2, "a tag")?,
            digest: checked(row.3, "a digest")?,
            at: Timestamp(row.4),
            verdict: Verdict {
                reason: checked(row.5, "a reason")?,
                text: row.6,
            },
            deployment: row.7,
        })
    };
    rows.into_iter().map(decision).collect()
}

/// Removes what was decided of events before `before`.
pub(crate) async fn delete_before(
    connection: &mut SqliteConnection,
    target: i64,
    before: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM deploy_decisions
         WHERE target_id = $1
           AND sequence IN (SELECT sequence FROM tag_events WHERE at < $2)",
    )
    .bind(target)
    .bind(before.0)
    .execute(connection)
    .await?;
    Ok(())
}
