//! Blobs in a local folder.
//!
//! ```text
//! lock                   held by the server that is running
//! uploads/<upload>       bytes that are still coming, appended to
//! blobs/ab/<upload>      published bytes; `ab` are the first two digits of the name
//! ```
//!
//! To publish is to give the staged file a second name and to sync the file and the folder of that
//! name. The first name goes once the database has the key. So whatever a crash leaves behind still
//! has a name in `uploads`, which is small: it is found there without a walk through the blobs.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use berth_oci::UploadId;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::{GetResultPayload, ObjectStoreExt as _};
use rustix::fs::{FlockOperation, flock, statvfs};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use uuid::Uuid;

use super::{BlobStore, ByteStream, Key, Staging, StoreError, StoreSpace};
use crate::sentence;

mod list;
mod read;

/// So much of an upload may wait to be written to the disk: it is written there while more comes, so that
/// little is left to wait for at the end.
const SYNC_BYTES: u64 = 16 * 1024 * 1024;

pub struct LocalStore {
    root: PathBuf,
    objects: LocalFileSystem,
    /// Held by a server while the store is open: another one would sweep our uploads away.
    _lock: Option<File>,
}

impl LocalStore {
    /// Opens the folder, and makes it if it is not there.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        create_folders(root).map_err(io_error(sentence("create the folders")))?;
        let lock = lock(root).map_err(io_error(sentence(
            "lock the folder, which another server may hold,",
        )))?;
        Self::opened(root, Some(lock))
    }

    /// Opens a folder that is there, beside a server that may be running.
    pub fn attach(root: &Path) -> Result<Self, StoreError> {
        for folder in ["uploads", "blobs"] {
            fs::metadata(root.join(folder)).map_err(io_error(sentence("find the folders")))?;
        }
        Self::opened(root, None)
    }

    fn opened(root: &Path, lock: Option<File>) -> Result<Self, StoreError> {
        let objects = LocalFileSystem::new_with_prefix(root)
            .map_err(object_error(sentence("open the folder")))?;
        Ok(Self {
            root: root.to_owned(),
            objects,
            _lock: lock,
        })
    }

    fn staged_path(&self, upload: UploadId) -> PathBuf {
        self.root.join("uploads").join(upload.to_string())
    }

    fn object_path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    async fn open_object(&self, key: &Key) -> Result<File, StoreError> {
        let found =
            self.objects
                .get(&key.as_str().into())
                .await
                .map_err(|source| match source {
                    object_store::Error::NotFound { .. } => StoreError::Missing(key.to_string()),
                    source => StoreError::Object {
                        action: sentence("open an object"),
                        source,
                    },
                })?;
        match found.payload {
            GetResultPayload::File(file, _) => Ok(file),
            GetResultPayload::Stream(_) => unreachable!("a local store gives files"),
        }
    }
}

