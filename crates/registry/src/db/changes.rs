use std::collections::BTreeSet;

use berth_oci::RepositoryName;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{DbError, push_list, signed};
use crate::clock::Timestamp;

/// The topic of everything that says who may do what.
pub(crate) const RIGHTS: &str = "rights";
/// Upstreams and groups.
pub(crate) const SOURCES: &str = "sources";
pub(crate) const SIGNING_KEYS: &str = "signing_keys";
/// The subject is `repository:tag`.
pub(crate) const TAG: &str = "tag";
/// The subject is `repository@digest`.
pub(crate) const MANIFEST: &str = "manifest";
/// The subject is the repository, of which anything may have changed.
pub(crate) const REPOSITORY: &str = "repository";
/// The subject is the repository that has lost one, or nothing if any may have.
pub(crate) const BLOB: &str = "blob";

/// Beyond so many they are not told apart.
const LISTED: usize = 1000;

/// What has changed behind some place in the sequence.
pub(crate) enum Changes {
    /// In their order.
    Listed(Vec<Change>),
    /// More than are told apart, up to this place.
    Many { last: i64 },
}

pub(crate) struct Change {
    pub(crate) sequence: i64,
    pub(crate) topic: String,
    pub(crate) subject: String,
}

pub(crate) async fn since(
    connection: &mut SqliteConnection,
    sequence: i64,
) -> Result<Changes, DbError> {
    let rows: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT sequence, topic, subject FROM changes WHERE sequence > $1
         ORDER BY sequence LIMIT $2",
    )
    .bind(sequence)
    .bind(signed(LISTED as u64 + 1))
    .fetch_all(&mut *connection)
    .await?;
    if rows.len() > LISTED {
        let last = last(connection).await?;
        return Ok(Changes::Many { last });
    }
    let change = |(sequence, topic, subject)| Change {
        sequence,
        topic,
        subject,
    };
    Ok(Changes::Listed(rows.into_iter().map(change).collect()))
}

/// The place of the last change.
pub(crate) async fn last(connection: &mut SqliteConnection) -> Result<i64, DbError> {
    let (last,) = sqlx::query_as("SELECT COALESCE(MAX(sequence), 0) FROM changes")
        .fetch_one(connection)
        .await?;
    Ok(last)
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

/// As [`record`], for the repositories that are about to lose blobs.
pub(crate) async fn record_blobs_of(
    connection: &mut SqliteConnection,
    repositories: &BTreeSet<i64>,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO changes (topic, subject, at) SELECT ");
    query.push_bind(BLOB).push(", name, ").push_bind(now.0);
    query.push(" FROM repositories WHERE id IN (");
    push_list(&mut query, repositories.iter().copied());
    query.push(")").build().execute(connection).await?;
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
