use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use berth_oci::{Digest, Hasher};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::file::{self, Pieces};
use super::folder::{self, Folder};
use super::manifest::FORMAT;
use super::secrets::{self, LostSecret};
use super::{BackupManifest, NAMED, PARALLEL, Progress, RestoreBackupError, Watch, restore_error};
use crate::audit::{Actor, Entry};
use crate::auth::SecretKeys;
use crate::clock::Clock;
use crate::db::checks::CheckedBlob;
use crate::db::{self, DbError, RESTORING, copy};
use crate::release::Release;
use crate::store::{BlobStore, StoreError};

/// A restore that is to be made. Nothing else uses the database file and the store.
pub struct Restore {
    /// Where the database belongs.
    pub file: PathBuf,
    pub store: Arc<dyn BlobStore>,
    pub clock: Arc<dyn Clock>,
    pub release: Release,
    /// Whether to go on without blobs that are missing.
    pub allow_missing: bool,
}

/// A database that is whole but for its blobs, and not in its place yet.
pub struct Restoring {
    restore: Restore,
    from: Folder,
    manifest: BackupManifest,
    /// Where the database is until then.
    unfinished: PathBuf,
    database: SqliteConnection,
    progress: Progress,
    missing: usize,
    first_missing: Vec<Digest>,
}

impl Restore {
    /// Looks whether the backup is whole and there is nothing in its way, and takes up its database.
    pub async fn begin(self, from: &Path) -> Result<Restoring, RestoreBackupError> {
        let from = Folder::new(from);
        let manifest = read_manifest(&from)?;
        let unfinished = copy::with_suffix(&self.file, RESTORING);
        let again = unfinished.exists();
        if self.file.exists() {
            return Err(RestoreBackupError::DatabaseThere(self.file));
        }
        if !again && manifest.blobs.list.is_none() && !empty(&*self.store).await? {
            return Err(RestoreBackupError::StoreNotEmpty);
        }
        let copied = from.path.join(&manifest.database.file);
        if let Some(folder) = self.file.parent() {
            folder::make_private(folder).map_err(restore_error("make", folder))?;
        }
        let partial = folder::partial_of(&unfinished);
        let digest = file::copy(&copied, &partial)
            .await
            .map_err(restore_error("copy", &copied))?;
        if digest.hex() != manifest.database.sha256 {
            copy::remove(&partial).map_err(restore_error("remove", &partial))?;
            return Err(RestoreBackupError::CorruptCopy(copied));
        }
        // What a restore that was interrupted has left stays until this one takes its place: by it
        // the store is known to hold nothing but blobs of a restore.
        for suffix in ["-journal", "-wal", "-shm"] {
            let leftover = copy::with_suffix(&unfinished, suffix);
            copy::remove(&leftover).map_err(restore_error("remove", &leftover))?;
        }
        fs::rename(&partial, &unfinished)
            .and_then(|()| copy::sync_folder_of(&unfinished))
            .map_err(restore_error("write", &unfinished))?;
        let mut database = open(&unfinished).await?;
        db::upgrade(&mut database, &self.release).await?;
        let (of_blobs, of_bytes) = db::checks::blob_totals(&mut database).await?;
        Ok(Restoring {
            restore: self,
            from,
            manifest,
            unfinished,
            database,
            progress: Progress {
                of_blobs,
                of_bytes,
                ..Progress::default()
            },
            missing: 0,
            first_missing: Vec::new(),
        })
    }
}

impl Restoring {
    pub fn manifest(&self) -> &BackupManifest {
        &self.manifest
    }

