use std::sync::Arc;

use berth_oci::{ProjectName, Reference, RepositoryName, Tag};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tokio_util::sync::CancellationToken;

use super::attached::subject_of;
use super::decide::{Decision, TagRow};
use super::policy::Policy;
use super::snapshot::{self, Going};
use super::{Removal, Totals};
use crate::clock::Timestamp;
use crate::db::retention::{rows, runs};
use crate::db::{self, DbError};
use crate::deletion::{DeleteError, Remover};
use crate::registry::Registry;

/// So much is removed in one transaction, so that pushes do not wait long.
const BATCH: usize = 20;

/// A run that has its row.
pub(crate) struct Started {
    pub(super) id: i64,
    pub(super) project_id: i64,
    pub(super) project: ProjectName,
    pub(super) policy: Policy,
    /// All of it is decided as of this moment.
    pub(super) now: Timestamp,
}

pub(super) enum Outcome {
    Done,
    Stopped,
    /// The policy is not that of the project any more.
    Overtaken,
}

/// What a run has done so far.
#[derive(Clone, Copy, Default)]
struct Progress {
    totals: Totals,
    removals: i64,
}

/// What one transaction is to remove.
struct Batch<T> {
    run: i64,
    repository_id: i64,
    repository: RepositoryName,
    things: Vec<T>,
    progress: Progress,
    /// Of the time of the removal, not of the decision.
    remover: Remover,
}

/// What became of the tags of a batch.
enum Removed {
    /// Up to that change everything is known.
    Done(Progress, i64),
    /// Somebody has deleted a tag: another one may be among the newest now.
    Outdated,
    Overtaken,
}

impl Registry {
    pub(super) async fn carry_out(
        self: &Arc<Self>,
        run: &Started,
        stopping: &CancellationToken,
    ) -> Result<(Totals, Outcome), DbError> {
        let mut progress = Progress::default();
        let mut repository = self.next_repository(&run.project, "", "").await?;
        while let Some((id, name)) = repository {
            let place = (id, &name);
            for outcome in [
                self.remove_tags(run, place, &mut progress, stopping)
                    .await?,
                self.remove_untagged(run, place, &mut progress, stopping)
                    .await?,
            ] {
                match outcome {
                    Outcome::Done => {}
                    Outcome::Stopped | Outcome::Overtaken => return Ok((progress.totals, outcome)),
                }
            }
            repository = self
                .next_repository(&run.project, name.as_str(), name.as_str())
                .await?;
        }
        Ok((progress.totals, Outcome::Done))
    }

    async fn remove_tags(
        &self,
        run: &Started,
        repository: (i64, &RepositoryName),
        progress: &mut Progress,
        stopping: &CancellationToken,
    ) -> Result<Outcome, DbError> {
        'read: loop {
            self.write_usage().await?;
            let decided = snapshot::tags(&self.db, repository, &run.policy, run.now).await?;
            let count = decided.rows.len() as u64;
            let removed_before = progress.totals.removed_tags;
            let mut sequence = decided.sequence;
            let decided = decided.rows.into_iter().zip(decided.decisions);
            let mut going = decided
                .filter_map(|(row, decision)| match decision {
                    Decision::Keep(_) => None,
                    Decision::Remove(_) | Decision::RemoveAttached => Some((row, decision)),
                })
                .peekable();
            while going.peek().is_some() {
                if stopping.is_cancelled() {
                    return Ok(Outcome::Stopped);
                }
                self.write_usage().await?;
                let batch = Batch {
                    run: run.id,
                    repository_id: repository.0,
                    repository: repository.1.clone(),
                    things: going.by_ref().take(BATCH).collect(),
                    progress: *progress,
                    remover: self.rule_remover(),
                };
                let outcome = self
                    .db
                    .write(move |tx| batch.remove_tags(tx, sequence).boxed())
                    .await?;
                match outcome {
                    Removed::Done(after, seen) => (*progress, sequence) = (after, seen),
                    Removed::Outdated => continue 'read,
                    Removed::Overtaken => return Ok(Outcome::Overtaken),
                }
            }
            let removed = progress.totals.removed_tags - removed_before;
            progress.totals.kept_tags += count.saturating_sub(removed);
            return Ok(Outcome::Done);
        }
    }

    async fn remove_untagged(
        &self,
        run: &Started,
        repository: (i64, &RepositoryName),
        progress: &mut Progress,
        stopping: &CancellationToken,
    ) -> Result<Outcome, DbError> {
        let going = snapshot::untagged(&self.db, repository, &run.policy, run.now).await?;
        let Some(going) = going else {
            return Ok(Outcome::Done);
        };
        for manifests in going.manifests.chunks(BATCH) {
            if stopping.is_cancelled() {
                return Ok(Outcome::Stopped);
            }
            let batch = Batch {
                run: run.id,
                repository_id: repository.0,
                repository: repository.1.clone(),
                things: manifests.to_vec(),
                progress: *progress,
                remover: self.rule_remover(),
            };
            let (until, days) = (going.until, going.days);
            let after = self
                .db
                .write(move |tx| batch.remove_manifests(tx, until, days).boxed())
                .await?;
            match after {
                Some(after) => *progress = after,
                None => return Ok(Outcome::Overtaken),
            }
        }
        Ok(Outcome::Done)
    }
}

