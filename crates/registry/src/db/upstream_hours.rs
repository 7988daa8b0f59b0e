use sqlx::SqliteConnection;

use super::{DbError, signed, unsigned};
use crate::cache::CacheWork;

/// Adds to what the cache of a registry did in an hour.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    upstream: &str,
    hour: i64,
    work: &CacheWork,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO upstream_hours (upstream, hour, hits, fills, joins, served_bytes, fetched_bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (upstream, hour) DO UPDATE
         SET hits = hits + excluded.hits, fills = fills + excluded.fills, joins = joins + excluded.joins,
             served_bytes = served_bytes + excluded.served_bytes,
             fetched_bytes = fetched_bytes + excluded.fetched_bytes",
    )
    .bind(upstream)
    .bind(hour)
    .bind(signed(work.hits))
    .bind(signed(work.fills))
    .bind(signed(work.joins))
    .bind(signed(work.served_bytes))
    .bind(signed(work.fetched_bytes))
    .execute(connection)
    .await?;
    Ok(())
}

type Columns = (i64, i64, i64, i64, i64, i64);

/// Hours from `first` on, in their order; those without work are left out.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    upstream: &str,
    first: i64,
    limit: i64,
) -> Result<Vec<(i64, CacheWork)>, DbError> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT hour, hits, fills, joins, served_bytes, fetched_bytes FROM upstream_hours
         WHERE upstream = $1 AND hour >= $2 ORDER BY hour LIMIT $3",
    )
    .bind(upstream)
    .bind(first)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let work = rows
        .into_iter()
        .map(|(hour, hits, fills, joins, served, fetched)| {
            let work = CacheWork {
                hits: unsigned(hits),
                fills: unsigned(fills),
                joins: unsigned(joins),
                served_bytes: unsigned(served),
                fetched_bytes: unsigned(fetched),
            };
            (hour, work)
        });
    Ok(work.collect())
}

pub(crate) async fn delete_before(
    connection: &mut SqliteConnection,
    hour: i64,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM upstream_hours WHERE hour < $1")
        .bind(hour)
        .execute(connection)
        .await?;
    Ok(())
}
