use berth_registry::{DbError, Timestamp, checked};
use sqlx::SqliteConnection;

use crate::engine::Step;
use crate::history::StepState;

/// A step of the journal.
pub(crate) struct Journalled {
    pub(crate) number: i64,
    pub(crate) step: Step,
    pub(crate) state: StepState,
    pub(crate) detail: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) undoing_at: Option<Timestamp>,
    pub(crate) undone_at: Option<Timestamp>,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    deployment: i64,
    number: i64,
    step: &Step,
) -> Result<(), DbError> {
    let json = serde_json::to_string(step).expect("a step is JSON");
    sqlx::query(
        "INSERT INTO deployment_steps (deployment_id, number, step, state)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(deployment)
    .bind(number)
    .bind(json)
    .bind(StepState::Planned.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a step is about to be taken; one that was begun before keeps its time.
pub(crate) async fn start(
    connection: &mut SqliteConnection,
    deployment: i64,
    number: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deployment_steps SET state = $3, started_at = COALESCE(started_at, $4)
         WHERE deployment_id = $1 AND number = $2",
    )
    .bind(deployment)
    .bind(number)
    .bind(StepState::Started.as_str())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes how a step ended.
pub(crate) async fn finish(
    connection: &mut SqliteConnection,
    deployment: i64,
    number: i64,
    state: StepState,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deployment_steps SET state = $3, detail = $4, finished_at = $5
         WHERE deployment_id = $1 AND number = $2",
    )
    .bind(deployment)
    .bind(number)
    .bind(state.as_str())
    .bind(detail)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a step is about to be taken back.
pub(crate) async fn start_undo(
    connection: &mut SqliteConnection,
    deployment: i64,
    number: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deployment_steps SET state = $3, undoing_at = COALESCE(undoing_at, $4)
         WHERE deployment_id = $1 AND number = $2",
    )
    .bind(deployment)
    .bind(number)
    .bind(StepState::Undoing.as_str())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes how taking it back ended. Why the step itself failed is kept.
pub(crate) async fn finish_undo(
    connection: &mut SqliteConnection,
    deployment: i64,
    number: i64,
    state: StepState,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deployment_steps SET state = $3, detail = COALESCE(detail, $4), undone_at = $5
         WHERE deployment_id = $1 AND number = $2",
    )
    .bind(deployment)
    .bind(number)
    .bind(state.as_str())
    .bind(detail)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (
    i64,
    String,
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

/// In their order.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    deployment: i64,
) -> Result<Vec<Journalled>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT number, step, state, detail, started_at, finished_at, undoing_at, undone_at
         FROM deployment_steps WHERE deployment_id = $1 ORDER BY number",
    )
    .bind(deployment)
    .fetch_all(connection)
    .await?;
    let journalled = |row: Columns| {
        let step = serde_json::from_str(&row.1);
        Ok(Journalled {
            number: row.0,
            step: step.map_err(|_| DbError::Inconsistent {
                value: row.1,
                expected: "a step",
            })?,
            state: checked(row.2, "the state of a step")?,
            detail: row.3,
            started_at: row.4.map(Timestamp),
            finished_at: row.5.map(Timestamp),
            undoing_at: row.6.map(Timestamp),
            undone_at: row.7.map(Timestamp),
        })
    };
    rows.into_iter().map(journalled).collect()
}
