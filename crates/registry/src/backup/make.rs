use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::file::{self, Copied};
use super::folder::{self, Folder, LockedFolder};
use super::hold::Hold;
use super::manifest::FORMAT;
use super::{
    BackupError, BackupManifest, CountedBlobs, DatabaseCopy, NAMED, PARALLEL, Progress, Watch,
    io_error,
};
use crate::clock::{Clock, Timestamp};
use crate::db::checks::CheckedBlob;
use crate::db::{self, Db, DbError, copy};
use crate::release::Release;
use crate::store::{BlobStore, StoreError};

/// What becomes of the bytes of blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blobs {
    Copied,
    /// Other tools copy them. For so long after the list was made none of their bytes go.
    Listed(Duration),
}

/// A backup that is to be made.
pub struct Backup {
    pub db: Db,
    pub store: Arc<dyn BlobStore>,
    pub clock: Arc<dyn Clock>,
    pub release: Release,
    pub blobs: Blobs,
}

/// One that is being made.
struct Making<'b> {
    backup: &'b Backup,
    folder: &'b Folder,
    copy: SqliteConnection,
    progress: Progress,
    damaged: Vec<String>,
}

impl Backup {
    /// Makes a backup in the folder, in place of the one that it may hold.
    pub async fn make(
        self,
        to: &Path,
        watch: &mut dyn Watch,
    ) -> Result<BackupManifest, BackupError> {
        // Everything is missing in a store that is not there.
        self.store.probe_read().await?;
        let locked = LockedFolder::open(to)?;
        let hold = Hold::take(&self.db, &self.clock).await?;
        let made = hold.during(self.fill(&locked.folder, watch)).await;
        match (&made, self.blobs) {
            (Ok(_), Blobs::Listed(held)) => {
                hold.renew(held).await?;
            }
            (Ok(_), Blobs::Copied) | (Err(_), _) => hold.end().await?,
        }
        made
    }

    async fn fill(
        &self,
        folder: &Folder,
        watch: &mut dyn Watch,
    ) -> Result<BackupManifest, BackupError> {
        let now = self.clock.now();
        let name = format!("berth-{}.db", now.0);
        let file = folder.path.join(&name);
        let mut connection = self.db.read_unasked().await?;
        copy::make(&mut connection, &file).await?;
        drop(connection);
        let mut making = Making {
            backup: self,
            folder,
            copy: open_copy(&file).await?,
            progress: Progress::default(),
            damaged: Vec::new(),
        };
        (making.progress.of_blobs, making.progress.of_bytes) =
            db::checks::blob_totals(&mut making.copy).await?;
        let list = match self.blobs {
            Blobs::Copied => {
                making.copy_blobs(watch).await?;
                None
            }
            Blobs::Listed(_) => Some(making.list_blobs(now, watch).await?),
        };
        let Making {
            copy,
            progress,
            damaged,
            ..
        } = making;
        copy.close().await.map_err(DbError::from)?;
        let (sha256, bytes) = file::digest(&file).await.map_err(io_error("read", &file))?;
        let manifest = BackupManifest {
            format: FORMAT,
            release: self.release.to_string(),
            made_at: rfc_3339(now),
            database: DatabaseCopy {
                file: name,
                bytes,
                sha256: sha256.hex().to_owned(),
            },
            blobs: CountedBlobs {
                count: progress.blobs,
                bytes: progress.bytes,
                list,
            },
            damaged,
        };
        finish(folder, &manifest, &file).await?;
        Ok(manifest)
    }
}

impl Making<'_> {
    async fn copy_blobs(&mut self, watch: &mut dyn Watch) -> Result<(), BackupError> {
        let mut after = 0;
        loop {
            let page = db::checks::blobs_after(&mut self.copy, after).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.row.id;
            let (store, folder) = (&self.backup.store, self.folder);
            let copies = page.into_iter().map(|blob| async move {
                let copied = copy_blob(&**store, folder, &blob).await;
                copied.map(|copied| (blob, copied))
            });
            let mut copies = stream::iter(copies).buffered(PARALLEL);
            while let Some(copied) = copies.next().await {
                let (blob, state) = copied?;
                match state {
                    State::There => self.progress.add(&blob),
                    State::Copied => {
                        self.progress.add(&blob);
                        self.progress.copied_blobs += 1;
                        self.progress.copied_bytes += blob.row.size_bytes;
                    }
                    State::Damaged => {
                        let Making { copy, damaged, .. } = self;
                        watch.damaged(&blob.digest);
                        mark(self.backup, copy, &blob).await?;
                        if damaged.len() < NAMED {
                            damaged.push(blob.digest.to_string());
                        }
                    }
                }
                watch.progress(&self.progress);
            }
        }
    }

    /// The name of the list.
    async fn list_blobs(
        &mut self,
        now: Timestamp,
        watch: &mut dyn Watch,
    ) -> Result<String, BackupError> {
        let name = format!("blobs-{}.tsv", now.0);
        let path = self.folder.path.join(&name);
        let failed = io_error("write", &path);
        let mut list = BufWriter::new(folder::create_private(&path).map_err(&failed)?);
        let mut after = 0;
        loop {
            let page = db::checks::blobs_after(&mut self.copy, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = last.row.id;
            for blob in page.iter().filter(|blob| !blob.marked) {
                self.progress.add(blob);
                let (key, size, digest) = (&blob.row.key, blob.row.size_bytes, &blob.digest);
                writeln!(list, "{key}\t{size}\t{digest}").map_err(&failed)?;
            }
            watch.progress(&self.progress);
        }
        let file = list
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(&failed)?;
        Ok(name)
    }
}

