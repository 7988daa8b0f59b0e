use berth_oci::Digest;
use sqlx::SqliteConnection;

use super::{DbError, checked, unsigned};

/// What a list of referrers says of one.
pub(crate) struct ReferrerRow {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size_bytes: u64,
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: Option<String>,
}

type Columns = (i64, String, String, i64, Option<String>, Option<String>);

/// The manifests of the repository that name `subject`, oldest first, after the id `after`.
///
/// To those come the entries of the index that older clients keep under the tag
/// `<algorithm>-<hex>` (distribution specification, "Referrers Tag Schema", which cuts the second
/// part at 64 characters), as far as the repository has them.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    repository_id: i64,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<ReferrerRow>, DbError> {
    let fallback_tag = format!("{}-{}", subject.algorithm(), &subject.hex()[..64]);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT m.id, m.digest, m.media_type, m.size_bytes, m.artifact_type, m.annotations
         FROM (
             SELECT e.manifest_id AS id FROM edges e
             WHERE e.repository_id = $1 AND e.digest = $2 AND e.kind = 'subject' AND e.manifest_id > $5
             UNION
             SELECT child.id FROM tags t
             JOIN edges e ON e.manifest_id = t.manifest_id AND e.kind = 'child'
             JOIN manifests child ON child.repository_id = $1 AND child.digest = e.digest
             WHERE t.repository_id = $1 AND t.name = $3 AND child.id > $5
         ) referrers
         JOIN manifests m ON m.id = referrers.id
         WHERE $4 IS NULL OR m.artifact_type = $4
         ORDER BY m.id LIMIT $6",
    )
    .bind(repository_id)
    .bind(subject.as_str())
    .bind(fallback_tag)
    .bind(artifact_type)
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(
            |(id, digest, media_type, size_bytes, artifact_type, annotations)| {
                let digest = checked(digest, "a digest")?;
                Ok(ReferrerRow {
                    id,
                    digest,
                    media_type,
                    size_bytes: unsigned(size_bytes),
                    artifact_type,
                    annotations,
                })
            },
        )
        .collect()
}
