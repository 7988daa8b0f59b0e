use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::super::{ByteStream, StoreError};
use crate::sentence;

/// Large enough that the hop to a blocking thread costs little beside the copy, and small enough
/// that a thousand slow readers fit in memory.
const PIECE_BYTES: u64 = 256 * 1024;

/// Reads a range in pieces, one piece ahead of the reader.
pub(super) fn stream(file: File, name: String, range: Range<u64>) -> ByteStream {
    let reader = Reader {
        file: Arc::new(file),
        name: name.into(),
        rest: range,
        ahead: None,
    };
    stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.next().await?.map(|piece| (piece, reader)))
    })
    .boxed()
}

struct Reader {
    file: Arc<File>,
    name: Arc<str>,
    /// What has not been asked for.
    rest: Range<u64>,
    ahead: Option<JoinHandle<Result<Bytes, StoreError>>>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.ahead.is_none() {
            self.read_ahead();
        }
        let Some(piece) = self.ahead.take() else {
            return Ok(None);
        };
        let piece = piece.await.map_err(|error| StoreError::Io {
            action: "read",
            source: io::Error::other(error),
        })??;
        self.read_ahead();
        Ok(Some(piece))
    }

    fn read_ahead(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let start = self.rest.start;
        let end = self.rest.end.min(start + PIECE_BYTES);
        self.rest.start = end;
        let file = Arc::clone(&self.file);
        let name = Arc::clone(&self.name);
        self.ahead = Some(spawn_blocking(move || {
            read_exact_at(&file, &name, start..end)
        }));
    }
}

fn read_exact_at(file: &File, name: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
    let length = usize::try_from(range.end - range.start).expect("a piece fits in memory");
    let mut piece = Vec::with_capacity(length);
    while piece.len() < length {
        let at = range.start + piece.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut piece), at) {
            Ok(0) => {
                return Err(StoreError::Short {
                    key: name.to_owned(),
                    at,
                });
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                return Err(StoreError::Io {
                    action: sentence("read an object"),
                    source: error.into(),
                });
            }
        }
    }
    // The buffer may have more room than was asked for, and the file more bytes.
    piece.truncate(length);
    Ok(piece.into())
}
