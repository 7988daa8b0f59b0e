use berth_oci::ProjectName;
use sqlx::SqliteConnection;

use super::super::{DbError, checked};
use crate::clock::Timestamp;

pub(crate) struct PolicyRow {
    /// JSON.
    pub(crate) policy: String,
    pub(crate) next_run_at: Option<Timestamp>,
    pub(crate) changed_by: String,
    pub(crate) changed_at: Timestamp,
}

pub(crate) struct NewPolicy<'p> {
    pub(crate) policy: &'p str,
    pub(crate) every_hours: Option<u32>,
    pub(crate) next_run_at: Option<Timestamp>,
    pub(crate) changed_by: &'p str,
    pub(crate) changed_at: Timestamp,
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<Option<PolicyRow>, DbError> {
    let row: Option<(String, Option<i64>, String, i64)> = sqlx::query_as(
        "SELECT policy, next_run_at, changed_by, changed_at FROM retention_policies
         WHERE project_id = $1",
    )
    .bind(project_id)
    .fetch_optional(connection)
    .await?;
    Ok(
        row.map(|(policy, next_run_at, changed_by, changed_at)| PolicyRow {
            policy,
            next_run_at: next_run_at.map(Timestamp),
            changed_by,
            changed_at: Timestamp(changed_at),
        }),
    )
}

/// Stores the policy, and gives when it runs next: as before, where it runs as often as before.
pub(crate) async fn set(
    connection: &mut SqliteConnection,
    project_id: i64,
    new: &NewPolicy<'_>,
) -> Result<Option<Timestamp>, DbError> {
    let (next_run_at,): (Option<i64>,) = sqlx::query_as(
        "INSERT INTO retention_policies (project_id, policy, every_hours, next_run_at, changed_by, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (project_id) DO UPDATE
         SET policy = excluded.policy, every_hours = excluded.every_hours,
             next_run_at = CASE WHEN retention_policies.every_hours = excluded.every_hours
                                THEN retention_policies.next_run_at ELSE excluded.next_run_at END,
             changed_by = excluded.changed_by, changed_at = excluded.changed_at
         RETURNING next_run_at",
    )
    .bind(project_id)
    .bind(new.policy)
    .bind(new.every_hours.map(i64::from))
    .bind(new.next_run_at.map(|at| at.0))
    .bind(new.changed_by)
    .bind(new.changed_at.0)
    .fetch_one(connection)
    .await?;
    Ok(next_run_at.map(Timestamp))
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM retention_policies WHERE project_id = $1")
        .bind(project_id)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// A project whose time has come, and of which nothing runs.
pub(crate) struct Due {
    pub(crate) project_id: i64,
    pub(crate) project: ProjectName,
    pub(crate) policy: String,
    pub(crate) every_hours: Option<u32>,
}

pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<Due>, DbError> {
    let row: Option<(i64, String, String, Option<i64>)> = sqlx::query_as(
        "SELECT p.id, p.name, rp.policy, rp.every_hours
         FROM retention_policies rp JOIN projects p ON p.id = rp.project_id
         WHERE rp.next_run_at <= $1 AND p.deletion_id IS NULL
           AND NOT EXISTS (SELECT 1 FROM retention_runs r WHERE r.project_id = p.id AND r.state = 'running')
         ORDER BY rp.next_run_at LIMIT 1",
    )
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    row.map(|(project_id, project, policy, every_hours)| {
        Ok(Due {
            project_id,
            project: checked(project, "the name of a project")?,
            policy,
            every_hours: every_hours.and_then(|hours| u32::try_from(hours).ok()),
        })
    })
    .transpose()
}

pub(crate) async fn set_next_run(
    connection: &mut SqliteConnection,
    project_id: i64,
    next_run_at: Option<Timestamp>,
) -> Result<(), DbError> {
    sqlx::query("UPDATE retention_policies SET next_run_at = $2 WHERE project_id = $1")
        .bind(project_id)
        .bind(next_run_at.map(|at| at.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Lets the period of a policy that runs by itself begin anew.
pub(crate) async fn restart(
    connection: &mut SqliteConnection,
    project_id: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE retention_policies SET next_run_at = $2 + every_hours * 3600000 WHERE project_id = $1",
    )
    .bind(project_id)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the projects due of which a run is under way.
pub(crate) async fn set_running_due(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE retention_policies SET next_run_at = $1
         WHERE project_id IN (SELECT r.project_id FROM retention_runs r WHERE r.state = 'running')",
    )
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}
