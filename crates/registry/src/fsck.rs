//! Compares the database with the store and with itself, also beside a running server.
//!
//! - A page of rows is read at a time, and the store is listed in parts: memory does not grow.
//! - What looks wrong is asked about again. Rows go before bytes, so bytes that are missing while the
//!   row still stands are missing indeed.
//! - An object is published under a second name, then its row is written, then the first name goes. So
//!   an object without a row, whose upload is not staged, and that has no row after that either, is
//!   nobody's; keys are never used twice, so it stays that way.
//! - A repair is one transaction that looks again first.

use std::sync::Arc;

use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::store::{BlobStore, StoreError};

mod blobs;
mod finding;
mod manifests;
mod objects;
mod rows;

pub use finding::{Finding, Outcome, Problem};

#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a check is made.
#[derive(Clone, Copy, Debug)]
pub struct FsckOptions {
    /// Whether the bytes of every blob are read and hashed.
    pub hash: bool,
    /// Whether what can be repaired is.
    pub repair: bool,
}

/// What a check has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    pub blobs: u64,
    /// Bytes that were hashed.
    pub hashed_bytes: u64,
    pub objects: u64,
    pub manifests: u64,
    pub tags: u64,
}

/// Who is told while a check runs.
pub trait Watch: Send {
    fn found(&mut self, finding: Finding);
    /// So far, and how much of the blobs there is.
    fn progress(&mut self, checked: &Checked, blobs: u64, bytes: u64);
}

/// A check of the whole registry.
pub struct Fsck {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Arc<dyn Clock>,
    options: FsckOptions,
    checked: Checked,
    blobs: u64,
    bytes: u64,
}

impl Fsck {
    pub fn new(
        db: Db,
        store: Arc<dyn BlobStore>,
        clock: Arc<dyn Clock>,
        options: FsckOptions,
    ) -> Self {
        Self {
            db,
            store,
            clock,
            options,
            checked: Checked::default(),
            blobs: 0,
            bytes: 0,
        }
    }

    /// Looks at everything, and tells of what is wrong as it comes.
    pub async fn run(mut self, watch: &mut dyn Watch) -> Result<Checked, FsckError> {
        // A store that is not there lacks everything, and is no reason to mark everything.
        self.store.probe_read().await?;
        let mut connection = self.db.read_unasked().await?;
        (self.blobs, self.bytes) = crate::db::checks::blob_totals(&mut connection).await?;
        drop(connection);
        self.check_rows(watch).await?;
        self.check_manifests(watch).await?;
        self.check_blobs(watch).await?;
        self.check_objects(watch).await?;
        // After all that may have changed what is summed up.
        self.check_usage(watch).await?;
        Ok(self.checked)
    }

    fn progress(&self, watch: &mut dyn Watch) {
        watch.progress(&self.checked, self.blobs, self.bytes);
    }

    /// How a finding ends that can be repaired.
    fn repaired(&self) -> Outcome {
        if self.options.repair {
            Outcome::Repaired
        } else {
            Outcome::Found
        }
    }
}

#[cfg(test)]
mod tests;
