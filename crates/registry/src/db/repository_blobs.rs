//! Which repositories have which blobs. A row is there by upload, mount or fill; when nothing in its
//! repository names the blob it has a time at which that is looked at again.

use std::collections::BTreeSet;

use berth_oci::{Digest, RepositoryName};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::blobs::BlobRow;
use super::{DbError, project_usage, unsigned};
use crate::clock::Timestamp;
use crate::store::Key;

/// Most rows of one statement.
const MOST: usize = 100;

/// That a repository has a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) repository_id: i64,
    pub(crate) blob_id: i64,
}

/// Gives the repository the blob until `collect_at`, or for as long as a manifest names it. Again is
/// no error. Tells whether the project did not have it before.
pub(crate) async fn give(
    connection: &mut SqliteConnection,
    link: Link,
    now: Timestamp,
    collect_at: Timestamp,
) -> Result<bool, DbError> {
    let (project_id, counted): (i64, bool) = sqlx::query_as(
        "SELECT r.project_id, EXISTS (
             SELECT 1 FROM repository_blobs rb WHERE rb.project_id = r.project_id AND rb.blob_id = $2)
         FROM repositories r WHERE r.id = $1",
    )
    .bind(link.repository_id)
    .bind(link.blob_id)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO repository_blobs (repository_id, blob_id, created_at, collect_at, project_id)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (repository_id, blob_id) DO UPDATE
         SET project_id = excluded.project_id,
             collect_at = CASE WHEN repository_blobs.collect_at < excluded.collect_at
                               THEN excluded.collect_at ELSE repository_blobs.collect_at END",
    )
    .bind(link.repository_id)
    .bind(link.blob_id)
    .bind(now.0)
    .bind(collect_at.0)
    .bind(project_id)
    .execute(connection)
    .await?;
    Ok(!counted)
}

/// Puts off the look at a blob, if it is waiting for one; `false` when it is gone.
pub(crate) async fn renew(
    connection: &mut SqliteConnection,
    link: Link,
    collect_at: Timestamp,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE repository_blobs
         SET collect_at = CASE WHEN collect_at < $3 THEN $3 ELSE collect_at END
         WHERE repository_id = $1 AND blob_id = $2",
    )
    .bind(link.repository_id)
    .bind(link.blob_id)
    .bind(collect_at.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The blobs of a manifest that count for no project, since what named them before is gone: they
/// count from now on. Those that the project did not have beside come back.
pub(crate) async fn count_named(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<Vec<BlobRow>, DbError> {
    let rows: Vec<(i64, i64, String, i64)> = sqlx::query_as(
        "SELECT b.id, b.size_bytes, b.key, rb.repository_id
         FROM edges e
         JOIN blobs b ON b.digest = e.digest
         JOIN repository_blobs rb ON rb.repository_id = e.repository_id AND rb.blob_id = b.id
         WHERE e.manifest_id = $1 AND e.kind IN ('blob', 'child') AND rb.project_id IS NULL",
    )
    .bind(manifest_id)
    .fetch_all(&mut *connection)
    .await?;
    let mut new = Vec::new();
    for (id, size_bytes, key, repository_id) in rows {
        let link = Link {
            repository_id,
            blob_id: id,
        };
        if count(connection, link).await? {
            new.push(BlobRow::from((id, size_bytes, key)));
        }
    }
    Ok(new)
}

/// Lets the blob count for the project of its repository; tells whether none there counted before.
async fn count(connection: &mut SqliteConnection, link: Link) -> Result<bool, DbError> {
    let row: Option<(bool,)> = sqlx::query_as(
        "UPDATE repository_blobs
         SET project_id = (SELECT r.project_id FROM repositories r WHERE r.id = $1)
         WHERE repository_id = $1 AND blob_id = $2
         RETURNING (SELECT COUNT(*) FROM repository_blobs other
                    WHERE other.project_id = (SELECT r.project_id FROM repositories r WHERE r.id = $1)
                      AND other.blob_id = $2 AND other.repository_id <> $1) = 0",
    )
    .bind(link.repository_id)
    .bind(link.blob_id)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some_and(|(new,)| new))
}

/// Of the blobs that the manifest names, those that no other manifest of its repository does: they
/// count for nobody from now on, and are looked at again at a time.
pub(crate) async fn leave_unnamed(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    collect_at: Timestamp,
) -> Result<(), DbError> {
    let rows: Vec<(i64, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT rb.repository_id, b.id, b.size_bytes, rb.project_id
         FROM edges e
         JOIN blobs b ON b.digest = e.digest
         JOIN repository_blobs rb ON rb.repository_id = e.repository_id AND rb.blob_id = b.id
         WHERE e.manifest_id = $1 AND e.kind IN ('blob', 'child') AND NOT EXISTS (
             SELECT 1 FROM edges other
             WHERE other.repository_id = e.repository_id AND other.digest = e.digest
               AND other.kind IN ('blob', 'child') AND other.manifest_id <> e.manifest_id)",
    )
    .bind(manifest_id)
    .fetch_all(&mut *connection)
    .await?;
    for (repository_id, blob_id, size_bytes, project_id) in rows {
        sqlx::query(
            "UPDATE repository_blobs
             SET project_id = NULL,
                 collect_at = CASE WHEN collect_at > $3 THEN collect_at ELSE $3 END
             WHERE repository_id = $1 AND blob_id = $2",
        )
        .bind(repository_id)
        .bind(blob_id)
        .bind(collect_at.0)
        .execute(&mut *connection)
        .await?;
        if let Some(project_id) = project_id {
            discount(connection, project_id, blob_id, unsigned(size_bytes)).await?;
        }
    }
    Ok(())
}

/// Takes the blob off what the project has, unless one of its repositories still counts it.
async fn discount(
    connection: &mut SqliteConnection,
    project_id: i64,
    blob_id: i64,
    size_bytes: u64,
) -> Result<(), DbError> {
    let counts: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM repository_blobs WHERE project_id = $1 AND blob_id = $2 LIMIT 1",
    )
    .bind(project_id)
    .bind(blob_id)
    .fetch_optional(&mut *connection)
    .await?;
    match counts {
        Some(_) => Ok(()),
        None => project_usage::subtract(connection, project_id, blob_id, size_bytes).await,
    }
}

