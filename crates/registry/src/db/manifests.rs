use berth_oci::{Digest, Manifest, MediaType, Reference, RepositoryName};
use sqlx::{QueryBuilder, SqliteConnection};

use super::{DbError, checked, signed, unsigned};
use crate::browse::Platforms;
use crate::clock::Timestamp;

/// A manifest without its bytes.
pub(crate) struct ManifestRow {
    pub(crate) id: i64,
    pub(crate) repository_id: i64,
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) size_bytes: u64,
}

type Columns = (i64, i64, String, String, i64);

impl TryFrom<Columns> for ManifestRow {
    type Error = DbError;

    fn try_from(
        (id, repository_id, digest, media_type, size_bytes): Columns,
    ) -> Result<Self, DbError> {
        Ok(Self {
            id,
            repository_id,
            digest: checked(digest, "a digest")?,
            media_type: checked(media_type, "a media type")?,
            size_bytes: unsigned(size_bytes),
        })
    }
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<ManifestRow>, DbError> {
    let query = match reference {
        Reference::Tag(tag) => sqlx::query_as(
            "SELECT m.id, m.repository_id, m.digest, m.media_type, m.size_bytes
             FROM repositories r
             JOIN tags t ON t.repository_id = r.id AND t.name = $2
             JOIN manifests m ON m.id = t.manifest_id
             WHERE r.name = $1",
        )
        .bind(repository.as_str())
        .bind(tag.as_str()),
        Reference::Digest(digest) => sqlx::query_as(
            "SELECT m.id, m.repository_id, m.digest, m.media_type, m.size_bytes
             FROM repositories r
             JOIN manifests m ON m.repository_id = r.id AND m.digest = $2
             WHERE r.name = $1",
        )
        .bind(repository.as_str())
        .bind(digest.as_str()),
    };
    let row: Option<Columns> = query.fetch_optional(connection).await?;
    row.map(ManifestRow::try_from).transpose()
}

type ColumnsWithBytes = (i64, i64, String, String, i64, Vec<u8>);

/// As [`find`], with the bytes.
pub(crate) async fn read(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<(ManifestRow, Vec<u8>)>, DbError> {
    let query = match reference {
        Reference::Tag(tag) => sqlx::query_as(
            "SELECT m.id, m.repository_id, m.digest, m.media_type, m.size_bytes, m.bytes
             FROM repositories r
             JOIN tags t ON t.repository_id = r.id AND t.name = $2
             JOIN manifests m ON m.id = t.manifest_id
             WHERE r.name = $1",
        )
        .bind(repository.as_str())
        .bind(tag.as_str()),
        Reference::Digest(digest) => sqlx::query_as(
            "SELECT m.id, m.repository_id, m.digest, m.media_type, m.size_bytes, m.bytes
             FROM repositories r
             JOIN manifests m ON m.repository_id = r.id AND m.digest = $2
             WHERE r.name = $1",
        )
        .bind(repository.as_str())
        .bind(digest.as_str()),
    };
    let row: Option<ColumnsWithBytes> = query.fetch_optional(connection).await?;
    row.map(
        |(id, repository_id, digest, media_type, size_bytes, bytes)| {
            Ok((
                ManifestRow::try_from((id, repository_id, digest, media_type, size_bytes))?,
                bytes,
            ))
        },
    )
    .transpose()
}

pub(crate) struct NewManifest<'m> {
    pub(crate) repository_id: i64,
    pub(crate) digest: &'m Digest,
    pub(crate) manifest: &'m Manifest,
    pub(crate) bytes: &'m [u8],
    pub(crate) pushed_at: Timestamp,
    pub(crate) pushed_by: Option<&'m str>,
    /// `None` where a tag moves to it in the same transaction.
    pub(crate) untagged_at: Option<Timestamp>,
}

/// What [`insert`] did.
pub(crate) enum Inserted {
    New(i64),
    /// The same bytes were there under another media type, or pushed before: only the time is new.
    Again(i64),
}

/// Stores a manifest. Its edges are the caller's to add when it is new.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    new: &NewManifest<'_>,
) -> Result<Inserted, DbError> {
    let again: Option<(i64,)> = sqlx::query_as(
        "UPDATE manifests
         SET pushed_at = $3, pushed_by = $4, media_type = $5, bytes = $6, size_bytes = $7,
             untagged_at = CASE WHEN untagged_at IS NULL THEN NULL ELSE $8 END
         WHERE repository_id = $1 AND digest = $2
         RETURNING id",
    )
    .bind(new.repository_id)
    .bind(new.digest.as_str())
    .bind(new.pushed_at.0)
    .bind(new.pushed_by)
    .bind(new.manifest.media_type.as_str())
    // The same, unless those that are there were damaged.
    .bind(new.bytes)
    .bind(signed(new.bytes.len() as u64))
    .bind(new.untagged_at.map(|at| at.0))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some((id,)) = again {
        return Ok(Inserted::Again(id));
    }
    let annotations = (!new.manifest.annotations.is_empty()).then(|| {
        serde_json::to_string(&new.manifest.annotations).expect("a map of strings is JSON")
    });
    let (id,) = sqlx::query_as(
        "INSERT INTO manifests (repository_id, digest, media_type, artifact_type, annotations, size_bytes,
                                pushed_at, pushed_by, bytes, untagged_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         RETURNING id",
    )
    .bind(new.repository_id)
    .bind(new.digest.as_str())
    .bind(new.manifest.media_type.as_str())
    .bind(new.manifest.artifact_type.as_deref())
    .bind(annotations)
    .bind(signed(new.bytes.len() as u64))
    .bind(new.pushed_at.0)
    .bind(new.pushed_by)
    .bind(new.bytes)
    .bind(new.untagged_at.map(|at| at.0))
    .fetch_one(connection)
    .await?;
    Ok(Inserted::New(id))
}

