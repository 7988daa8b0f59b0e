//! Manifests that something outside runs, or may go back to.

use berth_oci::{Digest, RepositoryName};
use sqlx::SqliteConnection;

use super::{DbError, checked};

// CROSS JOIN has SQLite begin with the few that are held, and not with all of the repository.
const REASON: &str = "
    WITH RECURSIVE held (reason, id, digest, repository_id) AS (
         SELECT h.reason, m.id, m.digest, m.repository_id
         FROM held_manifests h CROSS JOIN repositories r CROSS JOIN manifests m
         WHERE h.repository = $1 AND r.name = $1 AND m.repository_id = r.id AND m.digest = h.digest
         UNION
         SELECT held.reason, m.id, m.digest, m.repository_id
         FROM held CROSS JOIN edges e CROSS JOIN manifests m
         WHERE e.manifest_id = held.id AND e.kind = 'child'
           AND m.repository_id = held.repository_id AND m.digest = e.digest)
     SELECT reason FROM held WHERE digest = $2 LIMIT 1";

/// Why the manifest, or an index that leads to it, is held, if it is.
pub(crate) async fn reason(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<String>, DbError> {
    let row: Option<(String,)> = sqlx::query_as(REASON)
        .bind(repository.as_str())
        .bind(digest.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(reason,)| reason))
}

/// Whether anything is held at all.
pub(crate) async fn any(connection: &mut SqliteConnection) -> Result<bool, DbError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM held_manifests LIMIT 1")
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// One of the held manifests that the repository has, and why it is held.
pub(crate) async fn any_of(
    connection: &mut SqliteConnection,
    repository_id: i64,
    repository: &RepositoryName,
) -> Result<Option<(String, String)>, DbError> {
    Ok(sqlx::query_as(
        "SELECT h.digest, h.reason FROM held_manifests h
         JOIN manifests m ON m.repository_id = $1 AND m.digest = h.digest
         WHERE h.repository = $2 LIMIT 1",
    )
    .bind(repository_id)
    .bind(repository.as_str())
    .fetch_optional(connection)
    .await?)
}

pub(crate) async fn put(
    connection: &mut SqliteConnection,
    holder: &str,
    repository: &RepositoryName,
    digest: &Digest,
    reason: &str,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO held_manifests (holder, repository, digest, reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT (holder, repository, digest) DO UPDATE SET reason = excluded.reason",
    )
    .bind(holder)
    .bind(repository.as_str())
    .bind(digest.as_str())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// What somebody holds.
pub(crate) async fn of(
    connection: &mut SqliteConnection,
    holder: &str,
) -> Result<Vec<(RepositoryName, Digest)>, DbError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT repository, digest FROM held_manifests WHERE holder = $1")
            .bind(holder)
            .fetch_all(connection)
            .await?;
    let row = |(repository, digest)| {
        let repository = checked(repository, "the name of a repository")?;
        Ok((repository, checked(digest, "a digest")?))
    };
    rows.into_iter().map(row).collect()
}

pub(crate) async fn clear(connection: &mut SqliteConnection, holder: &str) -> Result<(), DbError> {
    sqlx::query("DELETE FROM held_manifests WHERE holder = $1")
        .bind(holder)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn holders(connection: &mut SqliteConnection) -> Result<Vec<String>, DbError> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT holder FROM held_manifests")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(holder,)| holder).collect())
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::REASON;
    use crate::fixture::Fixture;

    #[tokio::test]
    async fn the_reason_is_found_from_what_is_held() {
        let fixture = Fixture::open().await;
        let mut database = fixture.database().await;
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {REASON}")))
            .fetch_all(&mut database)
            .await
            .unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let on = |name: &'static str| steps.iter().filter(move |step| step.contains(name));
        assert!(on("SEARCH h ").count() == 1, "{steps:#?}");
        assert!(
            on(" m ").all(|step| step.contains("digest=?")),
            "all of a repository is read: {steps:#?}"
        );
        assert!(
            on(" e ").all(|step| step.contains("manifest_id=? AND kind=?")),
            "all edges are read: {steps:#?}"
        );
    }
}
