use berth_oci::{Digest, RepositoryName};
use berth_registry::{DbError, Timestamp, checked, sentence};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::checked_option;
use crate::history::{Cause, DeployedService, Deployment, State, WANTS_APPROVAL};

/// A deployment that is to be made.
pub(crate) struct New<'n> {
    pub(crate) target: i64,
    pub(crate) stack: &'n str,
    pub(crate) cause: Cause,
    pub(crate) requested_by: Option<&'n str>,
    pub(crate) rolls_back: Option<i64>,
    pub(crate) due_at: Timestamp,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &New<'_>,
    now: Timestamp,
) -> Result<i64, DbError> {
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO deployments
             (target_id, stack, cause, state, requested_by, rolls_back, created_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         RETURNING id",
    )
    .bind(new.target)
    .bind(new.stack)
    .bind(new.cause.as_str())
    .bind(State::Queued.as_str())
    .bind(new.requested_by)
    .bind(new.rolls_back)
    .bind(now.0)
    .bind(new.due_at.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// Makes a service part of a deployment, in place of what was wanted of it before.
pub(crate) async fn put_service(
    connection: &mut SqliteConnection,
    deployment: i64,
    service: &DeployedService,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO deployment_services
             (deployment_id, service, image, repository, tag, from_digest, to_digest, pushed_by,
              left_out, rollback)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (deployment_id, service) DO UPDATE
         SET image = excluded.image, repository = excluded.repository, tag = excluded.tag,
             from_digest = excluded.from_digest, to_digest = excluded.to_digest,
             pushed_by = excluded.pushed_by, left_out = excluded.left_out,
             rollback = excluded.rollback",
    )
    .bind(deployment)
    .bind(&service.service)
    .bind(&service.image)
    .bind(service.repository.as_str())
    .bind(service.tag.as_str())
    .bind(service.from_digest.as_ref().map(Digest::as_str))
    .bind(service.to_digest.as_str())
    .bind(&service.pushed_by)
    .bind(&service.left_out)
    .bind(service.rollback)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn set_downtime(
    connection: &mut SqliteConnection,
    deployment: i64,
    service: &str,
    downtime_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deployment_services SET downtime_ms = $3 WHERE deployment_id = $1 AND service = $2",
    )
    .bind(deployment)
    .bind(service)
    .bind(downtime_ms)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn set_due(
    connection: &mut SqliteConnection,
    deployment: i64,
    due_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("UPDATE deployments SET due_at = $2 WHERE id = $1")
        .bind(deployment)
        .bind(due_at.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn set_approved(
    connection: &mut SqliteConnection,
    deployment: i64,
    by: &str,
) -> Result<(), DbError> {
    sqlx::query("UPDATE deployments SET approved_by = $2 WHERE id = $1")
        .bind(deployment)
        .bind(by)
        .execute(connection)
        .await?;
    Ok(())
}

/// Moves a deployment on, if it is still in the state that it is expected to be in.
pub(crate) async fn set_state(
    connection: &mut SqliteConnection,
    deployment: i64,
    from: State,
    to: State,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let finished = to.ended().then_some(now.0);
    let started = match to {
        State::Pulling => Some(now.0),
        State::Queued
        | State::Waiting
        | State::Replacing
        | State::Verifying
        | State::Succeeded
        | State::RollingBack
        | State::RolledBack
        | State::RollbackFailed
        | State::Failed
        | State::Superseded
        | State::Cancelled => None,
    };
    let done = sqlx::query(
        "UPDATE deployments
         SET state = $3, reason = $4, finished_at = $5, started_at = COALESCE(started_at, $6)
         WHERE id = $1 AND state = $2",
    )
    .bind(deployment)
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(reason)
    .bind(finished)
    .bind(started)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes a deployment for a process, if no other has it.
pub(crate) async fn claim(
    connection: &mut SqliteConnection,
    deployment: i64,
    process: &str,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE deployments SET claimed_by = $2
         WHERE id = $1 AND finished_at IS NULL AND (claimed_by IS NULL OR claimed_by = $2)",
    )
    .bind(deployment)
    .bind(process)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives up what processes that are gone had claimed of a target.
pub(crate) async fn release_claims(
    connection: &mut SqliteConnection,
    target: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deployments SET claimed_by = NULL WHERE target_id = $1 AND finished_at IS NULL",
    )
    .bind(target)
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (
    i64,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
);

const SELECT: &str = "SELECT d.id, t.name, d.stack, d.cause, d.state, d.reason, d.requested_by,
        d.approved_by, d.rolls_back, d.created_at, d.due_at, d.started_at, d.finished_at
     FROM deployments d JOIN targets t ON t.id = d.target_id ";

fn deployment(row: Columns) -> Result<Deployment, DbError> {
    let state = checked(row.4, "the state of a deployment")?;
    let reason: Option<String> = row.5;
    let asks = reason
        .as_ref()
        .is_some_and(|reason| reason.starts_with(WANTS_APPROVAL));
    Ok(Deployment {
        id: row.0,
        target: row.1,
        stack: row.2,
        cause: checked(row.3, "the cause of a deployment")?,
        wants_approval: state == State::Waiting && row.7.is_none() && asks,
        state,
        reason,
        requested_by: row.6,
        approved_by: row.7,
        services: Vec::new(),
        rolls_back: row.8,
        created_at: Timestamp(row.9),
        due_at: Timestamp(row.10),
        started_at: row.11.map(Timestamp),
        finished_at: row.12.map(Timestamp),
    })
}

async fn with_services(
    connection: &mut SqliteConnection,
    row: Columns,
) -> Result<Deployment, DbError> {
    let mut deployment = deployment(row)?;
    deployment.services = services(connection, deployment.id).await?;
    Ok(deployment)
}

async fn all_with_services(
    connection: &mut SqliteConnection,
    rows: Vec<Columns>,
) -> Result<Vec<Deployment>, DbError> {
    let mut deployments = Vec::with_capacity(rows.len());
    for row in rows {
        deployments.push(with_services(connection, row).await?);
    }
    Ok(deployments)
}

/// The first deployment of a stack, of those that `rest` is about.
async fn of_stack(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    rest: &'static str,
) -> Result<Option<Deployment>, DbError> {
    let row: Option<Columns> = sqlx::query_as(statement(rest))
        .bind(target)
        .bind(stack)
        .fetch_optional(&mut *connection)
        .await?;
    match row {
        Some(row) => with_services(connection, row).await.map(Some),
        None => Ok(None),
    }
}

type ServiceColumns = (
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
    bool,
);

/// In order of their names.
async fn services(
    connection: &mut SqliteConnection,
    deployment: i64,
) -> Result<Vec<DeployedService>, DbError> {
    let rows: Vec<ServiceColumns> = sqlx::query_as(
        "SELECT service, image, repository, tag, from_digest, to_digest, pushed_by, downtime_ms,
                left_out, rollback
         FROM deployment_services WHERE deployment_id = $1 ORDER BY service",
    )
    .bind(deployment)
    .fetch_all(connection)
    .await?;
    let service = |row: ServiceColumns| {
        Ok(DeployedService {
            service: row.0,
            image: row.1,
            repository: checked(row.2, "the name of a repository")?,
            tag: checked(row.3, "a tag")?,
            from_digest: checked_option(row.4, "a digest")?,
            to_digest: checked(row.5, "a digest")?,
            pushed_by: row.6,
            downtime_ms: row.7,
            left_out: row.8,
            rollback: row.9,
        })
    };
    rows.into_iter().map(service).collect()
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<Deployment>, DbError> {
    let row: Option<Columns> = sqlx::query_as(statement("WHERE d.id = $1"))
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    match row {
        Some(row) => with_services(connection, row).await.map(Some),
        None => Ok(None),
    }
}

/// Which deployments, newest first.
#[derive(Default)]
pub(crate) struct Which<'w> {
    pub(crate) target: Option<&'w str>,
    pub(crate) stack: Option<&'w str>,
    pub(crate) state: Option<State>,
    pub(crate) before: Option<i64>,
}

pub(crate) async fn list(
    connection: &mut SqliteConnection,
    which: &Which<'_>,
    limit: i64,
) -> Result<Vec<Deployment>, DbError> {
    let sql = statement(
        "WHERE ($1 IS NULL OR t.name = $1) AND ($2 IS NULL OR d.stack = $2)
           AND ($3 IS NULL OR d.state = $3) AND ($4 IS NULL OR d.id < $4)
         ORDER BY d.id DESC LIMIT $5",
    );
    let rows: Vec<Columns> = sqlx::query_as(sql)
        .bind(which.target)
        .bind(which.stack)
        .bind(which.state.map(State::as_str))
        .bind(which.before)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    all_with_services(connection, rows).await
}

/// Those that wait for somebody to approve them, and those that failed since a moment and of whose
/// services none was deployed again, newest first.
pub(crate) async fn unsettled(
    connection: &mut SqliteConnection,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Deployment>, DbError> {
    let sql = statement(
        "WHERE (d.finished_at IS NULL AND d.state = 'waiting' AND d.approved_by IS NULL
                AND d.reason LIKE $1 || '%')
            OR (d.state IN ('failed', 'rolled_back', 'rollback_failed') AND d.finished_at >= $2
                AND NOT EXISTS (
                    SELECT 1 FROM deployments n
                    JOIN deployment_services m ON m.deployment_id = n.id
                    JOIN deployment_services s ON s.deployment_id = d.id AND s.service = m.service
                    WHERE n.target_id = d.target_id AND n.stack = d.stack AND n.id > d.id
                      AND n.started_at IS NOT NULL))
         ORDER BY d.id DESC LIMIT $3",
    );
    let rows: Vec<Columns> = sqlx::query_as(sql)
        .bind(WANTS_APPROVAL)
        .bind(since.0)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    all_with_services(connection, rows).await
}

/// Those of a target that have not ended, oldest first.
pub(crate) async fn unfinished(
    connection: &mut SqliteConnection,
    target: i64,
) -> Result<Vec<Deployment>, DbError> {
    let sql = statement("WHERE d.target_id = $1 AND d.finished_at IS NULL ORDER BY d.id");
    let rows: Vec<Columns> = sqlx::query_as(sql)
        .bind(target)
        .fetch_all(&mut *connection)
        .await?;
    all_with_services(connection, rows).await
}

/// Those of a target that had not ended before a moment.
pub(crate) async fn not_ended_before(
    connection: &mut SqliteConnection,
    target: i64,
    moment: Timestamp,
) -> Result<Vec<i64>, DbError> {
    let ids = sqlx::query_scalar(
        "SELECT id FROM deployments
         WHERE target_id = $1 AND (finished_at IS NULL OR finished_at >= $2)",
    )
    .bind(target)
    .bind(moment.0)
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// The one of a stack that has not begun.
pub(crate) async fn not_begun(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
) -> Result<Option<Deployment>, DbError> {
    let rest = "WHERE d.target_id = $1 AND d.stack = $2 AND d.state IN ('queued', 'waiting')";
    of_stack(connection, target, stack, rest).await
}

/// The one of a stack that ended last, of those that were about to change something.
pub(crate) async fn last_ended(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
) -> Result<Option<Deployment>, DbError> {
    let rest = "WHERE d.target_id = $1 AND d.stack = $2
           AND d.state IN ('succeeded', 'rolled_back', 'rollback_failed', 'failed')
         ORDER BY d.id DESC LIMIT 1";
    of_stack(connection, target, stack, rest).await
}

/// The digests that a service was brought to, and that it was taken from, newest first.
pub(crate) async fn versions(
    connection: &mut SqliteConnection,
    target: i64,
    stack: &str,
    service: &str,
    repository: &RepositoryName,
    limit: i64,
) -> Result<Vec<Digest>, DbError> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT s.to_digest, s.from_digest FROM deployments d
         JOIN deployment_services s ON s.deployment_id = d.id
         WHERE d.target_id = $1 AND d.stack = $2 AND s.service = $3 AND s.repository = $4
           AND d.state = 'succeeded' AND s.left_out IS NULL
         ORDER BY d.id DESC LIMIT $5",
    )
    .bind(target)
    .bind(stack)
    .bind(service)
    .bind(repository.as_str())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut versions: Vec<Digest> = Vec::new();
    for (to, from) in rows {
        for digest in [Some(to), from].into_iter().flatten() {
            let digest = checked(digest, "a digest")?;
            if !versions.contains(&digest) {
                versions.push(digest);
            }
        }
    }
    Ok(versions)
}

/// Of constants alone.
fn statement(rest: &'static str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{SELECT}{rest}"))
}

/// Ends what was not done when the backup was made that the database comes from; how many.
pub(crate) async fn end_unfinished(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, DbError> {
    let mut ended = 0;
    for (states, to, reason) in [
        (
            [State::Queued, State::Waiting].as_slice(),
            State::Cancelled,
            sentence(
                "it had not begun when the backup was made that this registry was restored from",
            ),
        ),
        (
            &[
                State::Pulling,
                State::Replacing,
                State::Verifying,
                State::RollingBack,
            ],
            State::Failed,
            sentence(
                "it was under way when the backup was made that this registry was restored from: look at \
             what runs there",
            ),
        ),
    ] {
        for state in states {
            let done = sqlx::query(
                "UPDATE deployments SET state = $2, reason = $3, finished_at = $4, claimed_by = NULL
                 WHERE state = $1",
            )
            .bind(state.as_str())
            .bind(to.as_str())
            .bind(reason)
            .bind(now.0)
            .execute(&mut *connection)
            .await?;
            ended += done.rows_affected();
        }
    }
    Ok(ended)
}
