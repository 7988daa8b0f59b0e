use std::collections::BTreeMap;

use berth_registry::{DbError, Timestamp};
use sqlx::SqliteConnection;

use crate::shown::{NewRule, Rule};

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    rule: &NewRule,
    by: &str,
    now: Timestamp,
) -> Result<i64, DbError> {
    let labels = serde_json::to_string(&rule.labels).expect("texts are JSON");
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO deploy_rules (target, stack, service, labels, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
    )
    .bind(&rule.target)
    .bind(&rule.stack)
    .bind(&rule.service)
    .bind(labels)
    .bind(by)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<Rule>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "DELETE FROM deploy_rules WHERE id = $1
         RETURNING id, target, stack, service, labels, created_by, created_at",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(rule).transpose()
}

type Columns = (i64, String, String, Option<String>, String, String, i64);

fn rule(row: Columns) -> Result<Rule, DbError> {
    let (id, target, stack, service, labels, created_by, created_at) = row;
    let read: Result<BTreeMap<String, String>, _> = serde_json::from_str(&labels);
    Ok(Rule {
        id,
        target,
        stack,
        service,
        labels: read.map_err(|_| DbError::Inconsistent {
            value: labels,
            expected: "labels",
        })?,
        created_by,
        created_at: Timestamp(created_at),
    })
}

/// In order of their numbers; of one target, or of all.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    target: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<Rule>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, target, stack, service, labels, created_by, created_at FROM deploy_rules
         WHERE id > $1 AND ($2 IS NULL OR target = $2) ORDER BY id LIMIT $3",
    )
    .bind(after)
    .bind(target)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(rule).collect()
}
