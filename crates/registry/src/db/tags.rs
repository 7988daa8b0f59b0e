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

/// Where a tag is.
pub(crate) struct Current {
    pub(crate) manifest_id: i64,
    pub(crate) digest: Digest,
    /// The project, where it has rules of immutable tags.
    pub(crate) ruled_project: Option<i64>,
}

pub(crate) async fn current(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<Current>, DbError> {
    let row: Option<(i64, String, Option<i64>)> = sqlx::query_as(
        "SELECT m.id, m.digest,
                CASE WHEN EXISTS (SELECT 1 FROM immutable_tags i WHERE i.project_id = r.project_id)
                     THEN r.project_id END
         FROM repositories r
         JOIN tags t ON t.repository_id = r.id AND t.name = $2
         JOIN manifests m ON m.id = t.manifest_id
         WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|(manifest_id, digest, ruled_project)| {
        Ok(Current {
            manifest_id,
            digest: checked_value(digest, "a digest")?,
            ruled_project,
        })
    })
    .transpose()
}

/// The project of a manifest, where it has rules of immutable tags.
pub(crate) async fn ruled_project(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT r.project_id
         FROM manifests m JOIN repositories r ON r.id = m.repository_id
         WHERE m.id = $1
           AND EXISTS (SELECT 1 FROM immutable_tags i WHERE i.project_id = r.project_id)",
    )
    .bind(manifest_id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

/// The tags on a manifest and on the indices that lead to it, each with the digest that it is on.
pub(crate) async fn above_manifest(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<Vec<(Tag, Digest)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        // CROSS JOIN has SQLite go up from the one manifest, and not through all of the repository.
        "WITH RECURSIVE above (id, digest, repository_id) AS (
             SELECT m.id, m.digest, m.repository_id FROM manifests m WHERE m.id = $1
             UNION
             SELECT m.id, m.digest, m.repository_id FROM above CROSS JOIN edges e CROSS JOIN manifests m
             WHERE e.repository_id = above.repository_id AND e.digest = above.digest
               AND e.kind = 'child' AND m.id = e.manifest_id)
         SELECT t.name, above.digest FROM above CROSS JOIN tags t
         WHERE t.manifest_id = above.id ORDER BY t.name",
    )
    .bind(manifest_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(tag, digest)| {
            Ok((
                checked_value(tag, "a tag")?,
                checked_value(digest, "a digest")?,
            ))
        })
        .collect()
}

/// Points the tag at the manifest and writes the event that says so (invariant 3).
pub(crate) async fn move_to(
    connection: &mut SqliteConnection,
    tag: &Move<'_>,
    old: Option<&Current>,
) -> Result<(), DbError> {
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
    .bind(old.map(|old| old.digest.as_str()))
    .bind(tag.digest.as_str())
    .bind(tag.actor)
    .bind(tag.cause.as_str())
    .bind(tag.at.0)
    .execute(&mut *connection)
    .await?;
    super::manifests::set_tagged(connection, tag.manifest_id).await?;
    match old.filter(|old| old.manifest_id != tag.manifest_id) {
        Some(old) => super::manifests::set_untagged(connection, old.manifest_id, tag.at).await,
        None => Ok(()),
    }
}

pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
    now: Timestamp,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "DELETE FROM tags WHERE repository_id = (SELECT id FROM repositories WHERE name = $1) AND name = $2
         RETURNING manifest_id",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    if let Some((manifest_id,)) = row {
        super::manifests::set_untagged(connection, manifest_id, now).await?;
    }
    Ok(row.is_some())
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

/// As [`list`], of a repository by its name; nothing when there is none.
pub(crate) async fn list_in(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    page: &Page,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    // One row, since each costs more than finding the tag. Names hold no space.
    let (names,): (Option<String>,) = sqlx::query_as(
        "SELECT STRING_AGG(name, ' ')
         FROM (SELECT t.name AS name FROM repositories r JOIN tags t ON t.repository_id = r.id
               WHERE r.name = $1 AND t.name > $2 ORDER BY t.name LIMIT $3) page",
    )
    .bind(repository.as_str())
    .bind(page.last.as_deref().unwrap_or_default())
    .bind(limit)
    .fetch_one(connection)
    .await?;
    let names = names.unwrap_or_default();
    let mut names: Vec<_> = names.split_ascii_whitespace().map(str::to_owned).collect();
    // They come in order, which no database promises.
    names.sort_unstable();
    Ok(names)
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
