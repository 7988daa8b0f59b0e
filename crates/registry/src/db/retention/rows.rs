//! What a run and a preview read of repositories.

use std::collections::HashSet;

use berth_oci::{Digest, ProjectName, RepositoryName, Tag};
use futures_util::future::ready;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::SqliteConnection;

use super::super::{DbError, checked};
use crate::clock::Timestamp;

/// The first repository of the project whose name is `from` or comes behind it, and is not `but`.
pub(crate) async fn next_repository(
    connection: &mut SqliteConnection,
    project: &ProjectName,
    from: &str,
    but: &str,
) -> Result<Option<(i64, RepositoryName)>, DbError> {
    let row: Option<(i64, String)> = sqlx::query_as(
        "SELECT r.id, r.name FROM repositories r
         WHERE r.name >= $2 AND r.name <> $3 AND r.name < $4 AND r.deletion_id IS NULL
           AND r.project_id = (SELECT p.id FROM projects p WHERE p.name = $1)
         ORDER BY r.name LIMIT 1",
    )
    .bind(project.as_str())
    .bind(from.max(project.as_str()))
    .bind(but)
    // Behind every name that begins with the project and `/`.
    .bind(format!("{project}0"))
    .fetch_optional(connection)
    .await?;
    row.map(|(id, name)| Ok((id, checked(name, "the name of a repository")?)))
        .transpose()
}

/// The place of the newest note of a change.
pub(crate) async fn last_change(connection: &mut SqliteConnection) -> Result<i64, DbError> {
    let (last,): (Option<i64>,) = sqlx::query_as("SELECT MAX(sequence) FROM changes")
        .fetch_one(connection)
        .await?;
    Ok(last.unwrap_or_default())
}