#[derive(Clone, Copy)]
pub(crate) enum EdgeKind {
    Blob,
    Child,
    Subject,
}

impl EdgeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Child => "child",
            Self::Subject => "subject",
        }
    }
}

pub(crate) async fn add_edge(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    repository_id: i64,
    kind: EdgeKind,
    digest: &Digest,
    size_bytes: Option<u64>,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO edges (manifest_id, kind, digest, repository_id, size_bytes) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (manifest_id, kind, digest) DO NOTHING",
    )
    .bind(manifest_id)
    .bind(kind.as_str())
    .bind(digest.as_str())
    .bind(repository_id)
    .bind(size_bytes.map(signed))
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds the edge to a blob that the repository must have, and tells whether it has it.
pub(crate) async fn add_required_blob(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    repository_id: i64,
    digest: &Digest,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO edges (manifest_id, kind, digest, repository_id, size_bytes)
         SELECT $1, 'blob', b.digest, rb.repository_id, b.size_bytes
         FROM blobs b JOIN repository_blobs rb ON rb.blob_id = b.id AND rb.repository_id = $2
         WHERE b.digest = $3 AND b.corrupt_at IS NULL",
    )
    .bind(manifest_id)
    .bind(repository_id)
    .bind(digest.as_str())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The manifests of these rows, but for those that are larger than any image's.
pub(crate) async fn bytes_of(
    connection: &mut SqliteConnection,
    ids: &[i64],
) -> Result<Vec<(i64, Vec<u8>)>, DbError> {
    let mut query =
        QueryBuilder::new("SELECT id, bytes FROM manifests WHERE size_bytes <= 65536 AND id IN (");
    super::push_list(&mut query, ids);
    query.push(")");
    // A statement for each count of ids would drive the others out of the connection's cache.
    let rows = query.build_query_as().persistent(false);
    Ok(rows.fetch_all(connection).await?)
}

/// Writes down what an image runs on.
pub(crate) async fn set_platforms(
    connection: &mut SqliteConnection,
    id: i64,
    platforms: &Platforms,
) -> Result<(), DbError> {
    // A manifest that went meanwhile has no row.
    sqlx::query(
        "INSERT INTO manifest_platforms (manifest_id, platforms)
         SELECT id, $1 FROM manifests WHERE id = $2
         ON CONFLICT (manifest_id) DO NOTHING",
    )
    .bind(platforms.to_string())
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that a tag is on the manifest.
pub(crate) async fn set_tagged(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE manifests SET untagged_at = NULL WHERE id = $1 AND untagged_at IS NOT NULL",
    )
    .bind(manifest_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets the time without a tag begin anew for what an index that goes has named.
pub(crate) async fn restart_untagged_children(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE manifests SET untagged_at = $2
         WHERE untagged_at IS NOT NULL AND id IN (
             SELECT m.id FROM edges e
             JOIN manifests m ON m.repository_id = e.repository_id AND m.digest = e.digest
             WHERE e.manifest_id = $1 AND e.kind = 'child')",
    )
    .bind(manifest_id)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes since when the manifest has had no tag, if that is so now.
pub(crate) async fn set_untagged(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE manifests SET untagged_at = $2
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = $1)",
    )
    .bind(manifest_id)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the manifest with its tags and edges.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM tags WHERE manifest_id = $1")
        .bind(manifest_id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM manifests WHERE id = $1")
        .bind(manifest_id)
        .execute(connection)
        .await?;
    Ok(())
}
