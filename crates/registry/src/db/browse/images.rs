use std::collections::{HashMap, HashSet};

use berth_oci::{Digest, MediaType, Tag};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::super::{DbError, checked, push_list, unsigned};
use crate::clock::Timestamp;

/// A manifest without its bytes, and what happened to it.
pub(crate) struct ImageRow {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) artifact_type: Option<String>,
    pub(crate) pushed_at: Timestamp,
    pub(crate) pushed_by: Option<String>,
    pub(crate) pulls: u64,
    pub(crate) last_pulled_at: Option<Timestamp>,
}

type Columns = (
    i64,
    String,
    String,
    Option<String>,
    i64,
    Option<String>,
    i64,
    Option<i64>,
);

impl TryFrom<Columns> for ImageRow {
    type Error = DbError;

    fn try_from(columns: Columns) -> Result<Self, DbError> {
        let (id, digest, media_type, artifact_type, pushed_at, pushed_by, pulls, last_pulled_at) =
            columns;
        Ok(Self {
            id,
            digest: checked(digest, "a digest")?,
            media_type: checked(media_type, "a media type")?,
            artifact_type,
            pushed_at: Timestamp(pushed_at),
            pushed_by,
            pulls: unsigned(pulls),
            last_pulled_at: last_pulled_at.map(Timestamp),
        })
    }
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<Option<ImageRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT m.id, m.digest, m.media_type, m.artifact_type, m.pushed_at, m.pushed_by,
                COALESCE(mp.pulls, 0), mp.last_pulled_at
         FROM manifests m LEFT JOIN manifest_pulls mp ON mp.manifest_id = m.id
         WHERE m.id = $1",
    )
    .bind(manifest_id)
    .fetch_optional(connection)
    .await?;
    row.map(ImageRow::try_from).transpose()
}

/// Newest push first, of what comes behind the manifest that was pushed at that time.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    repository_id: i64,
    (pushed_at, manifest_id): (Timestamp, i64),
    limit: i64,
) -> Result<Vec<ImageRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT m.id, m.digest, m.media_type, m.artifact_type, m.pushed_at, m.pushed_by,
                COALESCE(mp.pulls, 0), mp.last_pulled_at
         FROM manifests m LEFT JOIN manifest_pulls mp ON mp.manifest_id = m.id
         WHERE m.repository_id = $1 AND (m.pushed_at, m.id) < ($2, $3)
         ORDER BY m.pushed_at DESC, m.id DESC LIMIT $4",
    )
    .bind(repository_id)
    .bind(pushed_at.0)
    .bind(manifest_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(ImageRow::try_from).collect()
}

/// The first tags on the manifest, in order of their bytes.
pub(crate) async fn tags(
    connection: &mut SqliteConnection,
    repository_id: i64,
    manifest_id: i64,
    limit: i64,
) -> Result<Vec<Tag>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM tags WHERE manifest_id = $1 AND repository_id = $2 ORDER BY name LIMIT $3",
    )
    .bind(manifest_id)
    .bind(repository_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(name,)| checked(name, "a tag"))
        .collect()
}

/// The size of each image: the bytes of its manifest and of its blobs, and for an index also those
/// of its children, as far as the repository has them.
///
/// The blobs of a child are added up once for the whole page, so that many indexes over the same
/// children cost no more than one. Two children that share a blob both count it.
pub(crate) async fn sizes(
    connection: &mut SqliteConnection,
    manifest_ids: &[i64],
) -> Result<HashMap<i64, u64>, DbError> {
    if manifest_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = QueryBuilder::<Sqlite>::new(
        "WITH listed AS (SELECT id, repository_id FROM manifests WHERE id IN (",
    );
    push_list(&mut query, manifest_ids.iter().copied());
    query.push(
        ")), parts (whole, part) AS (
             SELECT id, id FROM listed
             UNION
             SELECT l.id, c.id FROM listed l
             JOIN edges e ON e.manifest_id = l.id AND e.kind = 'child'
             JOIN manifests c ON c.repository_id = l.repository_id AND c.digest = e.digest
         ), blob_sizes (part, size_bytes) AS MATERIALIZED (
             SELECT p.part,
                 (SELECT SUM(b.size_bytes) FROM edges e
                  JOIN blobs b ON b.digest = e.digest
                  JOIN repository_blobs rb ON rb.repository_id = e.repository_id AND rb.blob_id = b.id
                  WHERE e.manifest_id = p.part AND e.kind = 'blob')
             FROM (SELECT DISTINCT part FROM parts) p
         )
         SELECT p.whole, CAST(SUM(m.size_bytes + COALESCE(s.size_bytes, 0)) AS BIGINT)
         FROM parts p
         JOIN manifests m ON m.id = p.part
         LEFT JOIN blob_sizes s ON s.part = p.part
         GROUP BY p.whole",
    );
    // A statement for each count of ids would drive the others out of the connection's cache.
    let rows: Vec<(i64, i64)> = query
        .build_query_as()
        .persistent(false)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, size_bytes)| (id, unsigned(size_bytes)))
        .collect())
}

/// What the repository has of that which an index names.
pub(crate) async fn present(
    connection: &mut SqliteConnection,
    manifest_id: i64,
) -> Result<HashSet<String>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT e.digest FROM edges e
         JOIN manifests m ON m.repository_id = e.repository_id AND m.digest = e.digest
         WHERE e.manifest_id = $1 AND e.kind = 'child'
         UNION ALL
         SELECT e.digest FROM edges e
         JOIN blobs b ON b.digest = e.digest AND b.corrupt_at IS NULL
         JOIN repository_blobs rb ON rb.repository_id = e.repository_id AND rb.blob_id = b.id
         WHERE e.manifest_id = $1 AND e.kind = 'blob'",
    )
    .bind(manifest_id)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(digest,)| digest).collect())
}
