//! Backups, made while a server runs, and how they are restored.
//!
//! ```text
//! backup.json                    written last: what the backup is, and the names of its parts
//! berth-<time>.db                a copy of the database of one moment
//! blobs/sha256/ab/ab12…          the bytes of each blob that the copy names
//! blobs-<time>.tsv               instead of those: key, size and digest of each, for other tools
//! lock                           held while the backup is being made
//! ```
//!
//! - A hold is taken before the database is copied. What goes after that keeps its bytes, so all that
//!   the copy names can be copied after it.
//! - Bytes are hashed as they are copied; what is corrupt is marked, in the copy too.
//! - A backup into the folder of an earlier one adds what is new, then `backup.json` is replaced, then
//!   what only the earlier one needed is removed. So one of the two is whole at any time.
//! - A restore puts the database in its place last. Until then it has another name, by which a restore
//!   that was interrupted is known.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use berth_oci::Digest;

use crate::db::{CopyError, DbError, OpenDbError};
use crate::store::StoreError;

mod file;
mod folder;
mod hold;
mod make;
mod manifest;
mod restore;
mod secrets;

pub use make::{Backup, Blobs};
pub use manifest::{BackupManifest, CountedBlobs, DatabaseCopy};
pub use restore::{Restore, Restoring};
pub use secrets::LostSecret;

/// Blobs that are copied at a time.
const PARALLEL: usize = 4;
/// Damaged blobs that are named.
const NAMED: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("another backup is being made in {}", .0.display())]
    Locked(PathBuf),
    #[error("no space is left in {}", .0.display())]
    Full(PathBuf),
    #[error("could not {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not copy the database")]
    Copy(#[from] CopyError),
    #[error(
        "the hold on the bytes of what is deleted has ended, since it could not be renewed in time: \
         begin again"
    )]
    HoldEnded,
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum RestoreBackupError {
    #[error("{} holds no backup that was finished: it has no backup.json", .0.display())]
    NoBackup(PathBuf),
    #[error("{} is none that this release can read", .path.display())]
    Manifest {
        path: PathBuf,
        #[source]
        source: Arc<serde_json::Error>,
    },
    #[error("there is a database already, {}: a backup is restored where there is nothing", .0.display())]
    DatabaseThere(PathBuf),
    #[error("the blob store is not empty: a backup is restored where there is nothing")]
    StoreNotEmpty,
    #[error("{} is not what was written: it has another digest than backup.json says", .0.display())]
    CorruptCopy(PathBuf),
    #[error(
        "the blob store would not keep a blob at `{0}`: the backup is of another kind of store"
    )]
    ForeignKey(String),
    #[error(
        "{count} blobs are missing or corrupt, {}: with --allow-missing the rest is restored, and \
         they are absent until they are pushed again",
        listed(first, *count)
    )]
    Lacking { count: usize, first: Vec<Digest> },
    #[error("could not {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Open(#[from] OpenDbError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn listed(first: &[Digest], count: usize) -> String {
    let names: Vec<_> = first.iter().map(Digest::as_str).collect();
    let more = if count > first.len() {
        " and others"
    } else {
        ""
    };
    format!("{}{more}", names.join(", "))
}

/// Who is told while a backup is made or restored.
pub trait Watch: Send {
    fn progress(&mut self, progress: &Progress);
    /// A blob that is corrupt or missing.
    fn damaged(&mut self, digest: &Digest);
}

/// How far a backup, or a restore, is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub blobs: u64,
    pub bytes: u64,
    pub of_blobs: u64,
    pub of_bytes: u64,
    /// Of them, those that were copied now and not before.
    pub copied_blobs: u64,
    pub copied_bytes: u64,
}

/// How an error of the file system is told.
fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            BackupError::Full(path.to_owned())
        }
        _ => BackupError::Io {
            action,
            path: path.to_owned(),
            source,
        },
    }
}

fn restore_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> RestoreBackupError {
    move |source| RestoreBackupError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
