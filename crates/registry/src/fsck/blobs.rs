//! Whether each blob has its bytes.

use berth_oci::{Digest, Hasher};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};

use super::{Finding, Fsck, FsckError, Outcome, Problem, Watch};
use crate::db;
use crate::db::checks::{CheckedBlob, Holder};
use crate::store::{BlobStore, Key, StoreError};

/// Objects that are read at a time.
const PARALLEL: usize = 2;
/// Repositories that an advice names.
const NAMED: i64 = 4;

/// What the store has of a blob.
enum State {
    Right,
    Wrong(Problem),
}

impl Fsck {
    pub(super) async fn check_blobs(&mut self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = 0;
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::blobs_after(&mut connection, after).await?;
            drop(connection);
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.row.id;
            let (store, hash) = (self.store.clone(), self.options.hash);
            let states = page.into_iter().map(move |blob| {
                let store = store.clone();
                async move {
                    let state = look_at(&*store, &blob, hash).await;
                    (blob, state)
                }
            });
            let mut states = stream::iter(states).buffered(PARALLEL);
            while let Some((blob, state)) = states.next().await {
                self.checked.blobs += 1;
                if self.options.hash {
                    self.checked.hashed_bytes += blob.row.size_bytes;
                }
                match state {
                    State::Right if blob.marked => self.wrongly_marked(&blob, watch).await?,
                    State::Right => {}
                    State::Wrong(problem) => self.wrong(&blob, problem, watch).await?,
                }
                self.progress(watch);
            }
        }
    }

    /// Without its bytes being read it is not known to be right.
    async fn wrongly_marked(
        &self,
        blob: &CheckedBlob,
        watch: &mut dyn Watch,
    ) -> Result<(), FsckError> {
        if !self.options.hash {
            return Ok(());
        }
        if self.options.repair {
            let (id, key) = (blob.row.id, blob.row.key.clone());
            self.db
                .write(move |tx| async move { db::checks::unmark(tx, id, &key).await }.boxed())
                .await?;
        }
        watch.found(Finding {
            problem: Problem::WronglyMarked {
                digest: blob.digest.clone(),
            },
            outcome: self.repaired(),
            advice: None,
        });
        Ok(())
    }

    async fn wrong(
        &self,
        blob: &CheckedBlob,
        problem: Problem,
        watch: &mut dyn Watch,
    ) -> Result<(), FsckError> {
        let (id, key) = (blob.row.id, blob.row.key.clone());
        let mut connection = self.db.read_unasked().await?;
        // It was collected or pushed again meanwhile.
        if !db::checks::blob_is_at(&mut connection, id, &key).await? {
            return Ok(());
        }
        let holders = db::checks::holders(&mut connection, id, NAMED).await?;
        drop(connection);
        if self.options.repair && !blob.marked {
            let now = self.clock.now();
            self.db
                .write(move |tx| {
                    async move { db::blobs::mark_corrupt(tx, id, &key, now).await }.boxed()
                })
                .await?;
        }
        let outcome = if self.options.repair || blob.marked {
            Outcome::Marked
        } else {
            Outcome::Found
        };
        watch.found(Finding {
            problem,
            outcome,
            advice: advice(&holders),
        });
        Ok(())
    }
}

fn advice(holders: &[Holder]) -> Option<String> {
    let pushed: Vec<_> = holders
        .iter()
        .filter(|holder| !holder.cache)
        .map(|holder| holder.name.as_str())
        .collect();
    if !pushed.is_empty() {
        return Some(format!("push again: {}", pushed.join(", ")));
    }
    let first = holders.first()?;
    Some(format!(
        "nothing: it is fetched again with the next pull of {}",
        first.name
    ))
}

async fn look_at(store: &dyn BlobStore, blob: &CheckedBlob, hash: bool) -> State {
    let (digest, key) = (blob.digest.clone(), blob.row.key.clone());
    let size_bytes = blob.row.size_bytes;
    match store.object_bytes(&key).await {
        Ok(None) => State::Wrong(Problem::MissingObject { digest, key }),
        Ok(Some(actual_bytes)) if actual_bytes != size_bytes => State::Wrong(Problem::WrongSize {
            digest,
            key,
            size_bytes,
            actual_bytes,
        }),
        Ok(Some(_)) if !hash => State::Right,
        Ok(Some(_)) => match hash_of(store, blob).await {
            Ok(actual) if actual == digest => State::Right,
            Ok(actual) => State::Wrong(Problem::CorruptObject {
                digest,
                key,
                actual,
            }),
            Err(StoreError::Missing(_)) => State::Wrong(Problem::MissingObject { digest, key }),
            Err(error) => State::Wrong(unreadable(digest, key, &error)),
        },
        Err(error) => State::Wrong(unreadable(digest, key, &error)),
    }
}

fn unreadable(digest: Digest, key: Key, error: &StoreError) -> Problem {
    let cause = std::error::Error::source(error);
    Problem::UnreadableObject {
        digest,
        key,
        error: cause.map_or_else(|| error.to_string(), ToString::to_string),
    }
}

async fn hash_of(store: &dyn BlobStore, blob: &CheckedBlob) -> Result<Digest, StoreError> {
    let mut hasher = Hasher::new(blob.digest.algorithm());
    let mut pieces = store.read(&blob.row.key, 0..blob.row.size_bytes).await?;
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(&piece);
    }
    Ok(hasher.finish())
}
