use futures_util::TryStreamExt as _;
use sqlx::SqliteConnection;

use super::{DbError, checked, unsigned};
use crate::activity::{PulledTag, PushedTag};
use crate::browse::Visible;
use crate::clock::Timestamp;

type PushedColumns = (String, String, String, Option<String>, i64);
type PulledColumns = (String, String, String, i64, i64);

/// The last move of each tag that is there, but for those that an upstream has made. A thousand are
/// looked at for what is visible, none of them older than the last ten thousand.
pub(crate) async fn pushed(
    connection: &mut SqliteConnection,
    visible: &Visible<'_>,
    limit: usize,
) -> Result<Vec<PushedTag>, DbError> {
    let mut rows = sqlx::query_as::<_, PushedColumns>(
        "SELECT e.repository, e.tag, e.new_digest, e.actor, e.at
         FROM tag_events e
         JOIN repositories r ON r.name = e.repository
         JOIN tags t ON t.repository_id = r.id AND t.name = e.tag
         WHERE e.cause <> 'fill' AND e.sequence > (SELECT MAX(sequence) FROM tag_events) - 10000
         ORDER BY e.sequence DESC LIMIT 1000",
    )
    .fetch(connection);
    let mut found: Vec<PushedTag> = Vec::new();
    // Row by row: who sees much is shown the first of them.
    while found.len() < limit
        && let Some((repository, tag, digest, by, at)) = rows.try_next().await?
    {
        let repository = checked(repository, "the name of a repository")?;
        let tag = checked(tag, "a tag")?;
        let newer = |other: &PushedTag| other.repository == repository && other.tag == tag;
        if visible(&repository) && !found.iter().any(newer) {
            found.push(PushedTag {
                repository,
                tag,
                digest: checked(digest, "a digest")?,
                by,
                at: Timestamp(at),
            });
        }
    }
    Ok(found)
}

/// The tags that were pulled last. A thousand are looked at for what is visible.
pub(crate) async fn pulled(
    connection: &mut SqliteConnection,
    visible: &Visible<'_>,
    limit: usize,
) -> Result<Vec<PulledTag>, DbError> {
    let mut rows = sqlx::query_as::<_, PulledColumns>(
        "SELECT r.name, t.name, m.digest, t.pulls, t.last_pulled_at
         FROM tags t
         JOIN repositories r ON r.id = t.repository_id
         JOIN manifests m ON m.id = t.manifest_id
         WHERE t.last_pulled_at IS NOT NULL AND r.deletion_id IS NULL
         ORDER BY t.last_pulled_at DESC LIMIT 1000",
    )
    .fetch(connection);
    let mut found = Vec::new();
    while found.len() < limit
        && let Some((repository, tag, digest, pulls, at)) = rows.try_next().await?
    {
        let repository = checked(repository, "the name of a repository")?;
        if visible(&repository) {
            found.push(PulledTag {
                repository,
                tag: checked(tag, "a tag")?,
                digest: checked(digest, "a digest")?,
                pulls: unsigned(pulls),
                at: Timestamp(at),
            });
        }
    }
    Ok(found)
}