impl Batch<(TagRow, Decision)> {
    async fn remove_tags(
        mut self,
        tx: &mut SqliteConnection,
        sequence: i64,
    ) -> Result<Removed, DbError> {
        if !runs::goes_on(tx, self.run).await? {
            return Ok(Removed::Overtaken);
        }
        if rows::tag_deleted_since(tx, &self.repository, sequence).await? {
            return Ok(Removed::Outdated);
        }
        let held = rows::held(tx, self.repository_id, &self.repository).await?;
        for (row, decision) in std::mem::take(&mut self.things) {
            if held.contains(&row.manifest_id) {
                continue;
            }
            if let Some(removal) = self.remove_tag(tx, &row, decision).await? {
                runs::add_removal(tx, self.run, &removal).await?;
                self.progress.totals.removed_tags += 1;
                self.progress.removals += 1;
            }
        }
        runs::set_totals(tx, self.run, &self.progress.totals).await?;
        let seen = rows::last_change(tx).await?;
        Ok(Removed::Done(self.progress, seen))
    }

    /// Removes the tag if it is still as it was when that was decided.
    async fn remove_tag(
        &self,
        tx: &mut SqliteConnection,
        row: &TagRow,
        decision: Decision,
    ) -> Result<Option<Removal>, DbError> {
        let found = rows::tag(tx, &self.repository, &row.tag).await?;
        let Some((columns, digest)) = found else {
            return Ok(None);
        };
        let as_decided = columns.manifest_id == row.manifest_id
            && columns.pushed_at == row.pushed_at
            && columns.pulled_at == row.pulled_at;
        if !as_decided {
            return Ok(None);
        }
        if row.attached.is_some() && self.subject_there(tx, &row.tag).await? {
            return Ok(None);
        }
        let removed = self.remover.tag(tx, &self.repository, &row.tag).await;
        Ok(unless_kept(removed)?.then(|| Removal {
            number: self.progress.removals + 1,
            repository: self.repository.clone(),
            tag: Some(row.tag.clone()),
            digest,
            reason: decision.reason(&row.tag),
        }))
    }

    /// Whether what the tag is attached to has come, or come back.
    async fn subject_there(&self, tx: &mut SqliteConnection, tag: &Tag) -> Result<bool, DbError> {
        let Some(subject) = subject_of(tag) else {
            return Ok(false);
        };
        let subject = Reference::Digest(subject);
        let found = db::manifests::find(tx, &self.repository, &subject).await?;
        Ok(found.is_some())
    }
}

impl Batch<i64> {
    /// `None` where the run has been overtaken.
    async fn remove_manifests(
        mut self,
        tx: &mut SqliteConnection,
        until: Timestamp,
        days: u32,
    ) -> Result<Option<Progress>, DbError> {
        if !runs::goes_on(tx, self.run).await? {
            return Ok(None);
        }
        let mut things = std::mem::take(&mut self.things);
        let held = rows::held(tx, self.repository_id, &self.repository).await?;
        things.retain(|manifest_id| !held.contains(manifest_id));
        for manifest_id in things {
            let found = rows::unneeded(tx, &self.repository, manifest_id, until).await?;
            let Some(digest) = found else { continue };
            let removed = self.remover.manifest(tx, &self.repository, &digest);
            if !unless_kept(removed.await)? {
                continue;
            }
            self.progress.removals += 1;
            self.progress.totals.removed_manifests += 1;
            let removal = Removal {
                number: self.progress.removals,
                repository: self.repository.clone(),
                tag: None,
                digest,
                reason: Going::reason(days),
            };
            runs::add_removal(tx, self.run, &removal).await?;
        }
        runs::set_totals(tx, self.run, &self.progress.totals).await?;
        Ok(Some(self.progress))
    }
}

/// What somebody has made immutable since it was decided stays.
fn unless_kept(removed: Result<bool, DeleteError>) -> Result<bool, DbError> {
    use DeleteError as E;
    match removed {
        Ok(removed) => Ok(removed),
        Err(
            E::Immutable(_)
            | E::Held { .. }
            | E::UnknownManifest { .. }
            | E::UnknownRepository(_)
            | E::UnknownProject(_)
            | E::UnknownBlob { .. }
            | E::BlobInUse { .. }
            | E::NotEmpty(_),
        ) => Ok(false),
        Err(E::Db(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
