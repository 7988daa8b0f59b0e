use berth_oci::{Digest, RepositoryName, Tag};
use berth_registry::{DbError, checked};
use sqlx::SqliteConnection;

/// What a tag that is kept here names. Looking is not pulling: nothing is counted.
pub(crate) async fn digest(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<Digest>, DbError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT m.digest FROM repositories r
         JOIN tags t ON t.repository_id = r.id AND t.name = $2
         JOIN manifests m ON m.id = t.manifest_id
         WHERE r.name = $1",
    )
    .bind(repository.as_str())
    .bind(tag.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|(digest,)| checked(digest, "a digest")).transpose()
}