/// What needs a blob in its repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// A manifest names it.
    Manifest,
    /// Something is being uploaded: a manifest may come behind that.
    Upload,
    Nothing,
}

/// A blob whose time has come.
pub(crate) struct Due {
    pub(crate) link: Link,
    pub(crate) needed: Needed,
}

/// Those whose time has come. Sessions that expire after `working` are being worked on.
pub(crate) async fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    working: Timestamp,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let rows: Vec<(i64, i64, bool, bool)> = sqlx::query_as(
        "SELECT rb.repository_id, rb.blob_id,
                EXISTS (
                    SELECT 1 FROM edges e
                    WHERE e.repository_id = rb.repository_id AND e.digest = b.digest
                      AND e.kind IN ('blob', 'child')),
                EXISTS (SELECT 1 FROM uploads u WHERE u.repository = r.name AND u.expires_at > $3)
         FROM repository_blobs rb
         JOIN blobs b ON b.id = rb.blob_id
         JOIN repositories r ON r.id = rb.repository_id
         WHERE rb.collect_at <= $1 ORDER BY rb.collect_at LIMIT $2",
    )
    .bind(now.0)
    .bind(limit)
    .bind(working.0)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(repository_id, blob_id, named, uploading)| Due {
            link: Link {
                repository_id,
                blob_id,
            },
            needed: match (named, uploading) {
                (true, _) => Needed::Manifest,
                (false, true) => Needed::Upload,
                (false, false) => Needed::Nothing,
            },
        })
        .collect())
}