#[async_trait]
impl BlobStore for LocalStore {
    async fn stage(&self, upload: UploadId, offset: u64) -> Result<Box<dyn Staging>, StoreError> {
        let path = self.staged_path(upload);
        blocking(move || {
            let mut options = OpenOptions::new();
            options.write(true).create(offset == 0).truncate(false);
            let file = options.open(&path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => StoreError::Missing(upload.to_string()),
                _ => io_error(sentence("open an upload"))(source),
            })?;
            let length = file
                .metadata()
                .map_err(io_error(sentence("open an upload")))?
                .len();
            if length < offset {
                return Err(StoreError::Short {
                    key: upload.to_string(),
                    at: length,
                });
            }
            if length > offset {
                file.set_len(offset)
                    .map_err(io_error(sentence("cut an upload")))?;
            }
            Ok(Box::new(StagedFile {
                file: Arc::new(file),
                offset,
                unsynced: 0,
                syncing: None,
            }) as Box<dyn Staging>)
        })
        .await
    }

    async fn staged_bytes(&self, upload: UploadId) -> Result<Option<u64>, StoreError> {
        let path = self.staged_path(upload);
        blocking(move || length(&path).map_err(io_error(sentence("look at an upload")))).await
    }

    async fn read_staged(
        &self,
        upload: UploadId,
        range: Range<u64>,
    ) -> Result<ByteStream, StoreError> {
        let path = self.staged_path(upload);
        let file = blocking(move || {
            File::open(path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => StoreError::Missing(upload.to_string()),
                _ => io_error(sentence("open an upload"))(source),
            })
        })
        .await?;
        Ok(read::stream(file, upload.to_string(), range))
    }

    async fn publish(&self, upload: UploadId) -> Result<Key, StoreError> {
        let key = self.key(upload);
        let staged = self.staged_path(upload);
        let object = self.object_path(&key);
        blocking(move || {
            publish(&staged, &object).map_err(io_error(sentence("publish an upload")))
        })
        .await?;
        Ok(key)
    }

    async fn settle(&self, upload: UploadId) -> Result<(), StoreError> {
        let staged = self.staged_path(upload);
        blocking(move || remove(&staged).map_err(io_error(sentence("settle an upload")))).await
    }

    async fn discard(&self, upload: UploadId) -> Result<(), StoreError> {
        let object = self.object_path(&self.key(upload));
        let staged = self.staged_path(upload);
        // In this order, so that a crash in between leaves the name that the next start looks for.
        blocking(move || {
            remove(&object)
                .and_then(|()| remove(&staged))
                .map_err(io_error(sentence("discard an upload")))
        })
        .await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let object = self.object_path(key);
        blocking(move || remove(&object).map_err(io_error(sentence("remove an object")))).await
    }

    async fn staged(&self) -> Result<Vec<UploadId>, StoreError> {
        let folder = self.root.join("uploads");
        blocking(move || staged_in(&folder).map_err(io_error(sentence("list the uploads")))).await
    }

    fn key(&self, upload: UploadId) -> Key {
        let name = upload.to_string();
        Key(format!("blobs/{}/{name}", &name[..2]))
    }

    fn upload(&self, key: &Key) -> Option<UploadId> {
        let (_, name) = key.as_str().rsplit_once('/')?;
        let upload = name.parse().ok()?;
        (self.key(upload) == *key).then_some(upload)
    }

    fn objects(&self) -> BoxStream<'static, Result<Vec<Key>, StoreError>> {
        list::objects(self.root.join("blobs"))
    }

    async fn object_bytes(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        let object = self.object_path(key);
        blocking(move || length(&object).map_err(io_error(sentence("look at an object")))).await
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let file = self.open_object(key).await?;
        Ok(read::stream(file, key.to_string(), range))
    }

    async fn file(&self, key: &Key, size_bytes: u64) -> Result<Option<File>, StoreError> {
        let file = match self.open_object(key).await {
            Err(StoreError::Missing(_)) => return Ok(None),
            opened => opened?,
        };
        let there = file
            .metadata()
            .map_err(io_error(sentence("open an object")))?;
        Ok((there.len() >= size_bytes).then_some(file))
    }

    fn kind(&self) -> &'static str {
        "local"
    }

    async fn space(&self) -> Result<Option<StoreSpace>, StoreError> {
        let root = self.root.clone();
        blocking(move || {
            let disk = statvfs(root)
                .map_err(io::Error::from)
                .map_err(io_error(sentence("look at the disk")))?;
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            Ok(Some(StoreSpace {
                total_bytes: bytes(disk.f_blocks),
                free_bytes: bytes(disk.f_bavail),
            }))
        })
        .await
    }

    async fn probe_read(&self) -> Result<(), StoreError> {
        let folder = self.root.join("blobs").join("00");
        blocking(move || {
            fs::read_dir(folder)
                .map(drop)
                .map_err(io_error(sentence("list the blobs")))
        })
        .await
    }

    async fn probe_write(&self) -> Result<(), StoreError> {
        // One name, so that a probe that was given up is the next one's to remove.
        let probe = UploadId::from(Uuid::nil());
        let mut staging = self.stage(probe, 0).await?;
        let written = staging.write(vec![Bytes::from_static(&[0; 4096])]).await;
        self.discard(probe).await?;
        written
    }
}

