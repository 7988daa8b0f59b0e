use berth_oci::{Digest, ProjectName, RepositoryName, Tag};
use sqlx::SqliteConnection;

use super::super::{DbError, checked, signed, unsigned};
use crate::clock::Timestamp;
use crate::retention::{Removal, Run, RunState, Totals};

type Columns = (
    i64,
    Option<String>,
    String,
    i64,
    Option<i64>,
    i64,
    i64,
    i64,
    Option<String>,
);

impl TryFrom<Columns> for Run {
    type Error = DbError;

    fn try_from(columns: Columns) -> Result<Self, DbError> {
        let (
            id,
            requested_by,
            state,
            started_at,
            finished_at,
            kept_tags,
            removed_tags,
            removed_manifests,
            error,
        ) = columns;
        Ok(Self {
            id,
            requested_by,
            state: checked(state, "the state of a run")?,
            started_at: Timestamp(started_at),
            finished_at: finished_at.map(Timestamp),
            totals: Totals {
                kept_tags: unsigned(kept_tags),
                removed_tags: unsigned(removed_tags),
                removed_manifests: unsigned(removed_manifests),
            },
            error,
        })
    }
}

/// Begins a run; `None` while another one of the project is under way.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    project_id: i64,
    requested_by: Option<&str>,
    policy: &str,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO retention_runs (project_id, requested_by, policy, state, started_at)
         VALUES ($1, $2, $3, 'running', $4)
         ON CONFLICT DO NOTHING
         RETURNING id",
    )
    .bind(project_id)
    .bind(requested_by)
    .bind(policy)
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    project_id: i64,
    id: i64,
) -> Result<Option<Run>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT id, requested_by, state, started_at, finished_at, kept_tags, removed_tags,
                removed_manifests, error
         FROM retention_runs WHERE project_id = $1 AND id = $2",
    )
    .bind(project_id)
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(Run::try_from).transpose()
}

/// Whether the run is under way, its project there, and its policy still that of the project.
pub(crate) async fn goes_on(connection: &mut SqliteConnection, id: i64) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM retention_runs r
         JOIN retention_policies rp ON rp.project_id = r.project_id AND rp.policy = r.policy
         JOIN projects p ON p.id = r.project_id AND p.deletion_id IS NULL
         WHERE r.id = $1 AND r.state = 'running'",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Newest first, of those before one.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    project_id: i64,
    before: i64,
    limit: i64,
) -> Result<Vec<Run>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, requested_by, state, started_at, finished_at, kept_tags, removed_tags,
                removed_manifests, error
         FROM retention_runs WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(project_id)
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Run::try_from).collect()
}

pub(crate) async fn set_totals(
    connection: &mut SqliteConnection,
    id: i64,
    totals: &Totals,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE retention_runs SET kept_tags = $2, removed_tags = $3, removed_manifests = $4
         WHERE id = $1",
    )
    .bind(id)
    .bind(signed(totals.kept_tags))
    .bind(signed(totals.removed_tags))
    .bind(signed(totals.removed_manifests))
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    id: i64,
    state: RunState,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("UPDATE retention_runs SET state = $2, error = $3, finished_at = $4 WHERE id = $1")
        .bind(id)
        .bind(state.as_str())
        .bind(error)
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The runs that began before `since` and are under way: the id of each, and its project.
pub(crate) async fn running(
    connection: &mut SqliteConnection,
    since: Timestamp,
) -> Result<Vec<(i64, i64, ProjectName)>, DbError> {
    let rows: Vec<(i64, i64, String)> = sqlx::query_as(
        "SELECT r.id, p.id, p.name FROM retention_runs r JOIN projects p ON p.id = r.project_id
         WHERE r.state = 'running' AND r.started_at < $1 AND p.deletion_id IS NULL",
    )
    .bind(since.0)
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter();
    rows.map(|(id, project_id, project)| {
        Ok((id, project_id, checked(project, "the name of a project")?))
    })
    .collect()
}

/// Forgets the runs of the project that began before `since` or have `most` newer ones, and what they
/// removed.
pub(crate) async fn trim(
    connection: &mut SqliteConnection,
    project_id: i64,
    since: Timestamp,
    most: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM retention_runs
         WHERE project_id = $1 AND state <> 'running'
           AND (started_at < $2
                OR id <= (SELECT id FROM retention_runs WHERE project_id = $1
                          ORDER BY id DESC LIMIT 1 OFFSET $3))",
    )
    .bind(project_id)
    .bind(since.0)
    .bind(most)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks every run that is under way as interrupted.
pub(crate) async fn interrupt(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, DbError> {
    let done = sqlx::query(
        "UPDATE retention_runs SET state = 'interrupted', finished_at = $1 WHERE state = 'running'",
    )
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn add_removal(
    connection: &mut SqliteConnection,
    run: i64,
    removal: &Removal,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO retention_removals (run_id, number, repository, tag, digest, reason)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(run)
    .bind(removal.number)
    .bind(removal.repository.as_str())
    .bind(removal.tag.as_ref().map(Tag::as_str))
    .bind(removal.digest.as_str())
    .bind(&removal.reason)
    .execute(connection)
    .await?;
    Ok(())
}

type RemovalColumns = (i64, String, Option<String>, String, String);

pub(crate) async fn removals(
    connection: &mut SqliteConnection,
    run: i64,
    after: i64,
    limit: i64,
) -> Result<Vec<Removal>, DbError> {
    let rows: Vec<RemovalColumns> = sqlx::query_as(
        "SELECT number, repository, tag, digest, reason FROM retention_removals
         WHERE run_id = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(run)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(number, repository, tag, digest, reason)| {
            let repository: RepositoryName = checked(repository, "the name of a repository")?;
            let digest: Digest = checked(digest, "a digest")?;
            Ok(Removal {
                number,
                repository,
                tag: tag.map(|tag| checked(tag, "a tag")).transpose()?,
                digest,
                reason,
            })
        })
        .collect()
}
