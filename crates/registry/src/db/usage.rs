use sqlx::SqliteConnection;

use super::{DbError, signed};
use crate::clock::Timestamp;
use crate::usage::Pulled;

/// Adds pulls that were counted in memory.
pub(crate) async fn add(
    connection: &mut SqliteConnection,
    pulled: &Pulled,
    pulls: u64,
    last_pulled_at: Timestamp,
) -> Result<(), DbError> {
    let query = match pulled {
        Pulled::Manifest { id } => {
            sqlx::query("UPDATE manifests SET pulls = pulls + $1, last_pulled_at = $2 WHERE id = $3")
                .bind(signed(pulls))
                .bind(last_pulled_at.0)
                .bind(*id)
        }
        Pulled::Tag { repository_id, tag } => sqlx::query(
            "UPDATE tags SET pulls = pulls + $1, last_pulled_at = $2 WHERE repository_id = $3 AND name = $4",
        )
        .bind(signed(pulls))
        .bind(last_pulled_at.0)
        .bind(*repository_id)
        .bind(tag.as_str().to_owned()),
        Pulled::Blob { repository_id, id } => sqlx::query(
            "UPDATE repository_blobs SET pulls = pulls + $1, last_pulled_at = $2
             WHERE repository_id = $3 AND blob_id = $4",
        )
        .bind(signed(pulls))
        .bind(last_pulled_at.0)
        .bind(*repository_id)
        .bind(*id),
    };
    query.execute(&mut *connection).await?;
    if let Pulled::Blob { id, .. } = pulled {
        super::cached_blobs::used(connection, *id, last_pulled_at).await?;
    }
    Ok(())
}
