use berth_oci::{Digest, MediaType, Tag};
use sqlx::SqliteConnection;

use super::super::{DbError, checked, unsigned};
use crate::browse::Platforms;
use crate::clock::Timestamp;

/// A tag and the manifest that it is on.
pub(crate) struct TagRow {
    pub(crate) name: Tag,
    pub(crate) manifest_id: i64,
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) artifact_type: Option<String>,
    pub(crate) platforms: Option<Platforms>,
    pub(crate) pushed_at: Timestamp,
    pub(crate) pushed_by: Option<String>,
    pub(crate) pulls: u64,
    pub(crate) last_pulled_at: Option<Timestamp>,
}

type Columns = (
    String,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    i64,
    Option<String>,
    i64,
    Option<i64>,
);

impl TryFrom<Columns> for TagRow {
    type Error = DbError;

    fn try_from(columns: Columns) -> Result<Self, DbError> {
        let (
            name,
            manifest_id,
            digest,
            media_type,
            artifact_type,
            platforms,
            pushed_at,
            pushed_by,
            pulls,
            last_pulled_at,
        ) = columns;
        Ok(Self {
            name: checked(name, "a tag")?,
            manifest_id,
            digest: checked(digest, "a digest")?,
            media_type: checked(media_type, "a media type")?,
            artifact_type,
            platforms: platforms
                .map(|platforms| checked(platforms, "platforms"))
                .transpose()?,
            pushed_at: Timestamp(pushed_at),
            pushed_by,
            pulls: unsigned(pulls),
            last_pulled_at: last_pulled_at.map(Timestamp),
        })
    }
}

/// A piece of the list of a repository's tags.
pub(crate) struct Between<'b> {
    pub(crate) repository_id: i64,
    pub(crate) after: &'b str,
    pub(crate) last: &'b str,
    /// What a name in lower case is LIKE, with `\` before what stands for itself.
    pub(crate) pattern: &'b str,
    pub(crate) limit: i64,
}

/// In order of the bytes of their names.
pub(crate) async fn between(
    connection: &mut SqliteConnection,
    piece: &Between<'_>,
) -> Result<Vec<TagRow>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT t.name, t.manifest_id, m.digest, m.media_type, m.artifact_type, p.platforms,
                t.pushed_at, t.pushed_by, t.pulls, t.last_pulled_at
         FROM tags t JOIN manifests m ON m.id = t.manifest_id
         LEFT JOIN manifest_platforms p ON p.manifest_id = m.id
         WHERE t.repository_id = $1 AND t.name > $2 AND t.name <= $3
           AND LOWER(t.name) LIKE $4 ESCAPE '\\'
         ORDER BY t.name LIMIT $5",
    )
    .bind(piece.repository_id)
    .bind(piece.after)
    .bind(piece.last)
    .bind(piece.pattern)
    .bind(piece.limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(TagRow::try_from).collect()
}

/// The name that comes when so many behind `after` are passed over, if there are more.
pub(crate) async fn beyond(
    connection: &mut SqliteConnection,
    repository_id: i64,
    after: &str,
    passed_over: i64,
) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT name FROM tags WHERE repository_id = $1 AND name > $2
         ORDER BY name LIMIT 1 OFFSET $3",
    )
    .bind(repository_id)
    .bind(after)
    .bind(passed_over)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(name,)| name))
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    repository_id: i64,
    tag: &Tag,
) -> Result<Option<TagRow>, DbError> {
    let row: Option<Columns> = sqlx::query_as(
        "SELECT t.name, t.manifest_id, m.digest, m.media_type, m.artifact_type, p.platforms,
                t.pushed_at, t.pushed_by, t.pulls, t.last_pulled_at
         FROM tags t JOIN manifests m ON m.id = t.manifest_id
         LEFT JOIN manifest_platforms p ON p.manifest_id = m.id
         WHERE t.repository_id = $1 AND t.name = $2",
    )
    .bind(repository_id)
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(TagRow::try_from).transpose()
}
