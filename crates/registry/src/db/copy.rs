//! Copies of the database, whole and of one moment, made while it is in use.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::SqliteConnection;
use tracing::{info, warn};

use super::DbError;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("no space is left for a copy of the database")]
    Full,
    #[error("could not write a copy of the database")]
    Io(#[source] io::Error),
    #[error("could not copy the database")]
    Db(#[source] DbError),
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<DbError> for CopyError {
    fn from(error: DbError) -> Self {
        if error.full() {
            Self::Full
        } else {
            Self::Db(error)
        }
    }
}

/// Makes a durable copy that only its owner can read. It has its name once it is whole; a copy of
/// that name is replaced.
pub(crate) async fn make(connection: &mut SqliteConnection, to: &Path) -> Result<(), CopyError> {
    let unfinished = with_suffix(to, ".partial");
    let made = vacuum(connection, &unfinished).await;
    if made.is_err() {
        // What went wrong before is told; the next copy replaces what stays.
        let _ = remove(&unfinished);
    }
    made?;
    fs::rename(&unfinished, to)?;
    sync_folder_of(to)?;
    Ok(())
}

async fn vacuum(connection: &mut SqliteConnection, to: &Path) -> Result<(), CopyError> {
    remove(to)?;
    // SQLite takes an empty file, and would make one that others can read.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    let name = to
        .to_str()
        .ok_or_else(|| io::Error::from(ErrorKind::InvalidFilename))?;
    sqlx::query("VACUUM INTO $1")
        .bind(name)
        .execute(connection)
        .await
        .map_err(DbError::from)?;
    file.sync_all()?;
    Ok(())
}

/// The name of the copy that is made before a migration.
pub(super) fn before(file: &Path, version: i64) -> PathBuf {
    with_suffix(file, &format!(".before-{version:04}"))
}

/// The copies that were made before migrations.
pub(super) fn made_before(file: &Path) -> Vec<PathBuf> {
    let Some((folder, name)) = file.parent().zip(file.file_name()) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let prefix = [name.as_encoded_bytes(), b".before-"].concat();
    let is_copy = |name: &OsString| {
        let rest = name.as_encoded_bytes().strip_prefix(&prefix[..]);
        rest.is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .filter(is_copy)
        .map(|name| folder.join(name))
        .collect()
}

/// Removes the copies of upgrades before the last one. They take space and nothing else.
pub(super) fn remove_others(file: &Path, kept: &Path) {
    for copy in made_before(file) {
        if copy.file_name() == kept.file_name() {
            continue;
        }
        match remove(&copy) {
            Ok(()) => info!("removed {}, the copy of an earlier upgrade", copy.display()),
            Err(error) => warn!(
                error = &error as &dyn std::error::Error,
                "could not remove {}",
                copy.display()
            ),
        }
    }
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
