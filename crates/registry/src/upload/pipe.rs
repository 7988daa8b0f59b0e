use berth_oci::Hasher;
use bytes::Bytes;
use futures_util::future::try_join;
use tokio::task::spawn_blocking;

use crate::store::{Staging, StoreError};

/// Less than this is hashed where it is; it takes some tens of microseconds.
const INLINE_BYTES: usize = 64 * 1024;

/// Hashes what it writes to the staged bytes of an upload, beside writing it.
pub struct Pipe {
    staging: Box<dyn Staging>,
    hasher: Hasher,
}

impl Pipe {
    /// `hasher` is that of what is staged already.
    pub fn new(staging: Box<dyn Staging>, hasher: Hasher) -> Self {
        Self { staging, hasher }
    }

    /// Appends the pieces in order. After an error neither the bytes nor the hash say how far it came.
    pub async fn push(&mut self, pieces: Vec<Bytes>) -> Result<(), StoreError> {
        if pieces.is_empty() {
            return Ok(());
        }
        let ((), ()) = try_join(
            hash(&mut self.hasher, pieces.clone()),
            self.staging.write(pieces),
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn sync(&mut self) -> Result<(), StoreError> {
        self.staging.sync().await
    }

    /// The hash of all that was written.
    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Ends the writing, and gives the hash of all that was written.
    pub async fn finish(self) -> Result<Hasher, StoreError> {
        self.staging.finish().await?;
        Ok(self.hasher)
    }
}

async fn hash(hasher: &mut Hasher, pieces: Vec<Bytes>) -> Result<(), StoreError> {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    if length <= INLINE_BYTES {
        pieces.iter().for_each(|piece| hasher.update(piece));
        return Ok(());
    }
    let mut moved = hasher.clone();
    let hashed = spawn_blocking(move || {
        pieces.iter().for_each(|piece| moved.update(piece));
        moved
    });
    *hasher = hashed.await.map_err(|error| StoreError::Io {
        action: "hash an upload",
        source: std::io::Error::other(error),
    })?;
    Ok(())
}
