use berth_oci::{Digest, ProjectName, Reference, RepositoryName, Tag};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::info;

use super::{Deleted, Deletion};
use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::db::deletions::{Hidden, HiddenTag};
use crate::db::manifests::ManifestRow;
use crate::db::tags::{Cause, Move};
use crate::db::{self, DbError, changes};
use crate::manifest::move_tag;
use crate::quota::{self, ChargeError, OverQuota};
use crate::registry::Registry;

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Tags that point at something else by now, and were left there.
    pub moved_on: Vec<Tag>,
}

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("there is no deletion {0} that could be taken back")]
    Unknown(i64),
    #[error("there is a project {0} again: give it up before the one of before is restored")]
    ProjectTaken(ProjectName),
    #[error("{repository} no longer has {digest}: restore that first")]
    NoManifest {
        repository: RepositoryName,
        digest: Digest,
    },
    #[error("{repository}:{tag} is on {digest} by now")]
    TagTaken {
        repository: RepositoryName,
        tag: Tag,
        digest: Digest,
    },
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ChargeError> for RestoreError {
    fn from(error: ChargeError) -> Self {
        match error {
            ChargeError::Over(error) => error.into(),
            ChargeError::Db(error) => error.into(),
        }
    }
}

/// A deletion that is being taken back.
struct Restore {
    id: i64,
    actor: Actor,
    now: Timestamp,
}

impl Registry {
    /// Takes a deletion back.
    pub async fn restore(&self, id: i64, actor: &Actor) -> Result<Restored, RestoreError> {
        let restore = Restore {
            id,
            actor: actor.clone(),
            now: self.clock.now(),
        };
        let restored = self
            .db
            .write(move |tx| async move { restore.run(tx).await }.boxed())
            .await?;
        info!(deletion = id, "took deletion {id} back");
        Ok(restored)
    }
}

impl Restore {
    async fn run(&self, tx: &mut SqliteConnection) -> Result<Restored, RestoreError> {
        let Some(deletion) = db::deletions::find(tx, self.id, self.now).await? else {
            return Err(RestoreError::Unknown(self.id));
        };
        let mut restored = Restored::default();
        match &deletion.deleted {
            Deleted::Project(name) => self.project(tx, name).await?,
            Deleted::Repository(_) | Deleted::Manifest { .. } => {
                for hidden in db::deletions::hidden(tx, self.id).await? {
                    self.repository(tx, &hidden, &mut restored).await?;
                }
            }
            Deleted::Tag {
                repository,
                tag,
                digest,
            } => self.tag(tx, repository, tag, digest).await?,
        }
        // What has stayed behind, since it was pushed again meanwhile, goes now.
        db::deletions::give_up(tx, self.id, self.now).await?;
        self.record(tx, &deletion).await?;
        Ok(restored)
    }

    async fn project(
        &self,
        tx: &mut SqliteConnection,
        name: &ProjectName,
    ) -> Result<(), RestoreError> {
        if !db::deletions::show_project(tx, self.id, name, self.now).await? {
            return Err(RestoreError::ProjectTaken(name.clone()));
        }
        for hidden in db::deletions::hidden(tx, self.id).await? {
            self.show(tx, &hidden).await?;
        }
        changes::record(tx, changes::RIGHTS, name.as_str(), self.now).await?;
        Ok(())
    }

    /// Under its name, or what is in it into the one that has taken the name.
    async fn repository(
        &self,
        tx: &mut SqliteConnection,
        hidden: &Hidden,
        restored: &mut Restored,
    ) -> Result<(), RestoreError> {
        let Some(there) = db::repositories::find(tx, &hidden.name).await? else {
            return self.show(tx, hidden).await;
        };
        for (id, digest, size_bytes) in db::deletions::manifests(tx, hidden.id).await? {
            let tags = db::deletions::tags_of(tx, id).await?;
            let reference = Reference::Digest(digest);
            if db::manifests::find(tx, &hidden.name, &reference)
                .await?
                .is_none()
            {
                db::deletions::untag(tx, id, self.now).await?;
                db::deletions::move_manifest(tx, id, there, self.now).await?;
                quota::charge_manifest(tx, there, id, size_bytes, self.now).await?;
            }
            if let Some(manifest) = db::manifests::find(tx, &hidden.name, &reference).await? {
                for hidden_tag in tags {
                    let taken = self.retag(tx, &hidden.name, &hidden_tag, &manifest).await?;
                    if taken.is_some() {
                        restored.moved_on.push(hidden_tag.tag);
                    }
                }
            }
        }
        Ok(())
    }

    async fn tag(
        &self,
        tx: &mut SqliteConnection,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), RestoreError> {
        let reference = Reference::Digest(digest.clone());
        let Some(manifest) = db::manifests::find(tx, repository, &reference).await? else {
            return Err(RestoreError::NoManifest {
                repository: repository.clone(),
                digest: digest.clone(),
            });
        };
        let Some(hidden) = db::deletions::tag(tx, self.id).await? else {
            return Err(RestoreError::Unknown(self.id));
        };
        match self.retag(tx, repository, &hidden, &manifest).await? {
            None => Ok(()),
            Some(digest) => Err(RestoreError::TagTaken {
                repository: repository.clone(),
                tag: tag.clone(),
                digest,
            }),
        }
    }

    /// Puts the tag on the manifest, unless it is on another one by now: then on which.
    async fn retag(
        &self,
        tx: &mut SqliteConnection,
        repository: &RepositoryName,
        hidden: &HiddenTag,
        manifest: &ManifestRow,
    ) -> Result<Option<Digest>, RestoreError> {
        let tag = &hidden.tag;
        if let Some(there) = db::tags::current(tx, repository, tag).await? {
            return Ok((there.manifest_id != manifest.id).then_some(there.digest));
        }
        let moved = Move {
            repository,
            repository_id: manifest.repository_id,
            tag,
            manifest_id: manifest.id,
            digest: &manifest.digest,
            actor: Some(&self.actor.name),
            cause: Cause::Restore,
            at: self.now,
        };
        move_tag(tx, &moved, None).await?;
        // As it was: it is not the newest by being back.
        db::deletions::put_push(tx, manifest.repository_id, hidden).await?;
        Ok(None)
    }

    async fn show(&self, tx: &mut SqliteConnection, hidden: &Hidden) -> Result<(), RestoreError> {
        db::deletions::show_repository(tx, hidden, self.now).await?;
        let bytes = db::project_usage::of_repository_alone(tx, hidden.id).await?;
        quota::charge(tx, hidden.id, hidden.id, bytes, self.now).await?;
        let name = hidden.name.as_str();
        Ok(changes::record(tx, changes::REPOSITORY, name, self.now).await?)
    }
    async fn record(
        &self,
        tx: &mut SqliteConnection,
        deletion: &Deletion,
    ) -> Result<(), RestoreError> {
        let place = deletion.deleted.to_string();
        Entry::done(&self.actor, "deletion.restore", place)
            .in_project(&deletion.deleted.project())
            .record(tx, self.now)
            .await?;
        Ok(())
    }
}
