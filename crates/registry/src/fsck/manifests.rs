//! Whether each manifest is what its digest says, its edges are what it says, and its blobs are there.

use std::collections::BTreeSet;

use berth_oci::{Digest, EdgeRole, Manifest};
use futures_util::FutureExt as _;
use sqlx::{Connection as _, SqliteConnection};

use super::{Finding, Fsck, FsckError, Outcome, Problem, Watch};
use crate::db::checks::CheckedManifest;
use crate::db::{self, DbError};
use crate::manifest::{add_edge, add_subject};

impl Fsck {
    pub(super) async fn check_manifests(&mut self, watch: &mut dyn Watch) -> Result<(), FsckError> {
        let mut after = 0;
        loop {
            let mut connection = self.db.read_unasked().await?;
            let page = db::checks::manifests_after(&mut connection, after).await?;
            let Some(&last) = page.last() else {
                return Ok(());
            };
            after = last;
            for id in page {
                self.checked.manifests += 1;
                // One moment for the manifest and what belongs to it.
                let mut moment = connection.begin().await.map_err(DbError::from)?;
                let problems = problems(&mut moment, id).await?;
                drop(moment);
                for problem in problems {
                    self.report(id, problem, watch).await?;
                }
                self.progress(watch);
            }
        }
    }

    async fn report(
        &self,
        id: i64,
        problem: Problem,
        watch: &mut dyn Watch,
    ) -> Result<(), FsckError> {
        let (outcome, advice) = match &problem {
            Problem::WrongEdges { .. } => {
                if self.options.repair {
                    self.db
                        .write(move |tx| async move { rebuild_edges(tx, id).await }.boxed())
                        .await?;
                }
                (self.repaired(), None)
            }
            Problem::CorruptManifest { repository, digest }
            | Problem::InvalidManifest {
                repository, digest, ..
            }
            | Problem::LackingBlob {
                repository, digest, ..
            } => {
                let advice = format!("push again: {repository}@{digest}");
                (Outcome::Found, Some(advice))
            }
            Problem::MissingObject { .. }
            | Problem::WrongSize { .. }
            | Problem::CorruptObject { .. }
            | Problem::UnreadableObject { .. }
            | Problem::WronglyMarked { .. }
            | Problem::OrphanObject { .. }
            | Problem::UnlinkedBlob { .. }
            | Problem::StrayTag { .. }
            | Problem::WrongUsage { .. }
            | Problem::StrayCachedBlob { .. }
            | Problem::StrayRepository { .. }
            | Problem::LostUpload { .. } => (Outcome::Found, None),
        };
        watch.found(Finding {
            problem,
            outcome,
            advice,
        });
        Ok(())
    }
}

async fn problems(connection: &mut SqliteConnection, id: i64) -> Result<Vec<Problem>, DbError> {
    let Some(row) = db::checks::manifest(connection, id).await? else {
        return Ok(Vec::new());
    };
    let (repository, digest) = (row.repository.clone(), row.digest.clone());
    if Digest::of(digest.algorithm(), &row.bytes) != digest
        || row.bytes.len() as u64 != row.size_bytes
    {
        return Ok(vec![Problem::CorruptManifest { repository, digest }]);
    }
    let manifest = match Manifest::parse(Some(&row.media_type), &row.bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            return Ok(vec![Problem::InvalidManifest {
                repository,
                digest,
                error: error.to_string(),
            }]);
        }
    };
    let mut problems = Vec::new();
    let rows = db::checks::edges(connection, id, row.repository_id).await?;
    let there: BTreeSet<(&str, &str)> = rows
        .iter()
        .filter(|(_, _, of_repository)| *of_repository)
        .map(|(kind, digest, _)| (kind.as_str(), digest.as_str()))
        .collect();
    let named = named(&manifest);
    if there != named || there.len() != rows.len() {
        problems.push(Problem::WrongEdges {
            repository: repository.clone(),
            digest: digest.clone(),
            missing: named.difference(&there).count(),
            needless: rows.len() - there.intersection(&named).count(),
        });
    }
    for blob in required(&row, &manifest) {
        if !db::checks::has_blob(connection, row.repository_id, blob).await? {
            problems.push(Problem::LackingBlob {
                repository: repository.clone(),
                digest: digest.clone(),
                blob: blob.clone(),
            });
        }
    }
    Ok(problems)
}

/// The rows that a manifest has, by kind and digest.
fn named(manifest: &Manifest) -> BTreeSet<(&'static str, &str)> {
    let edges = manifest.edges.iter().map(|edge| {
        let kind = match edge.role {
            EdgeRole::Child => "child",
            EdgeRole::Config | EdgeRole::Layer | EdgeRole::OptionalBlob => "blob",
        };
        (kind, edge.digest.as_str())
    });
    let subject = manifest.subject.iter();
    edges
        .chain(subject.map(|digest| ("subject", digest.as_str())))
        .collect()
}

/// The blobs without which the manifest would not have been taken. A cache fetches what it lacks.
fn required<'m>(row: &CheckedManifest, manifest: &'m Manifest) -> impl Iterator<Item = &'m Digest> {
    let (cache, tagged) = (row.cache, row.tagged);
    manifest
        .edges
        .iter()
        .filter(move |edge| match edge.role {
            EdgeRole::Config => !cache,
            EdgeRole::Layer => !cache && tagged,
            EdgeRole::OptionalBlob | EdgeRole::Child => false,
        })
        .map(|edge| &edge.digest)
}

async fn rebuild_edges(tx: &mut SqliteConnection, id: i64) -> Result<(), DbError> {
    let Some(row) = db::checks::manifest(tx, id).await? else {
        return Ok(());
    };
    let Ok(manifest) = Manifest::parse(Some(&row.media_type), &row.bytes) else {
        return Ok(());
    };
    db::checks::remove_edges(tx, id).await?;
    for edge in &manifest.edges {
        add_edge(tx, id, row.repository_id, edge).await?;
    }
    add_subject(tx, id, row.repository_id, &manifest).await
}
