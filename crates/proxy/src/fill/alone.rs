//! What happens when there is no space: who reads gets the blob all the same, each by a download of
//! its own from where the spool ends.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use berth_oci::Hasher;
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::download::Download;
use super::{Fill, FillError, HELD_BACK, Stage, Wanted};

impl Fill {
    /// Lets the readers go on by themselves.
    pub(super) fn leave_alone(&self, spooled: u64, hasher: Hasher) {
        self.stage.send_modify(|stage| {
            let spool = match stage {
                Stage::Flowing { spool, .. } => Some(spool.clone()),
                Stage::Opening | Stage::Proved { .. } | Stage::Alone { .. } | Stage::Failed(_) => {
                    None
                }
            };
            *stage = Stage::Alone {
                spooled: if spool.is_some() { spooled } else { 0 },
                hasher: Box::new(hasher),
                spool,
            };
        });
    }
}

/// A part of a blob as it comes from upstream, that is not kept.
pub(super) struct PassedOn {
    wanted: Wanted,
    download: Download,
    /// The hash from the beginning of the blob, if all of it up to its end passes here.
    hasher: Option<Hasher>,
    at: u64,
    /// Only what comes behind this is wanted.
    from: u64,
    ready: VecDeque<Bytes>,
    held_back: VecDeque<Bytes>,
    permit: Option<OwnedSemaphorePermit>,
}

impl PassedOn {
    /// A range that nobody can prove: whoever asks for it has a digest to compare.
    pub(super) fn range(wanted: &Wanted, range: Range<u64>) -> Self {
        Self {
            wanted: wanted.clone(),
            from: range.start,
            at: range.start,
            download: Download::new(wanted, range),
            hasher: None,
            ready: VecDeque::new(),
            held_back: VecDeque::new(),
            permit: None,
        }
    }

    /// The rest of a blob whose beginning has been hashed.
    pub(super) fn rest(wanted: &Wanted, begun: (u64, Hasher), from: u64) -> Self {
        let (at, hasher) = begun;
        Self {
            wanted: wanted.clone(),
            from,
            at,
            download: Download::new(wanted, at..wanted.size_bytes),
            hasher: Some(hasher),
            ready: VecDeque::new(),
            held_back: VecDeque::new(),
            permit: None,
        }
    }

    pub(super) async fn open(&mut self) -> Result<(), FillError> {
        self.wait_for_turn().await;
        self.download.open().await
    }

    async fn wait_for_turn(&mut self) {
        if self.permit.is_none() {
            let permit = Arc::clone(&self.wanted.remote.passing).acquire_owned();
            self.permit = Some(permit.await.expect("it is never closed"));
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FillError> {
        self.wait_for_turn().await;
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            let Some(batch) = self.download.batch(Duration::ZERO).await? else {
                self.prove()?;
                if self.held_back.is_empty() {
                    return Ok(None);
                }
                self.ready.append(&mut self.held_back);
                continue;
            };
            for piece in batch {
                self.take(piece);
            }
        }
    }

    fn take(&mut self, mut piece: Bytes) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        let begins = self.at;
        self.at += piece.len() as u64;
        let before = self.from.saturating_sub(begins).min(piece.len() as u64);
        let mut piece = piece.split_off(usize::try_from(before).expect("no more than a piece"));
        if piece.is_empty() {
            return;
        }
        if self.hasher.is_none() {
            self.ready.push_back(piece);
            return;
        }
        let shown = (self.wanted.size_bytes.saturating_sub(HELD_BACK))
            .saturating_sub(begins + before)
            .min(piece.len() as u64);
        let hidden = piece.split_off(usize::try_from(shown).expect("no more than a piece"));
        if !piece.is_empty() {
            self.ready.push_back(piece);
        }
        if !hidden.is_empty() {
            self.held_back.push_back(hidden);
        }
    }

    fn prove(&mut self) -> Result<(), FillError> {
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        let expected = &self.wanted.digest;
        if hasher.finish() == *expected {
            return Ok(());
        }
        let upstream = self.download.upstream();
        self.wanted.remote.distrust(expected, upstream);
        Err(FillError::Passed {
            upstream: upstream.settings().name.to_string(),
            expected: expected.clone(),
        })
    }
}
