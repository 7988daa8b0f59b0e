//! What people have said of stacks: held, pinned; and what has failed there.

use std::collections::{HashMap, HashSet};

use berth_oci::Digest;
use berth_registry::{DbError, Timestamp, checked};
use sqlx::SqliteConnection;

use crate::shown::Hold;

pub(crate) async fn hold(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    hold: &Hold,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO deploy_holds (target_id, stack, held_by, reason, at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (target_id, stack) DO UPDATE
         SET held_by = excluded.held_by, reason = excluded.reason, at = excluded.at",
    )
    .bind(target)
    .bind(stack)
    .bind(&hold.by)
    .bind(&hold.reason)
    .bind(hold.at.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn release(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM deploy_holds WHERE target_id = $1 AND stack = $2")
        .bind(target)
        .bind(stack)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn held(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
) -> Result<Option<Hold>, DbError> {
    let row: Option<(String, Option<String>, i64)> = sqlx::query_as(
        "SELECT held_by, reason, at FROM deploy_holds WHERE target_id = $1 AND stack = $2",
    )
    .bind(target)
    .bind(stack)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(by, reason, at)| Hold {
        by,
        reason,
        at: Timestamp(at),
    }))
}

pub(crate) async fn pin(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    service: &str,
    digest: &Digest,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO deploy_pins (target_id, stack, service, digest) VALUES ($1, $2, $3, $4)
         ON CONFLICT (target_id, stack, service) DO UPDATE SET digest = excluded.digest",
    )
    .bind(target)
    .bind(stack)
    .bind(service)
    .bind(digest.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn unpin(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    service: &str,
) -> Result<bool, DbError> {
    let done =
        sqlx::query("DELETE FROM deploy_pins WHERE target_id = $1 AND stack = $2 AND service = $3")
            .bind(target)
            .bind(stack)
            .bind(service)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// By service.
pub(crate) async fn pins(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
) -> Result<HashMap<String, Digest>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT service, digest FROM deploy_pins WHERE target_id = $1 AND stack = $2",
    )
    .bind(target)
    .bind(stack)
    .fetch_all(connection)
    .await?;
    let pin = |(service, digest)| Ok((service, checked(digest, "a digest")?));
    rows.into_iter().map(pin).collect()
}

pub(crate) async fn quarantine(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    digest: &Digest,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO deploy_quarantine (target_id, stack, digest) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(target)
    .bind(stack)
    .bind(digest.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes a digest that has proved itself after all out of quarantine.
pub(crate) async fn clear(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    digest: &Digest,
) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM deploy_quarantine WHERE target_id = $1 AND stack = $2 AND digest = $3",
    )
    .bind(target)
    .bind(stack)
    .bind(digest.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn quarantined(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
) -> Result<HashSet<Digest>, DbError> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT digest FROM deploy_quarantine WHERE target_id = $1 AND stack = $2")
            .bind(target)
            .bind(stack)
            .fetch_all(connection)
            .await?;
    let digest = |(digest,)| checked(digest, "a digest");
    rows.into_iter().map(digest).collect()
}
