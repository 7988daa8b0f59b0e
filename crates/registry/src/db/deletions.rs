//! What was deleted, and how its rows go out of sight, come back, and are removed.

use berth_oci::{Digest, ProjectName, RepositoryName, Tag};
use sqlx::SqliteConnection;

use super::{DbError, checked};
use crate::clock::Timestamp;
use crate::deletion::{Deleted, Deletion};

/// A deletion that is about to be noted.
pub(crate) struct NewDeletion<'d> {
    pub(crate) project_id: i64,
    pub(crate) deleted: &'d Deleted,
    pub(crate) by: &'d str,
    pub(crate) at: Timestamp,
    pub(crate) purge_at: Timestamp,
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewDeletion<'_>,
) -> Result<i64, DbError> {
    let deleted = new.deleted;
    let (id,) = sqlx::query_as(
        "INSERT INTO deletions (kind, project_id, project, repository, tag, digest, deleted_by, deleted_at, purge_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    )
    .bind(deleted.kind())
    .bind(new.project_id)
    .bind(deleted.project().as_str().to_owned())
    .bind(deleted.repository().map(RepositoryName::as_str))
    .bind(deleted.tag().map(Tag::as_str))
    .bind(deleted.digest().map(Digest::as_str))
    .bind(new.by)
    .bind(new.at.0)
    .bind(new.purge_at.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

type Columns = (
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    i64,
    i64,
);

/// Of those whose project is there, or is what was deleted: somebody else's project of the same name
/// has nothing to do with them.
const SELECT: &str = "SELECT d.id, d.kind, d.project, d.repository, d.tag, d.digest, d.deleted_by,
            d.deleted_at, d.purge_at
     FROM deletions d JOIN projects p ON p.id = d.project_id
         AND (p.name = d.project OR p.deletion_id = d.id)
     ";

fn deletion(columns: Columns) -> Result<Deletion, DbError> {
    let (id, kind, project, repository, tag, digest, by, at, purge_at) = columns;
    let lacking = |value: &str| DbError::Inconsistent {
        value: value.to_owned(),
        expected: "a deletion of this kind",
    };
    let repository = repository
        .map(|name| checked::<RepositoryName>(name, "the name of a repository"))
        .transpose()?;
    let digest = digest
        .map(|digest| checked::<Digest>(digest, "a digest"))
        .transpose()?;
    let deleted = match (kind.as_str(), repository, tag, digest) {
        ("project", None, None, None) => {
            Deleted::Project(checked::<ProjectName>(project, "the name of a project")?)
        }
        ("repository", Some(name), None, None) => Deleted::Repository(name),
        ("manifest", Some(repository), None, Some(digest)) => {
            Deleted::Manifest { repository, digest }
        }
        ("tag", Some(repository), Some(tag), Some(digest)) => Deleted::Tag {
            repository,
            tag: checked(tag, "a tag")?,
            digest,
        },
        (kind, ..) => return Err(lacking(kind)),
    };
    Ok(Deletion {
        id,
        deleted,
        by,
        at: Timestamp(at),
        purge_at: Timestamp(purge_at),
    })
}

/// Notes how the tag that is deleted was pushed.
pub(crate) async fn note_push(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    repository_id: i64,
    tag: &Tag,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE deletions
         SET pushed_at = (SELECT pushed_at FROM tags WHERE repository_id = $2 AND name = $3),
             pushed_by = (SELECT pushed_by FROM tags WHERE repository_id = $2 AND name = $3)
         WHERE id = $1",
    )
    .bind(deletion_id)
    .bind(repository_id)
    .bind(tag.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// The tag that was deleted, and how it was pushed.
pub(crate) async fn tag(
    connection: &mut SqliteConnection,
    deletion_id: i64,
) -> Result<Option<HiddenTag>, DbError> {
    let row: Option<(String, i64, Option<String>)> = sqlx::query_as(
        "SELECT tag, pushed_at, pushed_by FROM deletions
         WHERE id = $1 AND tag IS NOT NULL AND pushed_at IS NOT NULL",
    )
    .bind(deletion_id)
    .fetch_optional(connection)
    .await?;
    row.map(HiddenTag::try_from).transpose()
}

/// Gives a tag that is back the push that it had.
pub(crate) async fn put_push(
    connection: &mut SqliteConnection,
    repository_id: i64,
    hidden: &HiddenTag,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE tags SET pushed_at = $3, pushed_by = $4 WHERE repository_id = $1 AND name = $2",
    )
    .bind(repository_id)
    .bind(hidden.tag.as_str())
    .bind(hidden.pushed_at.0)
    .bind(hidden.pushed_by.as_deref())
    .execute(connection)
    .await?;
    Ok(())
}

/// The deletion, if it can still be taken back.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    id: i64,
    now: Timestamp,
) -> Result<Option<Deletion>, DbError> {
    let row: Option<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{SELECT} WHERE d.id = $1 AND d.purge_at > $2"
    )))
    .bind(id)
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    row.map(deletion).transpose()
}