/// Whether a tag of the repository was deleted since then, and is not there again.
pub(crate) async fn tag_deleted_since(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    sequence: i64,
) -> Result<bool, DbError> {
    // Subjects are `repository:tag`, and `;` comes behind `:`.
    let (first, last) = (format!("{repository}:"), format!("{repository};"));
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM changes c
         WHERE c.sequence > $1 AND c.topic = 'tag' AND c.subject >= $2 AND c.subject < $3
           AND NOT EXISTS (
               SELECT 1 FROM repositories r JOIN tags t ON t.repository_id = r.id
               WHERE r.name = $4 AND t.name = SUBSTR(c.subject, $5))
         LIMIT 1",
    )
    .bind(sequence)
    .bind(&first)
    .bind(&last)
    .bind(repository.as_str())
    // SUBSTR counts from 1.
    .bind(
        i64::try_from(first.len())
            .unwrap_or(i64::MAX)
            .saturating_add(1),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

pub(crate) struct TagColumns {
    pub(crate) tag: Tag,
    pub(crate) manifest_id: i64,
    pub(crate) pushed_at: Timestamp,
    pub(crate) pulled_at: Option<Timestamp>,
}

type Columns = (String, i64, i64, Option<i64>, Option<i64>);

impl TryFrom<Columns> for TagColumns {
    type Error = DbError;

    fn try_from(
        (tag, manifest_id, pushed_at, by_tag, by_any_name): Columns,
    ) -> Result<Self, DbError> {
        Ok(Self {
            tag: checked(tag, "a tag")?,
            manifest_id,
            pushed_at: Timestamp(pushed_at),
            pulled_at: by_tag.max(by_any_name).map(Timestamp),
        })
    }
}

/// Every tag of the repository, in order of their bytes, as they are at one moment.
pub(crate) async fn tags(
    connection: &mut SqliteConnection,
    repository_id: i64,
) -> Result<Vec<TagColumns>, DbError> {
    sqlx::query_as::<_, Columns>(
        "SELECT t.name, t.manifest_id, t.pushed_at, t.last_pulled_at, mp.last_pulled_at
         FROM tags t LEFT JOIN manifest_pulls mp ON mp.manifest_id = t.manifest_id
         WHERE t.repository_id = $1 ORDER BY t.name",
    )
    .bind(repository_id)
    .fetch(connection)
    .map_err(DbError::from)
    .and_then(async |columns| TagColumns::try_from(columns))
    .try_collect()
    .await
}

/// The manifests of the repository after which its tags `sha256-<hex>` and `sha256-<hex>.<what>` are
/// named.
pub(crate) async fn subjects_of_tags(
    connection: &mut SqliteConnection,
    repository_id: i64,
) -> Result<HashSet<Digest>, DbError> {
    sqlx::query_as::<_, (String,)>(
        // `.` comes behind `-`.
        "SELECT m.digest FROM tags t CROSS JOIN manifests m
         WHERE t.repository_id = $1 AND t.name >= 'sha256-' AND t.name < 'sha256.'
           AND m.repository_id = $1 AND m.digest = 'sha256:' || SUBSTR(t.name, 8, 64)",
    )
    .bind(repository_id)
    .fetch(connection)
    .map_err(DbError::from)
    .and_then(async |(digest,)| checked(digest, "a digest"))
    .try_collect()
    .await
}

type ColumnsWithDigest = (String, i64, i64, Option<i64>, Option<i64>, String);

pub(crate) async fn tag(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<(TagColumns, Digest)>, DbError> {
    let row: Option<ColumnsWithDigest> = sqlx::query_as(
        "SELECT t.name, t.manifest_id, t.pushed_at, t.last_pulled_at, mp.last_pulled_at, m.digest
         FROM repositories r
         JOIN tags t ON t.repository_id = r.id AND t.name = $2
         JOIN manifests m ON m.id = t.manifest_id
         LEFT JOIN manifest_pulls mp ON mp.manifest_id = m.id
         WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(
        |(tag, manifest_id, pushed_at, by_tag, by_any_name, digest)| {
            let columns = (tag, manifest_id, pushed_at, by_tag, by_any_name);
            Ok((columns.try_into()?, checked(digest, "a digest")?))
        },
    )
    .transpose()
}

pub(crate) async fn digest(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<Option<Digest>, DbError> {
    let row: Option<(String,)> = sqlx::query_as("SELECT digest FROM manifests WHERE id = $1")
        .bind(manifest_id)
        .fetch_optional(connection)
        .await?;
    row.map(|(digest,)| checked(digest, "a digest")).transpose()
}

/// The manifests of the repository that are held, those of held indices among them.
pub(crate) async fn held(
    connection: &mut SqliteConnection,
    repository_id: i64,
    repository: &RepositoryName,
) -> Result<HashSet<i64>, DbError> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        // CROSS JOIN has SQLite begin with the few that are held, and not with all of the repository.
        "WITH RECURSIVE held (id) AS (
             SELECT m.id FROM held_manifests h CROSS JOIN manifests m
             WHERE h.repository = $2 AND m.repository_id = $1 AND m.digest = h.digest
             UNION
             SELECT m.id FROM held CROSS JOIN edges e CROSS JOIN manifests m
             WHERE e.manifest_id = held.id AND e.kind = 'child'
               AND m.repository_id = $1 AND m.digest = e.digest)
         SELECT id FROM held",
    )
    .bind(repository_id)
    .bind(repository.as_str())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The manifests that have had no tag since `until` or longer, in order of their ids.
pub(crate) async fn untagged(
    connection: &mut SqliteConnection,
    repository_id: i64,
    until: Timestamp,
) -> Result<Vec<i64>, DbError> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT id FROM manifests WHERE repository_id = $1 AND untagged_at <= $2 ORDER BY id",
    )
    .bind(repository_id)
    .bind(until.0)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The first of those of [`untagged`] that are `wanted` and whose digest comes behind one, in order of
/// their digests.
pub(crate) async fn untagged_digests(
    connection: &mut SqliteConnection,
    repository_id: i64,
    until: Timestamp,
    after: &str,
    wanted: &HashSet<i64>,
    limit: usize,
) -> Result<Vec<Digest>, DbError> {
    sqlx::query_as::<_, (i64, String)>(
        "SELECT id, digest FROM manifests
         WHERE repository_id = $1 AND untagged_at <= $2 AND digest > $3 ORDER BY digest",
    )
    .bind(repository_id)
    .bind(until.0)
    .bind(after)
    .fetch(connection)
    .map_err(DbError::from)
    .try_filter(|(id, _)| ready(wanted.contains(id)))
    .take(limit)
    .and_then(async |(_, digest)| checked(digest, "a digest"))
    .try_collect()
    .await
}

/// For those of [`untagged`], the indices that name each of them, and its subject.
pub(crate) async fn in_the_way(
    connection: &mut SqliteConnection,
    repository_id: i64,
    until: Timestamp,
) -> Result<Vec<(i64, i64)>, DbError> {
    let rows = sqlx::query_as(
        "SELECT m.id, e.manifest_id
         FROM manifests m
         JOIN edges e ON e.repository_id = m.repository_id AND e.digest = m.digest AND e.kind = 'child'
         WHERE m.repository_id = $1 AND m.untagged_at <= $2
         UNION
         SELECT m.id, s.id
         FROM manifests m
         JOIN edges e ON e.manifest_id = m.id AND e.kind = 'subject'
         JOIN manifests s ON s.repository_id = m.repository_id AND s.digest = e.digest
         WHERE m.repository_id = $1 AND m.untagged_at <= $2",
    )
    .bind(repository_id)
    .bind(until.0)
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// The digest of a manifest that has had no tag since `until` or longer, while nothing of its
/// repository needs it.
pub(crate) async fn unneeded(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    manifest_id: i64,
    until: Timestamp,
) -> Result<Option<Digest>, DbError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT m.digest FROM manifests m JOIN repositories r ON r.id = m.repository_id
         WHERE m.id = $1 AND m.untagged_at <= $2 AND r.name = $3
           AND NOT EXISTS (
               SELECT 1 FROM edges e
               WHERE e.repository_id = m.repository_id AND e.digest = m.digest AND e.kind = 'child')
           AND NOT EXISTS (
               SELECT 1 FROM edges e JOIN manifests s
                 ON s.repository_id = m.repository_id AND s.digest = e.digest
               WHERE e.manifest_id = m.id AND e.kind = 'subject')",
    )
    .bind(manifest_id)
    .bind(until.0)
    .bind(repository.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|(digest,)| checked(digest, "a digest")).transpose()
}
