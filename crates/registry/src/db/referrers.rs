use std::collections::BTreeMap;

use berth_oci::Digest;
use futures_util::TryStreamExt as _;
use sqlx::SqliteConnection;

use super::{DbError, checked, signed, unsigned};

/// What a list of referrers says of one.
pub struct ReferrerRow {
    pub(crate) id: i64,
    pub digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size_bytes: u64,
    pub(crate) artifact_type: Option<String>,
    /// A JSON object of strings.
    annotations: Option<String>,
}

impl ReferrerRow {
    pub(crate) fn annotations(&self) -> Result<BTreeMap<String, String>, DbError> {
        let Some(annotations) = &self.annotations else {
            return Ok(BTreeMap::new());
        };
        serde_json::from_str(annotations).map_err(|_| DbError::Inconsistent {
            value: annotations.clone(),
            expected: "annotations",
        })
    }
}

type Columns = (i64, String, String, i64, Option<String>, Option<String>);

/// A page ends before it has more bytes of annotations than this, so that no list grows past what
/// clients take: they read an index of 4 MiB at most.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// What to list: see [`list`].
pub(crate) struct ReferrersOf<'s> {
    pub(crate) repository_id: i64,
    pub(crate) subject: &'s Digest,
    pub(crate) artifact_type: Option<&'s str>,
    /// Only what has a greater id.
    pub(crate) after: i64,
    pub(crate) limit: usize,
}

/// The manifests of the repository that name the subject, oldest first, and whether there are more.
///
/// To those come the entries of the index that older clients keep under the tag
/// `<algorithm>-<hex>` (distribution specification, "Referrers Tag Schema", which cuts the second
/// part at 64 characters), as far as the repository has them.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    of: &ReferrersOf<'_>,
) -> Result<(Vec<ReferrerRow>, bool), DbError> {
    let fallback_tag = format!("{}-{}", of.subject.algorithm(), &of.subject.hex()[..64]);
    // Each arm has the limit too, so that neither is made whole for one page.
    let mut rows = sqlx::query_as(
        "SELECT m.id, m.digest, m.media_type, m.size_bytes, m.artifact_type, m.annotations
         FROM (
             SELECT id FROM (
                 SELECT m.id FROM edges e JOIN manifests m ON m.id = e.manifest_id
                 WHERE e.repository_id = $1 AND e.digest = $2 AND e.kind = 'subject'
                   AND e.manifest_id > $5 AND ($4 IS NULL OR m.artifact_type = $4)
                 ORDER BY e.manifest_id LIMIT $6
             ) named
             UNION
             SELECT id FROM (
                 SELECT m.id FROM tags t
                 JOIN edges e ON e.manifest_id = t.manifest_id AND e.kind = 'child'
                 JOIN manifests m ON m.repository_id = $1 AND m.digest = e.digest
                 WHERE t.repository_id = $1 AND t.name = $3
                   AND m.id > $5 AND ($4 IS NULL OR m.artifact_type = $4)
                 ORDER BY m.id LIMIT $6
             ) listed
         ) referrers
         JOIN manifests m ON m.id = referrers.id
         ORDER BY m.id LIMIT $6",
    )
    .bind(of.repository_id)
    .bind(of.subject.as_str())
    .bind(fallback_tag)
    .bind(of.artifact_type)
    .bind(of.after)
    .bind(signed(of.limit as u64).saturating_add(1))
    .fetch(connection);
    let mut list = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        let (id, digest, media_type, size_bytes, artifact_type, annotations): Columns = row;
        bytes += annotations.as_ref().map_or(0, String::len)
            + artifact_type.as_ref().map_or(0, String::len);
        if list.len() == of.limit || (bytes > PAGE_BYTES && !list.is_empty()) {
            return Ok((list, true));
        }
        let (digest, size_bytes) = (checked(digest, "a digest")?, unsigned(size_bytes));
        list.push(ReferrerRow {
            id,
            digest,
            media_type,
            size_bytes,
            artifact_type,
            annotations,
        });
    }
    Ok((list, false))
}
