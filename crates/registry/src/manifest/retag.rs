use berth_oci::{Digest, Reference, RepositoryName, Tag};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::info;

use super::{move_tag, place};
use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::db::tags::{Cause, Move};
use crate::db::{self, DbError};
use crate::immutable::{self, ImmutableTag};
use crate::registry::Registry;

#[derive(Debug, thiserror::Error)]
pub enum RetagError {
    #[error("{repository} has no manifest {reference}")]
    UnknownManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    #[error(transparent)]
    Immutable(Box<ImmutableTag>),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A tag on its way to another manifest of its repository.
struct Retag {
    repository: RepositoryName,
    tag: Tag,
    target: Reference,
    actor: Actor,
    at: Timestamp,
}

impl Registry {
    /// Moves the tag to a manifest that the repository has, and makes it if it is not there. Where
    /// the tag is on that manifest already, nothing is written.
    pub async fn retag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        target: &Reference,
        actor: &Actor,
    ) -> Result<Digest, RetagError> {
        let retag = Retag {
            repository: repository.clone(),
            tag: tag.clone(),
            target: target.clone(),
            actor: actor.clone(),
            at: self.clock.now(),
        };
        let (digest, moved) = self.db.write(move |tx| retag.store(tx).boxed()).await?;
        if moved {
            info!(repository = %repository, tag = %tag, digest = %digest, "moved tag {tag} of {repository} to {digest}");
        }
        Ok(digest)
    }
}

impl Retag {
    /// The digest that the tag is on now, and whether it moved.
    async fn store(self, tx: &mut SqliteConnection) -> Result<(Digest, bool), RetagError> {
        let Some(manifest) = db::manifests::find(tx, &self.repository, &self.target).await? else {
            return Err(RetagError::UnknownManifest {
                repository: self.repository,
                reference: self.target,
            });
        };
        let tag = Reference::Tag(self.tag.clone());
        let current = db::tags::current(tx, &self.repository, &self.tag).await?;
        let moves = current
            .as_ref()
            .is_none_or(|current| current.manifest_id != manifest.id);
        if moves {
            let moved = Move {
                repository: &self.repository,
                repository_id: manifest.repository_id,
                tag: &self.tag,
                manifest_id: manifest.id,
                digest: &manifest.digest,
                actor: Some(&self.actor.name),
                cause: Cause::Retag,
                at: self.at,
            };
            immutable::refuse_move(tx, &moved, current.as_ref()).await?;
            move_tag(tx, &moved, current.as_ref()).await?;
            Entry::done(&self.actor, "tag.move", place(&self.repository, &tag))
                .in_project(&self.repository.project())
                .with_detail(&manifest.digest)
                .record(tx, self.at)
                .await?;
        }
        Ok((manifest.digest, moves))
    }
}

#[cfg(test)]
mod tests;
