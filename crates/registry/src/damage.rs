//! A blob whose bytes turn out to be gone while they are read: it is marked, so that the next client
//! is told that it is absent and can push it again.

use berth_oci::Digest;
use futures_util::FutureExt as _;
use tracing::error;

use crate::clock::Timestamp;
use crate::db::blobs::BlobRow;
use crate::db::{self, Db, DbError};
use crate::store::{BlobStore, StoreError};

/// Marks the blob if the error says that its object is missing or short. Tells whether that is so;
/// then the blob is absent from now on, if only because its row has gone meanwhile.
pub(crate) async fn note(
    db: &Db,
    store: &dyn BlobStore,
    digest: &Digest,
    blob: &BlobRow,
    found: &StoreError,
    now: Timestamp,
) -> Result<bool, DbError> {
    match found {
        // A disk that is not there lacks everything, and is no reason to mark everything.
        StoreError::Missing(_) if store.probe_read().await.is_err() => return Ok(false),
        StoreError::Missing(_) | StoreError::Short { .. } => {}
        StoreError::Full | StoreError::Io { .. } | StoreError::Object { .. } => return Ok(false),
    }
    let (id, key) = (blob.id, blob.key.clone());
    let marked = db
        .write(move |tx| async move { db::blobs::mark_corrupt(tx, id, &key, now).await }.boxed())
        .await?;
    if marked {
        error!(digest = %digest, error = found as &dyn std::error::Error, "the bytes of blob {digest} are damaged: it is not served until it is pushed again");
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
