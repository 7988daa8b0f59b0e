//! What a check of the whole registry reads, a page at a time, and the repairs that it makes. Names of
//! repositories are texts here: those of what was deleted are none that can be asked for.

use berth_oci::{Digest, UploadId};
use sqlx::SqliteConnection;

use super::{DbError, blobs::BlobRow, checked, unsigned};
use crate::store::Key;

/// Rows of one page.
const PAGE: i64 = 256;

/// A blob as the check finds it.
pub(crate) struct CheckedBlob {
    pub(crate) digest: Digest,
    pub(crate) row: BlobRow,
    /// Whether it was found corrupt before.
    pub(crate) marked: bool,
}

pub(crate) async fn blobs_after(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Vec<CheckedBlob>, DbError> {
    let rows: Vec<(i64, String, i64, String, bool)> = sqlx::query_as(
        "SELECT id, digest, size_bytes, key, corrupt_at IS NOT NULL FROM blobs
         WHERE id > $1 ORDER BY id LIMIT $2",
    )
    .bind(id)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, digest, size_bytes, key, marked)| {
            Ok(CheckedBlob {
                digest: checked(digest, "a digest")?,
                row: (id, size_bytes, key).into(),
                marked,
            })
        })
        .collect()
}

/// How many blobs there are, and their bytes.
pub(crate) async fn blob_totals(connection: &mut SqliteConnection) -> Result<(u64, u64), DbError> {
    let (blobs, bytes): (i64, i64) =
        sqlx::query_as("SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM blobs")
            .fetch_one(connection)
            .await?;
    Ok((unsigned(blobs), unsigned(bytes)))
}

