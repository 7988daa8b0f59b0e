use berth_oci::{Hasher, UploadId};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::try_join;

use super::Pipe;
use crate::body::{Body, BodyError};
use crate::quota::{OverQuota, Room};
use crate::store::{BlobStore, StoreError};

/// So much is hashed and written at a time: enough to make the hops to other threads cheap.
const BATCH_BYTES: usize = 1024 * 1024;
/// A client may send its bytes one by one, and each piece has a cost of its own.
const BATCH_PIECES: usize = 1024;

pub(super) enum AppendError {
    Body(BodyError),
    /// More has come than there is room for.
    OverQuota(OverQuota),
    Store(StoreError),
}

/// Hashes and writes what comes: one batch is on its way to disk while the next one is received.
pub(super) struct Appender {
    pipe: Pipe,
    offset: u64,
    room: Room,
}

impl Appender {
    pub(super) async fn open(
        store: &dyn BlobStore,
        upload: UploadId,
        offset: u64,
        hasher: Hasher,
        room: Room,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            pipe: Pipe::new(store.stage(upload, offset).await?, hasher),
            offset,
            room,
        })
    }

    /// Takes the body to its end. When it is cut, what arrived is written all the same.
    pub(super) async fn append(&mut self, body: &mut Body) -> Result<(), AppendError> {
        let (mut batch, mut end) = Batch::receive(body).await;
        loop {
            let length = batch.length;
            // Its length may be known only now.
            let held = self.room.hold(self.offset + length);
            held.map_err(AppendError::OverQuota)?;
            let written = self.pipe.push(batch.pieces);
            if let Some(end) = end {
                written.await.map_err(AppendError::Store)?;
                self.offset += length;
                return end.map_err(AppendError::Body);
            }
            let (next, ()) = {
                let receive = async { Ok(Batch::receive(body).await) };
                try_join(receive, written)
                    .await
                    .map_err(AppendError::Store)?
            };
            self.offset += length;
            (batch, end) = next;
        }
    }

    /// Makes all that was written durable.
    pub(super) async fn sync(&mut self) -> Result<(), StoreError> {
        self.pipe.sync().await
    }

    /// The offset and the hash of all that was written.
    pub(super) async fn finish(self) -> Result<(u64, Hasher), StoreError> {
        Ok((self.offset, self.pipe.finish().await?))
    }
}

#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    length: u64,
}

impl Batch {
    /// Receives until the batch is large enough or the body ends, well or not.
    async fn receive(body: &mut Body) -> (Self, Option<Result<(), BodyError>>) {
        let mut batch = Self::default();
        while batch.length < BATCH_BYTES as u64 && batch.pieces.len() < BATCH_PIECES {
            match body.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    batch.length += piece.len() as u64;
                    batch.pieces.push(piece);
                }
                Some(Err(error)) => return (batch, Some(Err(error))),
                None => return (batch, Some(Ok(()))),
            }
        }
        (batch, None)
    }
}