impl Progress {
    pub(super) fn add(&mut self, blob: &CheckedBlob) {
        self.blobs += 1;
        self.bytes += blob.row.size_bytes;
    }
}

enum State {
    There,
    Copied,
    Damaged,
}

async fn copy_blob(
    store: &dyn BlobStore,
    folder: &Folder,
    blob: &CheckedBlob,
) -> Result<State, BackupError> {
    if blob.marked {
        return Ok(State::Damaged);
    }
    let to = folder.blob(&blob.digest);
    let failed = io_error("write", &to);
    // It has its name since its bytes were proved.
    if folder::length(&to).map_err(&failed)? == Some(blob.row.size_bytes) {
        return Ok(State::There);
    }
    if let Some(part) = to.parent() {
        folder::make_private(part).map_err(&failed)?;
    }
    let bytes = match store.read(&blob.row.key, 0..blob.row.size_bytes).await {
        Ok(bytes) => bytes,
        Err(
            StoreError::Missing(_)
            | StoreError::Short { .. }
            | StoreError::Io { .. }
            | StoreError::Object { .. }
            | StoreError::Full,
        ) => return Ok(State::Damaged),
    };
    let copied = file::write(&to, &blob.digest, bytes).await;
    match copied.map_err(&failed)? {
        Copied::Whole => Ok(State::Copied),
        Copied::Damaged => Ok(State::Damaged),
    }
}

/// Sees to it that neither the server nor what is restored serves the blob.
async fn mark(
    backup: &Backup,
    copy: &mut SqliteConnection,
    blob: &CheckedBlob,
) -> Result<(), DbError> {
    let now = backup.clock.now();
    let (id, key) = (blob.row.id, blob.row.key.clone());
    db::blobs::mark_corrupt(copy, id, &key, now).await?;
    backup
        .db
        .write(move |tx| async move { db::blobs::mark_corrupt(tx, id, &key, now).await }.boxed())
        .await?;
    Ok(())
}

async fn open_copy(file: &Path) -> Result<SqliteConnection, DbError> {
    Ok(SqliteConnectOptions::new()
        .filename(file)
        // So that the file alone is the database.
        .journal_mode(SqliteJournalMode::Delete)
        .foreign_keys(true)
        .disable_statement_logging()
        .connect()
        .await?)
}

/// Makes all parts durable, then the backup the one that counts, then removes what it does not need.
async fn finish(
    folder: &Folder,
    manifest: &BackupManifest,
    database: &Path,
) -> Result<(), BackupError> {
    let failed = io_error("finish", &folder.path);
    folder
        .each_part(|part| File::open(part)?.sync_all())
        .and_then(|()| File::open(database)?.sync_all())
        .and_then(|()| copy::sync_folder_of(database))
        .and_then(|()| folder.write_manifest(manifest))
        .and_then(|()| folder.remove_others(manifest))
        .map_err(&failed)?;
    if manifest.blobs.list.is_some() {
        return Ok(());
    }
    let mut copy = open_copy(database).await?;
    let mut parts = Vec::new();
    folder
        .each_part(|part| {
            parts.push(part.to_owned());
            Ok(())
        })
        .map_err(&failed)?;
    for part in parts {
        remove_needless(&mut copy, &part).await?;
    }
    copy.close().await.map_err(DbError::from)?;
    Ok(())
}

/// Removes the files of a part that the copy does not name.
async fn remove_needless(database: &mut SqliteConnection, part: &Path) -> Result<(), BackupError> {
    let failed = io_error("tidy up", part);
    for entry in fs::read_dir(part).map_err(&failed)? {
        let file: PathBuf = entry.map_err(&failed)?.path();
        let needless = match folder::digest_of(&file) {
            Some(digest) => db::blobs::find(database, &digest).await?.is_none(),
            None => folder::partial(&file),
        };
        if needless {
            copy::remove(&file).map_err(&failed)?;
        }
    }
    Ok(())
}

fn rfc_3339(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
