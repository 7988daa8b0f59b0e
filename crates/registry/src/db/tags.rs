use berth_oci::{Digest, Page, RepositoryName, Tag};
use sqlx::SqliteConnection;

use super::{DbError, checked as checked_value};
use crate::clock::Timestamp;

/// Why a tag moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Push,
    Retag,
    /// An upstream has moved it.
    Fill,
    /// Its deletion was taken back.
    Restore,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Retag => "retag",
            Self::Fill => "fill",
            Self::Restore => "restore",
        }
    }
}

pub(crate) struct Move<'m> {
    pub(crate) repository: &'m RepositoryName,
    pub(crate) repository_id: i64,
    pub(crate) tag: &'m Tag,
    pub(crate) manifest_id: i64,
    pub(crate) digest: &'m Digest,
    pub(crate) actor: Option<&'m str>,
    pub(crate) cause: Cause,
    pub(crate) at: Timestamp,
}

/// Points the tag at the manifest and writes the event that says so (invariant 3).
pub(crate) async fn move_to(
    connection: &mut SqliteConnection,
    tag: &Move<'_>,
) -> Result<(), DbError> {
    let old: Option<(String,)> = sqlx::query_as(
        "SELECT m.digest FROM tags t JOIN manifests m ON m.id = t.manifest_id
         WHERE t.repository_id = $1 AND t.name = $2",
    )
    .bind(tag.repository_id)
    .bind(tag.tag.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO tags (repository_id, name, manifest_id, pushed_at, pushed_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (repository_id, name) DO UPDATE
         SET manifest_id = excluded.manifest_id, pushed_at = excluded.pushed_at, pushed_by = excluded.pushed_by",
    )
    .bind(tag.repository_id)
    .bind(tag.tag.as_str())
    .bind(tag.manifest_id)
    .bind(tag.at.0)
    .bind(tag.actor)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO tag_events (repository, tag, old_digest, new_digest, actor, cause, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tag.repository.as_str())
    .bind(tag.tag.as_str())
    .bind(old.map(|(digest,)| digest))
    .bind(tag.digest.as_str())
    .bind(tag.actor)
    .bind(tag.cause.as_str())
    .bind(tag.at.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "DELETE FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = $1) AND name = $2",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// When the upstream was last heard to have the tag where it is, and its digest.
pub(crate) async fn checked(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<(Digest, Timestamp)>, DbError> {
    let row: Option<(String, Option<i64>)> = sqlx::query_as(
        "SELECT m.digest, t.checked_at
         FROM repositories r
         JOIN tags t ON t.repository_id = r.id AND t.name = $2
         JOIN manifests m ON m.id = t.manifest_id
         WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|(digest, at)| {
        let digest = checked_value(digest, "a digest")?;
        Ok((digest, Timestamp(at.unwrap_or_default())))
    })
    .transpose()
}

pub(crate) async fn set_checked(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE tags SET checked_at = $3
         WHERE repository_id = (SELECT id FROM repositories WHERE name = $1) AND name = $2",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Names in order of their bytes.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    repository_id: i64,
    page: &Page,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3",
    )
    .bind(repository_id)
    .bind(page.last.as_deref().unwrap_or_default())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}