    /// For the parts of Berth that keep rows of their own.
    pub fn database(&mut self) -> &mut SqliteConnection {
        &mut self.database
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Puts the blobs into the store, each after its digest was proved; of a list, sees to it that
    /// they are there.
    pub async fn blobs(&mut self, watch: &mut dyn Watch) -> Result<(), RestoreBackupError> {
        let mut after = 0;
        loop {
            let page = db::checks::blobs_after(&mut self.database, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = last.row.id;
            let (store, from) = (&self.restore.store, &self.from);
            let listed = self.manifest.blobs.list.is_some();
            let page = page.into_iter().filter(|blob| !blob.marked);
            let blobs = page.map(|blob| async move {
                let state = if listed {
                    look_at(&**store, &blob).await
                } else {
                    put(&**store, from, &blob).await
                };
                state.map(|state| (blob, state))
            });
            let mut blobs = stream::iter(blobs).buffered(PARALLEL);
            while let Some(blob) = blobs.next().await {
                let (blob, state) = blob?;
                match state {
                    State::There => self.progress.add(&blob),
                    State::Copied => {
                        self.progress.add(&blob);
                        self.progress.copied_blobs += 1;
                        self.progress.copied_bytes += blob.row.size_bytes;
                    }
                    State::Missing => {
                        watch.damaged(&blob.digest);
                        self.missing += 1;
                        let (id, key) = (blob.row.id, &blob.row.key);
                        let now = self.restore.clock.now();
                        db::blobs::mark_corrupt(&mut self.database, id, key, now).await?;
                        if self.first_missing.len() < NAMED {
                            self.first_missing.push(blob.digest);
                        }
                    }
                }
                watch.progress(&self.progress);
            }
        }
        if self.missing > 0 && !self.restore.allow_missing {
            return Err(RestoreBackupError::Lacking {
                count: self.missing,
                first: std::mem::take(&mut self.first_missing),
            });
        }
        Ok(())
    }

    /// Ends what was under way when the backup was made. What was deleted or unused then is kept for
    /// the grace time from now on. Secrets that the keys do not open are removed, and come back.
    pub async fn settle(
        &mut self,
        keys: &SecretKeys,
        grace: Duration,
    ) -> Result<Vec<LostSecret>, RestoreBackupError> {
        let now = self.restore.clock.now();
        let mut transaction = self.database.begin().await.map_err(DbError::from)?;
        db::restored::forget_unfinished(&mut transaction).await?;
        db::restored::put_off(&mut transaction, now.plus(grace)).await?;
        let lost = secrets::remove_lost(&mut transaction, keys).await?;
        Entry::done(&Actor::system(), "backup.restore", &self.manifest.made_at)
            .record(&mut transaction, now)
            .await?;
        transaction.commit().await.map_err(DbError::from)?;
        Ok(lost)
    }

    /// Puts the database in its place.
    pub async fn finish(self) -> Result<(), RestoreBackupError> {
        let (unfinished, file) = (self.unfinished, self.restore.file);
        self.database.close().await.map_err(DbError::from)?;
        let failed = restore_error("finish", &file);
        File::open(&unfinished)
            .and_then(|database| database.sync_all())
            .and_then(|()| fs::rename(&unfinished, &file))
            .and_then(|()| copy::sync_folder_of(&file))
            .map_err(&failed)
    }
}

fn read_manifest(from: &Folder) -> Result<BackupManifest, RestoreBackupError> {
    let path = from.manifest();
    let text = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(RestoreBackupError::NoBackup(from.path.clone()));
        }
        read => read.map_err(restore_error("read", &path))?,
    };
    let read = serde_json::from_slice::<BackupManifest>(&text).and_then(|manifest| {
        if manifest.format == FORMAT {
            Ok(manifest)
        } else {
            let format = manifest.format;
            Err(serde::de::Error::custom(format!("its format is {format}")))
        }
    });
    let manifest = read.map_err(|source| RestoreBackupError::Manifest {
        path: path.clone(),
        source: Arc::new(source),
    })?;
    // It names a file of the folder, and nothing else.
    if Path::new(&manifest.database.file).components().count() != 1
        || manifest.database.file.starts_with('.')
    {
        return Err(RestoreBackupError::CorruptCopy(path));
    }
    Ok(manifest)
}

async fn empty(store: &dyn BlobStore) -> Result<bool, StoreError> {
    let first = store.objects().try_next().await?;
    Ok(first.is_none() && store.staged().await?.is_empty())
}

async fn open(file: &Path) -> Result<SqliteConnection, DbError> {
    Ok(SqliteConnectOptions::new()
        .filename(file)
        // So that the file alone is the database.
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .disable_statement_logging()
        .connect()
        .await?)
}

enum State {
    There,
    Copied,
    Missing,
}

async fn look_at(store: &dyn BlobStore, blob: &CheckedBlob) -> Result<State, RestoreBackupError> {
    let bytes = store.object_bytes(&blob.row.key).await?;
    Ok(if bytes == Some(blob.row.size_bytes) {
        State::There
    } else {
        State::Missing
    })
}

/// Stores a blob under the key that it had. One that an interrupted restore has left is read again,
/// since a power cut may have left less of it.
async fn put(
    store: &dyn BlobStore,
    from: &Folder,
    blob: &CheckedBlob,
) -> Result<State, RestoreBackupError> {
    let key = &blob.row.key;
    let Some(upload) = store.upload(key) else {
        return Err(RestoreBackupError::ForeignKey(key.to_string()));
    };
    if store.object_bytes(key).await?.is_some() {
        if right(store, blob).await? {
            store.settle(upload).await?;
            return Ok(State::There);
        }
        store.discard(upload).await?;
    }
    let path = from.blob(&blob.digest);
    let failed = restore_error("read", &path);
    let mut pieces = match Pieces::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Missing),
        opened => opened.map_err(&failed)?,
    };
    let mut staging = store.stage(upload, 0).await?;
    let mut hasher = Hasher::new(blob.digest.algorithm());
    loop {
        let (rest, piece) = pieces.next().await.map_err(&failed)?;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
        staging.write(vec![piece]).await?;
        pieces = rest;
    }
    drop(staging);
    if hasher.finish() != blob.digest {
        store.discard(upload).await?;
        return Ok(State::Missing);
    }
    store.publish(upload).await?;
    store.settle(upload).await?;
    Ok(State::Copied)
}

async fn right(store: &dyn BlobStore, blob: &CheckedBlob) -> Result<bool, StoreError> {
    if store.object_bytes(&blob.row.key).await? != Some(blob.row.size_bytes) {
        return Ok(false);
    }
    let mut hasher = Hasher::new(blob.digest.algorithm());
    let mut pieces = store.read(&blob.row.key, 0..blob.row.size_bytes).await?;
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(&piece);
    }
    Ok(hasher.finish() == blob.digest)
}
