//! Counts of pulls. The statements are SQLite's own, since they read JSON.

use serde::Serialize;
use sqlx::SqliteConnection;

use super::DbError;
use crate::usage::{Pulled, Pulls};

/// Adds pulls that were counted in memory to what is still there.
///
/// A kind of thing is one statement, whose rows are one parameter of JSON: for each parameter SQLite
/// walks through those before it.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    counted: &[(Pulled, Pulls)],
) -> Result<(), DbError> {
    let (mut manifests, mut tags, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
    for (pulled, Pulls { count, last_at }) in counted {
        match pulled {
            Pulled::Manifest { id } => manifests.push((id, count, last_at.0)),
            Pulled::Tag { repository_id, tag } => {
                tags.push((repository_id, tag.as_str(), count, last_at.0));
            }
            Pulled::Blob { repository_id, id } => blobs.push((repository_id, id, count, last_at.0)),
        }
    }
    execute(
        connection,
        "INSERT INTO manifest_pulls (manifest_id, pulls, last_pulled_at)
         SELECT m.id, c.value ->> 1, c.value ->> 2
         FROM json_each($1) c CROSS JOIN manifests m ON m.id = c.value ->> 0
         WHERE TRUE
         ON CONFLICT (manifest_id) DO UPDATE
         SET pulls = pulls + excluded.pulls, last_pulled_at = excluded.last_pulled_at",
        &manifests,
    )
    .await?;
    execute(
        connection,
        "UPDATE tags SET pulls = pulls + (c.value ->> 2), last_pulled_at = c.value ->> 3
         FROM json_each($1) c WHERE repository_id = c.value ->> 0 AND name = c.value ->> 1",
        &tags,
    )
    .await?;
    execute(
        connection,
        "UPDATE repository_blobs SET pulls = pulls + (c.value ->> 2), last_pulled_at = c.value ->> 3
         FROM json_each($1) c WHERE repository_id = c.value ->> 0 AND blob_id = c.value ->> 1",
        &blobs,
    )
    .await?;
    execute(
        connection,
        "UPDATE cached_blobs SET used_at = c.at
         FROM (SELECT value ->> 1 AS blob_id, MAX(value ->> 3) AS at FROM json_each($1) GROUP BY 1) c
         WHERE cached_blobs.blob_id = c.blob_id",
        &blobs,
    )
    .await
}

async fn execute<Row: Serialize + Sync>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: &[Row],
) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(rows).expect("rows of numbers and texts are JSON");
    sqlx::query(statement)
        .bind(rows)
        .execute(connection)
        .await?;
    Ok(())
}
