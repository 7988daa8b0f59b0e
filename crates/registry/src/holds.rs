//! What is kept for somebody outside of the registry: neither a rule nor a person deletes it.

use berth_oci::{Digest, RepositoryName};
use sqlx::SqliteConnection;

use crate::db::{self, DbError};

/// A manifest that is kept, and why, in words that end a refusal: `prod runs it in shop/web`.
pub struct Held {
    pub repository: RepositoryName,
    pub digest: Digest,
    pub reason: String,
}

/// Says what the holder needs now, in place of what it needed before.
pub async fn replace(
    tx: &mut SqliteConnection,
    holder: &str,
    held: &[Held],
) -> Result<(), DbError> {
    db::held_manifests::clear(tx, holder).await?;
    add(tx, holder, held).await
}

/// Says what the holder needs beside what it has said before.
pub async fn add(tx: &mut SqliteConnection, holder: &str, held: &[Held]) -> Result<(), DbError> {
    for held in held {
        let (repository, digest) = (&held.repository, &held.digest);
        db::held_manifests::put(tx, holder, repository, digest, &held.reason).await?;
    }
    Ok(())
}

/// What the holder needs.
pub async fn of(
    tx: &mut SqliteConnection,
    holder: &str,
) -> Result<Vec<(RepositoryName, Digest)>, DbError> {
    db::held_manifests::of(tx, holder).await
}

/// Forgets what others hold than those that this says are still there.
pub async fn retain(
    tx: &mut SqliteConnection,
    is_there: impl Fn(&str) -> bool + Send,
) -> Result<(), DbError> {
    for holder in db::held_manifests::holders(tx).await? {
        if !is_there(&holder) {
            db::held_manifests::clear(tx, &holder).await?;
        }
    }
    Ok(())
}