/// Puts off the look at all blobs of the repository that are waiting for one.
pub(crate) async fn renew_all(
    connection: &mut SqliteConnection,
    repository_id: i64,
    collect_at: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE repository_blobs SET collect_at = $2 WHERE repository_id = $1 AND collect_at < $2",
    )
    .bind(repository_id)
    .bind(collect_at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// When the next one is due.
pub(crate) async fn next_due(
    connection: &mut SqliteConnection,
) -> Result<Option<Timestamp>, DbError> {
    let (at,): (Option<i64>,) =
        sqlx::query_as("SELECT MIN(collect_at) FROM repository_blobs WHERE collect_at IS NOT NULL")
            .fetch_one(connection)
            .await?;
    Ok(at.map(Timestamp))
}

/// Notes that manifests name the blobs, so that they are not looked at again until one goes.
pub(crate) async fn keep(connection: &mut SqliteConnection, links: &[Link]) -> Result<(), DbError> {
    for links in links.chunks(MOST) {
        let mut query =
            QueryBuilder::<Sqlite>::new("UPDATE repository_blobs SET collect_at = NULL");
        of(&mut query, links);
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// The blobs of repositories that were deleted together.
pub(crate) async fn of_deletion(
    connection: &mut SqliteConnection,
    deletion_id: i64,
    limit: i64,
) -> Result<Vec<Link>, DbError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT rb.repository_id, rb.blob_id
         FROM repositories r JOIN repository_blobs rb ON rb.repository_id = r.id
         WHERE r.deletion_id = $1
            OR r.project_id IN (SELECT p.id FROM projects p WHERE p.deletion_id = $1)
         LIMIT $2",
    )
    .bind(deletion_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(repository_id, blob_id)| Link {
            repository_id,
            blob_id,
        })
        .collect())
}

/// What goes with blobs that were taken from repositories.
#[derive(Default)]
pub(crate) struct Taken {
    /// The objects of blobs that nobody else has, and their sizes: they are noted as unlinked.
    pub(crate) objects: Vec<(Key, u64)>,
    /// The bytes that no cache has any longer.
    pub(crate) uncached_bytes: u64,
}

impl Taken {
    pub(crate) fn append(&mut self, mut other: Self) {
        self.objects.append(&mut other.objects);
        self.uncached_bytes += other.uncached_bytes;
    }

    pub(crate) fn into_keys(self) -> Vec<Key> {
        self.objects.into_iter().map(|(key, _)| key).collect()
    }
}

/// Takes the blobs from the repositories that have them.
pub(crate) async fn take(
    connection: &mut SqliteConnection,
    links: &[Link],
    now: Timestamp,
) -> Result<Taken, DbError> {
    let mut taken = Taken::default();
    for links in links.chunks(MOST) {
        let repositories = links.iter().map(|link| link.repository_id).collect();
        super::changes::record_blobs_of(connection, &repositories, now).await?;
        unlink(connection, links).await?;
        let blobs: Vec<i64> = links.iter().map(|link| link.blob_id).collect();
        taken.uncached_bytes += super::cached_blobs::forget_uncached(connection, &blobs).await?;
        let objects = super::blobs::remove_unlinked(connection, &blobs, now).await?;
        taken.objects.extend(objects);
    }
    Ok(taken)
}

/// Takes the blobs from the repositories, and off what projects have that no longer have them.
async fn unlink(connection: &mut SqliteConnection, links: &[Link]) -> Result<(), DbError> {
    let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM repository_blobs");
    of(&mut query, links);
    query.push(
        " RETURNING project_id, blob_id,
             (SELECT b.size_bytes FROM blobs b WHERE b.id = repository_blobs.blob_id)",
    );
    let rows: Vec<(Option<i64>, i64, i64)> =
        query.build_query_as().fetch_all(&mut *connection).await?;
    let counted: BTreeSet<_> = rows
        .into_iter()
        .filter_map(|(project_id, blob_id, size_bytes)| Some((project_id?, blob_id, size_bytes)))
        .collect();
    for (project_id, blob_id, size_bytes) in counted {
        discount(connection, project_id, blob_id, unsigned(size_bytes)).await?;
    }
    Ok(())
}

/// The condition that a row of a statement is one of these.
fn of(query: &mut QueryBuilder<Sqlite>, links: &[Link]) {
    query.push(" WHERE (repository_id, blob_id) IN (");
    query.push_values(links, |mut row, link| {
        row.push_bind(link.repository_id).push_bind(link.blob_id);
    });
    query.push(")");
}

/// What the repository has by this digest.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<Link>, DbError> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "SELECT rb.repository_id, rb.blob_id
         FROM repositories r
         JOIN blobs b ON b.digest = $2
         JOIN repository_blobs rb ON rb.repository_id = r.id AND rb.blob_id = b.id
         WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(repository_id, blob_id)| Link {
        repository_id,
        blob_id,
    }))
}
