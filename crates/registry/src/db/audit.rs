use std::time::Duration;

use sqlx::{QueryBuilder, SqliteConnection};

use super::{DbError, checked, unsigned};
use crate::audit::{Entry, Filter, Recorded};
use crate::clock::Timestamp;

/// More than any entry waits to be written.
const GATHERED_FOR: Duration = Duration::from_secs(60);
const MINUTE: i64 = 60 * 1000;

/// Notes something that was done `count` times, in the transaction that does it where there is one.
pub(crate) async fn record(
    connection: &mut SqliteConnection,
    entry: &Entry,
    count: i64,
    first_at: Timestamp,
    last_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO audit (minute, at, last_at, count, actor_kind, actor, address, action, project,
                            subject, outcome, detail)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (minute, actor_kind, actor, address, action, project, subject, outcome, detail)
         DO UPDATE SET count = audit.count + excluded.count, last_at = excluded.last_at",
    )
    .bind(first_at.0.div_euclid(MINUTE))
    .bind(first_at.0)
    .bind(last_at.0)
    .bind(count)
    .bind(entry.actor.kind.as_str())
    .bind(&entry.actor.name)
    .bind(entry.actor.address_text())
    .bind(entry.action)
    .bind(entry.project.as_deref().unwrap_or_default())
    .bind(&entry.subject)
    .bind(entry.outcome.as_str())
    .bind(&entry.detail)
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (
    i64,
    i64,
    i64,
    i64,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
);

/// Newest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Recorded>, DbError> {
    // Only the conditions that are asked for, so that each can use its index.
    let mut query = QueryBuilder::new(
        "SELECT id, at, last_at, count, actor_kind, actor, address, action, project, subject, outcome, detail
         FROM audit WHERE 1 = 1",
    );
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before);
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND actor = ").push_bind(actor);
    }
    if let Some(action) = &filter.action {
        query.push(" AND action = ").push_bind(action);
    }
    if let Some(project) = &filter.project {
        query.push(" AND project = ").push_bind(project.as_str());
    }
    // Rows come in the order of their times, but for those that were gathered for a while. The
    // bounds by id spare the walk through all that is newer or older.
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.0);
        query
            .push(" AND id >= (SELECT id FROM audit WHERE at >= ")
            .push_bind(since.minus(GATHERED_FOR).0)
            .push(" ORDER BY at, id LIMIT 1)");
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until.0);
        query
            .push(" AND id <= (SELECT id FROM audit WHERE at < ")
            .push_bind(until.plus(GATHERED_FOR).0)
            .push(" ORDER BY at DESC, id DESC LIMIT 1)");
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    let rows: Vec<Columns> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(recorded).collect()
}

fn recorded(row: Columns) -> Result<Recorded, DbError> {
    let (id, at, last_at, count, kind, actor, address, action, project, subject, outcome, detail) =
        row;
    let some = |text: String| (!text.is_empty()).then_some(text);
    Ok(Recorded {
        id,
        at: Timestamp(at),
        last_at: Timestamp(last_at),
        count: unsigned(count),
        actor_kind: checked(kind, "a kind of actor")?,
        actor,
        address: some(address),
        action,
        project: some(project),
        subject: some(subject),
        outcome: checked(outcome, "an outcome")?,
        detail: some(detail),
    })
}

/// Removes the oldest of the rows that are more than `kept`, `limit` of them at most.
pub(crate) async fn delete_oldest(
    connection: &mut SqliteConnection,
    kept: i64,
    limit: i64,
) -> Result<u64, DbError> {
    // Ids have few gaps, so the newest id tells which are too old without counting rows.
    let done = sqlx::query(
        "DELETE FROM audit WHERE id IN (
             SELECT id FROM audit WHERE id <= (SELECT MAX(id) FROM audit) - $1 ORDER BY id LIMIT $2
         )",
    )
    .bind(kept)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
