//! Where the bytes of blobs live: one trait, and one module for each driver.

use std::fmt;
use std::fs::File;
use std::ops::Range;

use async_trait::async_trait;
use berth_oci::UploadId;
use bytes::Bytes;
use futures_util::stream::BoxStream;

mod local;

pub use local::LocalStore;

/// The place of an object, which only the driver that made it can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Takes up a key that a driver made and the database kept.
    pub(crate) fn from_row(key: String) -> Self {
        Self(key)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// A store of blobs.
///
/// The bytes of an upload are staged until their digest is proved, then published under a key.
/// A published object never changes. Nothing is visible by being here: only a row of the database
/// makes it so, and that row is written after [`BlobStore::publish`] has returned.
///
/// Only one caller at a time works on an upload; [`crate::upload`] sees to that.
#[async_trait]
pub trait BlobStore: Send + Sync + 'static {
    /// Opens what an upload has staged, to write on at `offset`. What lies behind that, written
    /// and never acknowledged, is cut off.
    ///
    /// Errors: [`StoreError::Missing`] when less than `offset` bytes are there.
    async fn stage(&self, upload: UploadId, offset: u64) -> Result<Box<dyn Staging>, StoreError>;

    /// How many bytes an upload has staged; `None` when it has no place.
    async fn staged_bytes(&self, upload: UploadId) -> Result<Option<u64>, StoreError>;

    /// Staged bytes, also while more are written behind them. What was opened can be read to its
    /// end even if the upload ends meanwhile.
    ///
    /// Errors: [`StoreError::Missing`] when the upload has no place.
    async fn read_staged(
        &self,
        upload: UploadId,
        range: Range<u64>,
    ) -> Result<ByteStream, StoreError>;

    /// Makes the staged bytes durable, under the key that [`BlobStore::key`] says. Repeating it is
    /// no error.
    async fn publish(&self, upload: UploadId) -> Result<Key, StoreError>;

    /// Ends an upload whose key stands in the database: the object alone is left.
    async fn settle(&self, upload: UploadId) -> Result<(), StoreError>;

    /// Removes all that an upload has staged or published. Repeating it is no error.
    async fn discard(&self, upload: UploadId) -> Result<(), StoreError>;

    /// Removes an object. Repeating it is no error.
    async fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// The uploads that have staged bytes.
    async fn staged(&self) -> Result<Vec<UploadId>, StoreError>;

    /// Where [`BlobStore::publish`] puts an upload.
    fn key(&self, upload: UploadId) -> Key;

    /// The upload whose [`BlobStore::key`] this is; `None` for what this store would not make.
    fn upload(&self, key: &Key) -> Option<UploadId>;

    /// All objects, in parts that are small however many there are, and in no order. What is
    /// published or removed meanwhile may be among them or not.
    fn objects(&self) -> BoxStream<'static, Result<Vec<Key>, StoreError>>;

    /// How large an object is; `None` when there is no such object.
    async fn object_bytes(&self, key: &Key) -> Result<Option<u64>, StoreError>;

    /// The bytes of an object. The stream ends with an error when there are fewer than asked for.
    ///
    /// Errors: [`StoreError::Missing`] when there is no such object.
    async fn read(&self, key: &Key, range: Range<u64>) -> Result<ByteStream, StoreError>;

    /// The object as an open file with all of its `size_bytes`; `None` where a store has no files, or when
    /// the file is not whole: then [`BlobStore::read`] says what is wrong with it.
    async fn file(&self, _key: &Key, _size_bytes: u64) -> Result<Option<File>, StoreError> {
        Ok(None)
    }

    /// What kind of store this is.
    fn kind(&self) -> &'static str;

    /// The room for objects; `None` where a store knows of no bounds.
    async fn space(&self) -> Result<Option<StoreSpace>, StoreError>;

    /// Whether objects can be read: the store is reached and answers.
    async fn probe_read(&self) -> Result<(), StoreError>;

    /// Whether objects can be written: something small is, and is removed again.
    async fn probe_write(&self) -> Result<(), StoreError>;
}

/// The room of a store, whoever else takes some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSpace {
    pub total_bytes: u64,
    pub free_bytes: u64,
}

/// The staged bytes of an upload, open for writing.
#[async_trait]
pub trait Staging: Send {
    /// Appends the pieces in order. After an error the upload goes on from what was last put aside.
    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<(), StoreError>;

    /// Makes what was written durable, so that a row may say that it is there.
    async fn sync(&mut self) -> Result<(), StoreError>;

    /// Ends the writing. Part of it may be on its way to the disk, and that this fails is told here and
    /// by nothing else: what was not finished must not be published.
    async fn finish(self: Box<Self>) -> Result<(), StoreError>;
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no space is left in the blob store")]
    Full,
    #[error("`{0}` is missing in the blob store")]
    Missing(String),
    #[error("`{key}` ends at byte {at} in the blob store, before its size")]
    Short { key: String, at: u64 },
    #[error("could not {action} in the blob store")]
    Io {
        action: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("could not {action} in the blob store")]
    Object {
        action: &'static str,
        #[source]
        source: object_store::Error,
    },
}