struct StagedFile {
    file: Arc<File>,
    offset: u64,
    /// Bytes that were written since the last sync began.
    unsynced: u64,
    syncing: Option<JoinHandle<Result<(), StoreError>>>,
}

impl StagedFile {
    /// Begins to write what is due to the disk, unless that is going on.
    async fn sync_beside(&mut self) -> Result<(), StoreError> {
        if self.unsynced < SYNC_BYTES {
            return Ok(());
        }
        if self.syncing.as_ref().is_some_and(|it| !it.is_finished()) {
            return Ok(());
        }
        self.synced().await?;
        let file = Arc::clone(&self.file);
        self.syncing = Some(spawn_blocking(move || sync(&file)));
        self.unsynced = 0;
        Ok(())
    }

    /// Waits for the sync that is going on.
    async fn synced(&mut self) -> Result<(), StoreError> {
        let Some(syncing) = &mut self.syncing else {
            return Ok(());
        };
        // It stays until it is known, so that nobody who stops waiting takes its error away.
        let synced = joined(syncing).await;
        self.syncing = None;
        synced
    }
}

#[async_trait]
impl Staging for StagedFile {
    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<(), StoreError> {
        let file = Arc::clone(&self.file);
        let start = self.offset;
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.offset += length;
        blocking(move || {
            write_all_at(&file, &pieces, start).map_err(io_error(sentence("write an upload")))
        })
        .await?;
        self.unsynced += length;
        self.sync_beside().await
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        self.synced().await?;
        let file = Arc::clone(&self.file);
        blocking(move || sync(&file)).await
    }

    async fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        self.synced().await
    }
}

fn sync(file: &File) -> Result<(), StoreError> {
    file.sync_data()
        .map_err(io_error(sentence("sync an upload")))
}

fn write_all_at(file: &File, pieces: &[Bytes], start: u64) -> io::Result<()> {
    let mut at = start;
    for piece in pieces {
        file.write_all_at(piece, at)?;
        at += piece.len() as u64;
    }
    Ok(())
}

/// The folders and their 256 parts, durable before the first object is.
fn create_folders(root: &Path) -> io::Result<()> {
    let blobs = root.join("blobs");
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700).create(root)?;
    private.create(root.join("uploads"))?;
    private.create(&blobs)?;
    for part in 0..=u8::MAX {
        match fs::create_dir(blobs.join(format!("{part:02x}"))) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    sync_folder(&blobs)?;
    sync_folder(root)?;
    root.parent().map_or(Ok(()), sync_folder)
}

fn lock(root: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join("lock"))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Links first and syncs after: on a journalling file system the first sync then commits the link
/// too, and the second finds nothing left to do.
fn publish(staged: &Path, object: &Path) -> io::Result<()> {
    match fs::hard_link(staged, object) {
        // An earlier try got this far. Both names are of one file, since keys are never used twice.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        linked => linked?,
    }
    File::open(object)?.sync_all()?;
    object.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}

fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => Ok(Some(found?.len())),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Names that are no upload's are somebody else's files, and left alone.
fn staged_in(folder: &Path) -> io::Result<Vec<UploadId>> {
    let mut uploads = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Some(upload) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            uploads.push(upload);
        }
    }
    Ok(uploads)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    joined(spawn_blocking(work)).await
}

async fn joined<T>(
    work: impl Future<Output = Result<Result<T, StoreError>, JoinError>>,
) -> Result<T, StoreError> {
    match work.await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(StoreError::Io {
                action: "finish",
                source: io::Error::other(error),
            }),
        },
    }
}

fn io_error(action: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Io { action, source },
    }
}

fn object_error(action: &'static str) -> impl Fn(object_store::Error) -> StoreError {
    move |source| StoreError::Object { action, source }
}

#[cfg(test)]
mod tests;
