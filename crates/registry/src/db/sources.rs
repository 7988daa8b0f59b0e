use berth_oci::ProjectName;
use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::cache::ProjectKind;
use crate::clock::Timestamp;

pub(crate) struct SourceRow {
    pub(crate) name: ProjectName,
    pub(crate) kind: ProjectKind,
    /// JSON.
    pub(crate) settings: String,
    pub(crate) sealed: Option<Vec<u8>>,
}

type Columns = (String, String, String, Option<Vec<u8>>);

impl TryFrom<Columns> for SourceRow {
    type Error = DbError;

    fn try_from((name, kind, settings, sealed): Columns) -> Result<Self, DbError> {
        Ok(Self {
            name: checked(name, "the name of a project")?,
            kind: checked(kind, "the kind of a project")?,
            settings,
            sealed,
        })
    }
}

/// In order of the bytes of their names.
pub(crate) async fn list(connection: &mut SqliteConnection) -> Result<Vec<SourceRow>, DbError> {
    let rows: Vec<Columns> =
        sqlx::query_as("SELECT name, kind, settings, sealed FROM sources ORDER BY name")
            .fetch_all(connection)
            .await?;
    rows.into_iter().map(SourceRow::try_from).collect()
}

pub(crate) async fn exists(
    connection: &mut SqliteConnection,
    name: &ProjectName,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM sources WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Stores one, in place of what was there under its name.
pub(crate) async fn put(
    connection: &mut SqliteConnection,
    row: &SourceRow,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO sources (name, kind, settings, sealed, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name) DO UPDATE
         SET kind = excluded.kind, settings = excluded.settings, sealed = excluded.sealed",
    )
    .bind(row.name.as_str())
    .bind(row.kind.as_str())
    .bind(&row.settings)
    .bind(&row.sealed)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn forget_sealed(
    connection: &mut SqliteConnection,
    name: &ProjectName,
) -> Result<(), DbError> {
    sqlx::query("UPDATE sources SET sealed = NULL WHERE name = $1")
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn set_sealed(
    connection: &mut SqliteConnection,
    name: &ProjectName,
    sealed: &[u8],
) -> Result<(), DbError> {
    sqlx::query("UPDATE sources SET sealed = $2 WHERE name = $1")
        .bind(name.as_str())
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    name: &ProjectName,
) -> Result<bool, DbError> {
    let done = sqlx::query("DELETE FROM sources WHERE name = $1")
        .bind(name.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}
