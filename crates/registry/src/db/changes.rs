use berth_oci::RepositoryName;
use sqlx::SqliteConnection;

use super::DbError;
use crate::clock::Timestamp;

/// The topic of everything that says who may do what.
pub(crate) const RIGHTS: &str = "rights";
/// Upstreams and groups.
pub(crate) const SOURCES: &str = "sources";
pub(crate) const SIGNING_KEYS: &str = "signing_keys";

/// What has changed behind some place in the sequence.
pub(crate) struct Since {
    pub(crate) last: Option<i64>,
    pub(crate) rights: bool,
    pub(crate) signing_keys: bool,
}

pub(crate) async fn since(
    connection: &mut SqliteConnection,
    sequence: i64,
) -> Result<Since, DbError> {
    let (last, rights, signing_keys): (Option<i64>, Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT MAX(sequence), MAX(CASE WHEN topic = $2 THEN 1 ELSE 0 END),
                MAX(CASE WHEN topic = $3 THEN 1 ELSE 0 END)
         FROM changes WHERE sequence > $1",
    )
    .bind(sequence)
    .bind(RIGHTS)
    .bind(SIGNING_KEYS)
    .fetch_one(connection)
    .await?;
    Ok(Since {
        last,
        rights: rights == Some(1),
        signing_keys: signing_keys == Some(1),
    })
}

/// Notes, in the transaction of the change itself, that something changed which a cache may hold.
pub(crate) async fn record(
    connection: &mut SqliteConnection,
    topic: &'static str,
    subject: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query("INSERT INTO changes (topic, subject, at) VALUES ($1, $2, $3)")
        .bind(topic)
        .bind(subject)
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// As [`record`], for every tag on a manifest: they go with it.
pub(crate) async fn record_tags_of(
    connection: &mut SqliteConnection,
    manifest_id: i64,
    repository: &RepositoryName,
    now: Timestamp,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO changes (topic, subject, at)
         SELECT 'tag', $2 || ':' || name, $3 FROM tags WHERE manifest_id = $1",
    )
    .bind(manifest_id)
    .bind(repository.as_str())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets changes that every cache has long seen: of the `limit` oldest, those before `time`.
pub(crate) async fn delete_oldest(
    connection: &mut SqliteConnection,
    time: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    let done = sqlx::query(
        "DELETE FROM changes
         WHERE sequence IN (SELECT sequence FROM changes ORDER BY sequence LIMIT $2) AND at < $1",
    )
    .bind(time.0)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
