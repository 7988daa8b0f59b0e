use berth_oci::Digest;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;

use super::SourceError;

/// The bytes of a blob from a place on, as they come. Nothing of them is proved.
pub(in super::super) struct BlobReader {
    digest: Digest,
    /// The place of the next byte.
    at: u64,
    total_bytes: Option<u64>,
    body: BoxStream<'static, Result<Bytes, SourceError>>,
    /// What has come and is not taken yet.
    rest: Bytes,
}

impl BlobReader {
    /// The first byte of the body is that at `at`.
    pub(super) fn new(
        digest: Digest,
        at: u64,
        total_bytes: Option<u64>,
        body: BoxStream<'static, Result<Bytes, SourceError>>,
    ) -> Self {
        Self {
            digest,
            at,
            total_bytes,
            body,
            rest: Bytes::new(),
        }
    }

    /// How many bytes the blob has, as the source says.
    pub(in super::super) fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Leaves out what is before a place.
    pub(in super::super) async fn skip_to(&mut self, place: u64) -> Result<(), SourceError> {
        while self.at < place {
            self.next(place).await?;
        }
        Ok(())
    }

    /// The next bytes, and none that are at `end` or behind it.
    pub(in super::super) async fn next(&mut self, end: u64) -> Result<Bytes, SourceError> {
        while self.rest.is_empty() {
            let next = self.body.try_next().await?;
            self.rest = next.ok_or_else(|| SourceError::Short {
                digest: self.digest.clone(),
                expected: end,
                actual: self.at,
            })?;
        }
        let most = usize::try_from(end - self.at).unwrap_or(usize::MAX);
        let piece = self.rest.split_to(self.rest.len().min(most));
        self.at += piece.len() as u64;
        Ok(piece)
    }
}