/// Whether the blob still has its bytes at this key.
pub(crate) async fn blob_is_at(
    connection: &mut SqliteConnection,
    id: i64,
    key: &Key,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM blobs WHERE id = $1 AND key = $2")
        .bind(id)
        .bind(key.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Takes the mark from a blob whose bytes are right after all.
pub(crate) async fn unmark(
    connection: &mut SqliteConnection,
    id: i64,
    key: &Key,
) -> Result<(), DbError> {
    sqlx::query("UPDATE blobs SET corrupt_at = NULL WHERE id = $1 AND key = $2")
        .bind(id)
        .bind(key.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Who has a blob, by the name of a repository, or of one of its tags that needs the blob.
pub(crate) struct Holder {
    pub(crate) name: String,
    /// Whether its repository is a cache.
    pub(crate) cache: bool,
}

pub(crate) async fn holders(
    connection: &mut SqliteConnection,
    blob_id: i64,
    limit: i64,
) -> Result<Vec<Holder>, DbError> {
    let rows: Vec<(String, bool)> = sqlx::query_as(
        "SELECT r.name || COALESCE(':' || (
                    SELECT MIN(t.name) FROM edges e JOIN tags t ON t.manifest_id = e.manifest_id
                    WHERE e.repository_id = r.id AND e.digest = b.digest), ''),
                p.kind = 'proxy'
         FROM blobs b
         JOIN repository_blobs rb ON rb.blob_id = b.id
         JOIN repositories r ON r.id = rb.repository_id
         JOIN projects p ON p.id = r.project_id
         WHERE b.id = $1 AND r.deletion_id IS NULL
         ORDER BY p.kind = 'proxy', r.id LIMIT $2",
    )
    .bind(blob_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(name, cache)| Holder { name, cache })
        .collect())
}

/// Whether the database knows of an object: by a blob, or as one whose bytes are to go.
pub(crate) async fn object_known(
    connection: &mut SqliteConnection,
    key: &Key,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM blobs WHERE key = $1 UNION ALL SELECT 1 FROM unlinked_objects WHERE key = $1",
    )
    .bind(key.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Blobs that no repository has.
pub(crate) async fn unlinked_blobs_after(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Vec<(i64, String)>, DbError> {
    Ok(sqlx::query_as(
        "SELECT id, digest FROM blobs b
         WHERE id > $1 AND NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = b.id)
         ORDER BY id LIMIT $2",
    )
    .bind(id)
    .bind(PAGE)
    .fetch_all(connection)
    .await?)
}

pub(crate) async fn manifests_after(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Vec<i64>, DbError> {
    let rows: Vec<(i64,)> =
        sqlx::query_as("SELECT id FROM manifests WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id)
            .bind(PAGE)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(crate) struct CheckedManifest {
    pub(crate) repository_id: i64,
    pub(crate) repository: String,
    /// Whether its repository is a cache.
    pub(crate) cache: bool,
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size_bytes: u64,
    pub(crate) tagged: bool,
    pub(crate) bytes: Vec<u8>,
}

type ManifestColumns = (i64, String, bool, String, String, i64, bool, Vec<u8>);

/// `None` when it has gone.
pub(crate) async fn manifest(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Option<CheckedManifest>, DbError> {
    let row: Option<ManifestColumns> = sqlx::query_as(
        "SELECT m.repository_id, COALESCE(r.name, '?'), COALESCE(p.kind = 'proxy', FALSE), m.digest,
                m.media_type, m.size_bytes, EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id),
                m.bytes
         FROM manifests m
         LEFT JOIN repositories r ON r.id = m.repository_id
         LEFT JOIN projects p ON p.id = r.project_id
         WHERE m.id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(
        |(repository_id, repository, cache, digest, media_type, size_bytes, tagged, bytes)| {
            Ok(CheckedManifest {
                repository_id,
                repository,
                cache,
                digest: checked(digest, "a digest")?,
                media_type,
                size_bytes: unsigned(size_bytes),
                tagged,
                bytes,
            })
        },
    )
    .transpose()
}

/// What rows say that a manifest names: kind and digest, and whether the row is of its repository.
pub(crate) async fn edges(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    repository_id: i64,
) -> Result<Vec<(String, String, bool)>, DbError> {
    Ok(
        sqlx::query_as("SELECT kind, digest, repository_id = $2 FROM edges WHERE manifest_id = $1")
            .bind(manifest_id)
            .bind(repository_id)
            .fetch_all(connection)
            .await?,
    )
}

pub(crate) async fn remove_edges(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM edges WHERE manifest_id = $1")
        .bind(manifest_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the repository has the blob, corrupt or not.
pub(crate) async fn has_blob(
    connection: &mut SqliteConnection,
    repository_id: i64,
    digest: &Digest,
) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT b.id FROM blobs b
         JOIN repository_blobs rb ON rb.repository_id = $1 AND rb.blob_id = b.id
         WHERE b.digest = $2",
    )
    .bind(repository_id)
    .bind(digest.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// A tag, by the id and name of its repository; `stray` when its manifest is not there.
pub(crate) struct CheckedTag {
    pub(crate) repository_id: i64,
    pub(crate) repository: String,
    pub(crate) name: String,
    pub(crate) stray: bool,
}

pub(crate) async fn tags_after(
    connection: &mut SqliteConnection,
    repository_id: i64,
    name: &str,
) -> Result<Vec<CheckedTag>, DbError> {
    let rows: Vec<(i64, String, String, bool)> = sqlx::query_as(
        "SELECT t.repository_id, COALESCE(r.name, '?'), t.name,
                NOT EXISTS (SELECT 1 FROM manifests m
                            WHERE m.id = t.manifest_id AND m.repository_id = t.repository_id)
         FROM tags t LEFT JOIN repositories r ON r.id = t.repository_id
         WHERE (t.repository_id, t.name) > ($1, $2)
         ORDER BY t.repository_id, t.name LIMIT $3",
    )
    .bind(repository_id)
    .bind(name)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(repository_id, repository, name, stray)| CheckedTag {
            repository_id,
            repository,
            name,
            stray,
        })
        .collect())
}

/// What projects are noted to have, and what they do have.
pub(crate) struct CheckedUsage {
    pub(crate) project_id: i64,
    pub(crate) project: String,
    pub(crate) noted_bytes: i64,
    pub(crate) actual_bytes: i64,
}

/// The next project. One statement, so that a push in between changes both sums or none.
pub(crate) async fn usage_after(
    connection: &mut SqliteConnection,
    project_id: i64,
) -> Result<Option<CheckedUsage>, DbError> {
    let row: Option<(i64, String, i64, i64)> = sqlx::query_as(
        "SELECT p.id, p.name,
             (SELECT CAST(COALESCE(SUM(u.bytes), 0) AS BIGINT) FROM project_usage u
              WHERE u.project_id = p.id),
             (SELECT CAST(COALESCE(SUM(b.size_bytes), 0) AS BIGINT)
              FROM (SELECT DISTINCT rb.blob_id FROM repository_blobs rb WHERE rb.project_id = p.id) d
              JOIN blobs b ON b.id = d.blob_id)
             + (SELECT CAST(COALESCE(SUM(m.size_bytes), 0) AS BIGINT)
                FROM repositories r JOIN manifests m ON m.repository_id = r.id
                WHERE r.project_id = p.id AND r.deletion_id IS NULL)
         FROM projects p WHERE p.id > $1 ORDER BY p.id LIMIT 1",
    )
    .bind(project_id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(
        |(project_id, project, noted_bytes, actual_bytes)| CheckedUsage {
            project_id,
            project,
            noted_bytes,
            actual_bytes,
        },
    ))
}

pub(crate) async fn set_usage(
    connection: &mut SqliteConnection,
    usage: &CheckedUsage,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM project_usage WHERE project_id = $1")
        .bind(usage.project_id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO project_usage (project_id, part, bytes) VALUES ($1, 0, $2)")
        .bind(usage.project_id)
        .bind(usage.actual_bytes)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that caches have a blob which is not there.
pub(crate) async fn stray_cached_blobs_after(
    connection: &mut SqliteConnection,
    blob_id: i64,
) -> Result<Vec<i64>, DbError> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT blob_id FROM cached_blobs c
         WHERE blob_id > $1 AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.id = c.blob_id)
         ORDER BY blob_id LIMIT $2",
    )
    .bind(blob_id)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

pub(crate) async fn remove_cached_blob(
    connection: &mut SqliteConnection,
    blob_id: i64,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM cached_blobs WHERE blob_id = $1")
        .bind(blob_id)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn stray_repositories_after(
    connection: &mut SqliteConnection,
    id: i64,
) -> Result<Vec<(i64, String)>, DbError> {
    Ok(sqlx::query_as(
        "SELECT id, name FROM repositories r
         WHERE id > $1 AND NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = r.project_id)
         ORDER BY id LIMIT $2",
    )
    .bind(id)
    .bind(PAGE)
    .fetch_all(connection)
    .await?)
}

/// An upload session that has bytes.
pub(crate) struct CheckedUpload {
    pub(crate) upload: UploadId,
    pub(crate) repository: String,
    pub(crate) offset_bytes: u64,
}

pub(crate) async fn uploads_after(
    connection: &mut SqliteConnection,
    upload: &str,
) -> Result<Vec<CheckedUpload>, DbError> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT id, repository, offset_bytes FROM uploads
         WHERE id > $1 AND offset_bytes > 0 ORDER BY id LIMIT $2",
    )
    .bind(upload)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(id, repository, offset)| {
            Ok(CheckedUpload {
                upload: checked(id, "the id of an upload")?,
                repository,
                offset_bytes: unsigned(offset),
            })
        })
        .collect()
}