/// Those that can still be taken back, the newest first.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    project: Option<&ProjectName>,
    before: i64,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Deletion>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
        "{SELECT} WHERE d.id < $1 AND d.purge_at > $2 AND ($3 IS NULL OR d.project = $3)
         ORDER BY d.id DESC LIMIT $4"
    )))
    .bind(before)
    .bind(now.0)
    .bind(project.map(ProjectName::as_str))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(deletion).collect()
}

/// Nothing of it can be taken back any longer.
pub(crate) async fn give_up(
    connection: &mut SqliteConnection,
    id: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("UPDATE deletions SET purge_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes deletions of tags that can no longer be taken back, which have no other rows; how many.
pub(crate) async fn purge_tags(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DbError> {
    let done = sqlx::query(
        "DELETE FROM deletions WHERE id IN (
             SELECT id FROM deletions WHERE purge_at <= $1 AND kind = 'tag' LIMIT $2)",
    )
    .bind(now.0)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// One that can no longer be taken back, and whose rows are to go.
pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<Option<i64>, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT id FROM deletions WHERE purge_at <= $1 ORDER BY purge_at, id LIMIT 1",
    )
    .bind(now.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn next_due(
    connection: &mut SqliteConnection,
) -> Result<Option<Timestamp>, DbError> {
    let (at,): (Option<i64>,) = sqlx::query_as("SELECT MIN(purge_at) FROM deletions")
        .fetch_one(connection)
        .await?;
    Ok(at.map(Timestamp))
}

/// Makes the repository that holds what a deletion of one manifest has taken out of `repository_id`.
pub(crate) async fn shelve(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    repository_id: i64,
    now: Timestamp,
) -> Result<i64, DbError> {
    let (shelf,) = sqlx::query_as(
        "INSERT INTO repositories (project_id, name, created_at, deletion_id)
         SELECT project_id, '.' || $1 || '/' || name, $3, $1 FROM repositories WHERE id = $2
         RETURNING id",
    )
    .bind(deletion_id)
    .bind(repository_id)
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(shelf)
}

/// Moves a manifest, with its edges and tags, to another repository, which is given its blobs; they
/// count for no project there.
pub(crate) async fn move_manifest(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    to: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO repository_blobs (repository_id, blob_id, created_at)
         SELECT $2, b.id, $3
         FROM edges e
         JOIN blobs b ON b.digest = e.digest
         JOIN repository_blobs rb ON rb.repository_id = e.repository_id AND rb.blob_id = b.id
         WHERE e.manifest_id = $1 AND e.kind IN ('blob', 'child')
         ON CONFLICT (repository_id, blob_id) DO NOTHING",
    )
    .bind(manifest_id)
    .bind(to)
    .bind(now.0)
    .execute(&mut *connection)
    .await?;
    for statement in [
        "UPDATE tags SET repository_id = $2
         WHERE manifest_id = $1
           AND repository_id = (SELECT repository_id FROM manifests WHERE id = $1)",
        "UPDATE edges SET repository_id = $2 WHERE manifest_id = $1",
        "UPDATE manifests SET repository_id = $2 WHERE id = $1",
    ] {
        sqlx::query(statement)
            .bind(manifest_id)
            .bind(to)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Puts a repository out of sight; its blobs count for no project. Its name can be used again.
pub(crate) async fn hide_repository(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    repository_id: i64,
) -> Result<(), DbError> {
    for statement in [
        "INSERT INTO retired_repositories (name)
         SELECT r.name FROM repositories r JOIN projects p ON p.id = r.project_id
         WHERE r.id = $1 AND p.kind = 'hosted'
         ON CONFLICT (name) DO NOTHING",
        "UPDATE repository_blobs SET project_id = NULL WHERE repository_id = $1",
    ] {
        sqlx::query(statement)
            .bind(repository_id)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "UPDATE repositories SET name = '.' || $1 || '/' || name, deletion_id = $1 WHERE id = $2",
    )
    .bind(deletion_id)
    .bind(repository_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a project out of sight, with its robots. The name of a hosted one is remembered.
pub(crate) async fn hide_project(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    project_id: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO retired_projects (name)
         SELECT name FROM projects WHERE id = $1 AND kind = 'hosted'
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(project_id)
    .execute(&mut *connection)
    .await?;
    for statement in [
        "UPDATE robots SET login = '.' || $1 || '/' || login WHERE project_id = $2",
        "UPDATE projects SET name = '.' || $1, deletion_id = $1 WHERE id = $2",
    ] {
        sqlx::query(statement)
            .bind(deletion_id)
            .bind(project_id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A repository that a deletion has put out of sight.
pub(crate) struct Hidden {
    pub(crate) id: i64,
    /// Its name of before.
    pub(crate) name: RepositoryName,
}

pub(crate) async fn hidden(
    connection: &mut SqliteConnection,
    deletion_id: i64,
) -> Result<Vec<Hidden>, DbError> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT id, SUBSTR(name, LENGTH('.' || $1 || '/') + 1) FROM repositories
         WHERE deletion_id = $1 ORDER BY id",
    )
    .bind(deletion_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, name)| {
            Ok(Hidden {
                id,
                name: checked(name, "the name of a repository")?,
            })
        })
        .collect()
}

/// Brings a whole repository back under its name, which nobody has taken; its blobs count again. What
/// has no tag has had none since now.
pub(crate) async fn show_repository(
    connection: &mut SqliteConnection,
    hidden: &Hidden,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("UPDATE repositories SET name = $2, deletion_id = NULL WHERE id = $1")
        .bind(hidden.id)
        .bind(hidden.name.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE repository_blobs
         SET project_id = (SELECT project_id FROM repositories WHERE id = $1)
         WHERE repository_id = $1",
    )
    .bind(hidden.id)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE manifests SET untagged_at = $2 WHERE repository_id = $1 AND untagged_at IS NOT NULL",
    )
    .bind(hidden.id)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Brings the project back under its name, if nobody has taken that. Its retention runs after its
/// period.
pub(crate) async fn show_project(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    name: &ProjectName,
    now: Timestamp,
) -> Result<bool, DbError> {
    let shown: Option<(i64,)> = sqlx::query_as(
        "UPDATE projects SET name = $2, deletion_id = NULL
         WHERE deletion_id = $1 AND NOT EXISTS (SELECT 1 FROM projects WHERE name = $2)
         RETURNING id",
    )
    .bind(deletion_id)
    .bind(name.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some((project_id,)) = shown else {
        return Ok(false);
    };
    sqlx::query(
        "UPDATE robots SET login = SUBSTR(login, LENGTH('.' || $1 || '/') + 1) WHERE project_id = $2",
    )
    .bind(deletion_id)
    .bind(project_id)
    .execute(&mut *connection)
    .await?;
    super::retention::policies::restart(connection, project_id, now).await?;
    Ok(true)
}

/// The manifests of a repository that was put out of sight.
pub(crate) async fn manifests(
    connection: &mut SqliteConnection,
    repository_id: i64,
) -> Result<Vec<(i64, Digest, u64)>, DbError> {
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(
        "SELECT id, digest, size_bytes FROM manifests WHERE repository_id = $1 ORDER BY id",
    )
    .bind(repository_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, digest, size)| Ok((id, checked(digest, "a digest")?, super::unsigned(size))))
        .collect()
}

/// A tag that was deleted, by itself or with its manifest, and its push.
pub(crate) struct HiddenTag {
    pub(crate) tag: Tag,
    pub(crate) pushed_at: Timestamp,
    pub(crate) pushed_by: Option<String>,
}

pub(crate) async fn tags_of(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<Vec<HiddenTag>, DbError> {
    let rows: Vec<(String, i64, Option<String>)> = sqlx::query_as(
        "SELECT name, pushed_at, pushed_by FROM tags WHERE manifest_id = $1 ORDER BY name",
    )
    .bind(manifest_id)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(HiddenTag::try_from).collect()
}

impl TryFrom<(String, i64, Option<String>)> for HiddenTag {
    type Error = DbError;

    fn try_from(
        (name, pushed_at, pushed_by): (String, i64, Option<String>),
    ) -> Result<Self, DbError> {
        Ok(Self {
            tag: checked(name, "a tag")?,
            pushed_at: Timestamp(pushed_at),
            pushed_by,
        })
    }
}

/// Takes its tags from a manifest that was put out of sight.
pub(crate) async fn untag(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM tags WHERE manifest_id = $1")
        .bind(manifest_id)
        .execute(&mut *connection)
        .await?;
    super::manifests::set_untagged(connection, manifest_id, now).await
}

/// Removes a part of the tags and manifests that a deletion holds; how many manifests went.
pub(crate) async fn purge_manifests(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    limit: i64,
) -> Result<u64, DbError> {
    let part = "SELECT m.id FROM repositories r JOIN manifests m ON m.repository_id = r.id
                WHERE r.deletion_id = $1
                   OR r.project_id IN (SELECT p.id FROM projects p WHERE p.deletion_id = $1)
                LIMIT $2";
    let rows: Vec<(i64,)> = sqlx::query_as(part)
        .bind(deletion_id)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    for &(id,) in &rows {
        super::manifests::delete(connection, id).await?;
    }
    Ok(rows.len() as u64)
}

/// Removes what is left of a deletion whose manifests and blobs are gone.
pub(crate) async fn purge_rest(
    connection: &mut SqliteConnection,
    deletion_id: i64,
) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM repositories
         WHERE deletion_id = $1
            OR project_id IN (SELECT p.id FROM projects p WHERE p.deletion_id = $1)",
        // Those of what was in a project that goes.
        "DELETE FROM deletions
         WHERE project_id IN (SELECT p.id FROM projects p WHERE p.deletion_id = $1)",
        "DELETE FROM projects WHERE deletion_id = $1",
        "DELETE FROM deletions WHERE id = $1",
    ] {
        sqlx::query(statement)
            .bind(deletion_id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
