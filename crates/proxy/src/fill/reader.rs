use std::ops::Range;

use async_trait::async_trait;
use berth_oci::Hasher;
use berth_registry::ByteStream;
use berth_registry::cache::{SpoolError, SpoolReader};
use berth_registry::source::{BlobContent, Content, SourceError};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tracing::debug;

use super::alone::PassedOn;
use super::{FillError, Joined, Kept, PROVED_FIRST, Stage};
use crate::remote::Remote;
use crate::trouble::cut;

/// A range that begins this far behind what has come is not waited for, if it is short: lazy pullers
/// read the end of a layer first.
const FAR_AHEAD: u64 = 64 * 1024 * 1024;
const SHORT: u64 = 16 * 1024 * 1024;

impl Joined {
    /// Waits until an upstream gives the blob; a small one, until it is proved.
    pub(crate) async fn opened(&mut self) -> Result<(), FillError> {
        loop {
            match &*self.stage.borrow_and_update() {
                Stage::Opening => {}
                // What turns out to be wrong can still be answered so.
                Stage::Flowing { .. } if self.fill.size() <= PROVED_FIRST => {}
                Stage::Flowing { .. } | Stage::Proved { .. } | Stage::Alone { .. } => return Ok(()),
                Stage::Failed(error) => return Err(error.clone()),
            }
            if self.stage.changed().await.is_err() {
                return Err(FillError::Stopping);
            }
        }
    }

    /// Waits until the blob is whole, and kept.
    pub(crate) async fn finished(&mut self) -> Result<(), FillError> {
        loop {
            match &*self.stage.borrow_and_update() {
                Stage::Opening
                | Stage::Flowing { .. }
                | Stage::Proved {
                    kept: Kept::NotYet, ..
                } => {}
                Stage::Proved {
                    kept: Kept::Yes, ..
                } => return Ok(()),
                Stage::Proved { kept: Kept::No, .. } => return Err(FillError::NoRoom),
                Stage::Alone { .. } => return Err(FillError::NoRoom),
                Stage::Failed(error) => return Err(error.clone()),
            }
            if self.stage.changed().await.is_err() {
                return Err(FillError::Stopping);
            }
        }
    }

    /// Whether it fetches from this registry, and so many bytes.
    pub(crate) fn is_of(&self, remote: &Remote, size_bytes: u64) -> bool {
        let wanted = &self.fill.wanted;
        wanted.remote.project == remote.project && wanted.size_bytes == size_bytes
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.fill.size()
    }
}

#[async_trait]
impl BlobContent for Joined {
    async fn read(self: Box<Self>, range: Range<u64>) -> Result<Content, SourceError> {
        let far = range.start > self.fill.come().saturating_add(FAR_AHEAD);
        let alone = if far && range.end - range.start <= SHORT {
            let mut passed_on = PassedOn::range(&self.fill.wanted, range.clone());
            // An upstream without ranges: then the download will come there.
            passed_on.open().await.ok().map(|()| passed_on)
        } else {
            None
        };
        let reader = Reader {
            rest: range,
            spooled: None,
            alone,
            joined: *self,
        };
        Ok(stream::try_unfold(reader, |mut reader| async move {
            let next = reader.next().await.map_err(|error| {
                debug!(
                    error = &error as &dyn std::error::Error,
                    "a reader of a fill is cut off"
                );
                cut(&error)
            })?;
            Ok(next.map(|piece| (piece, reader)))
        })
        .boxed())
    }
}

struct Reader {
    joined: Joined,
    rest: Range<u64>,
    /// What may be read just now.
    spooled: Option<ByteStream>,
    alone: Option<PassedOn>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, FillError> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            if let Some(alone) = &mut self.alone {
                let piece = alone.next().await?;
                return Ok(piece.map(|piece| self.given(piece)));
            }
            if let Some(spooled) = &mut self.spooled {
                if let Some(piece) = spooled.next().await {
                    let piece = piece.map_err(SpoolError::from)?;
                    return Ok(Some(self.given(piece)));
                }
                self.spooled = None;
            }
            let stage = self.joined.stage.borrow_and_update().clone();
            let size = self.joined.fill.size();
            match stage {
                Stage::Opening => {}
                Stage::Failed(error) => return Err(error),
                Stage::Flowing { readable, spool } if self.rest.start < readable => {
                    self.follow(&spool, readable).await?;
                    continue;
                }
                Stage::Flowing { .. } => {}
                Stage::Proved { spool, .. } => {
                    self.follow(&spool, size).await?;
                    continue;
                }
                Stage::Alone {
                    spooled,
                    hasher,
                    spool,
                } => {
                    let readable = self.joined.fill.readable(spooled);
                    if let Some(spool) = spool.filter(|_| self.rest.start < readable) {
                        self.follow(&spool, readable).await?;
                    } else if self.rest.end == size && self.rest.start <= spooled {
                        let wanted = &self.joined.fill.wanted;
                        // What was spooled and held back is fetched again, and proved with the rest.
                        let begun = if self.rest.start < spooled {
                            (0, Hasher::new(wanted.digest.algorithm()))
                        } else {
                            (spooled, *hasher)
                        };
                        self.alone = Some(PassedOn::rest(wanted, begun, self.rest.start));
                    } else {
                        let wanted = &self.joined.fill.wanted;
                        self.alone = Some(PassedOn::range(wanted, self.rest.clone()));
                    }
                    continue;
                }
            }
            if self.joined.stage.changed().await.is_err() {
                return Err(FillError::Stopping);
            }
        }
    }

    async fn follow(&mut self, spool: &SpoolReader, readable: u64) -> Result<(), FillError> {
        let end = self.rest.end.min(readable);
        self.spooled = Some(spool.read(self.rest.start..end).await?);
        Ok(())
    }

    fn given(&mut self, piece: Bytes) -> Bytes {
        self.rest.start += piece.len() as u64;
        let served = &self.joined.fill.wanted.remote.counters.served_bytes;
        served.add(piece.len() as u64);
        piece
    }
}
