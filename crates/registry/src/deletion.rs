//! Deleting what is hosted here, so that it can be taken back for a while.
//!
//! A tag takes nothing along; a manifest its tags; a repository and a project all that is in them. The
//! rows stay below names that nobody can ask for, and are removed when the time is over
//! ([`crate::collection`]). What a cache has is out of sight in the same way, and due at once.

use std::fmt;

use berth_oci::{Digest, ProjectName, Reference, RepositoryName, Tag};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::info;

use crate::audit::{Actor, Entry};
use crate::auth::Caller;
use crate::cache::ProjectKind;
use crate::clock::Timestamp;
use crate::db::deletions::NewDeletion;
use crate::db::projects::ProjectRow;
use crate::db::{self, DbError, changes};
use crate::immutable::{self, CheckError, ImmutableTag};
use crate::registry::Registry;

mod restore;

pub use restore::{RestoreError, Restored};

/// What somebody has deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    Project(ProjectName),
    Repository(RepositoryName),
    Manifest {
        repository: RepositoryName,
        digest: Digest,
    },
    Tag {
        repository: RepositoryName,
        tag: Tag,
        /// Of the manifest that it was on.
        digest: Digest,
    },
}

impl Deleted {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Repository(_) => "repository",
            Self::Manifest { .. } => "manifest",
            Self::Tag { .. } => "tag",
        }
    }

    pub fn project(&self) -> ProjectName {
        match self {
            Self::Project(name) => name.clone(),
            Self::Repository(repository)
            | Self::Manifest { repository, .. }
            | Self::Tag { repository, .. } => repository.project(),
        }
    }

    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Project(_) => None,
            Self::Repository(repository)
            | Self::Manifest { repository, .. }
            | Self::Tag { repository, .. } => Some(repository),
        }
    }

    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag { tag, .. } => Some(tag),
            Self::Project(_) | Self::Repository(_) | Self::Manifest { .. } => None,
        }
    }

    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Tag { digest, .. } | Self::Manifest { digest, .. } => Some(digest),
            Self::Project(_) | Self::Repository(_) => None,
        }
    }
}

/// As people write it.
impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(name) => write!(f, "{name}"),
            Self::Repository(name) => write!(f, "{name}"),
            Self::Manifest { repository, digest } => write!(f, "{repository}@{digest}"),
            Self::Tag {
                repository, tag, ..
            } => write!(f, "{repository}:{tag}"),
        }
    }
}

/// A deletion that can be taken back.
#[derive(Clone, Debug)]
pub struct Deletion {
    pub id: i64,
    pub deleted: Deleted,
    pub by: String,
    pub at: Timestamp,
    /// When it can no longer be.
    pub purge_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error("{repository} has no manifest {reference}")]
    UnknownManifest {
        repository: RepositoryName,
        reference: Reference,
    },
    #[error("{repository} has no blob {digest}")]
    UnknownBlob {
        repository: RepositoryName,
        digest: Digest,
    },
    #[error("a manifest of {repository} names blob {digest}: delete the manifest first")]
    BlobInUse {
        repository: RepositoryName,
        digest: Digest,
    },
    #[error("there is no repository {0}")]
    UnknownRepository(RepositoryName),
    #[error("there is no project {0}")]
    UnknownProject(ProjectName),
    #[error("project {0} has images: remove them first, or have them removed with it")]
    NotEmpty(ProjectName),
    #[error("{repository}@{digest} can not be deleted: {reason}")]
    Held {
        repository: RepositoryName,
        digest: String,
        reason: String,
    },
    #[error(transparent)]
    Immutable(Box<ImmutableTag>),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CheckError> for DeleteError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Immutable(tag) => Self::Immutable(tag),
            CheckError::Db(error) => Self::Db(error),
        }
    }
}

/// Who deletes, and until when that can be taken back.
#[derive(Clone, Debug)]
pub(crate) struct Remover {
    actor: Actor,
    /// Whether a rule removes, in a run that has a history of its own.
    by_rule: bool,
    now: Timestamp,
    purge_at: Timestamp,
}

impl Registry {
    /// For a run of rules.
    pub(crate) fn rule_remover(&self) -> Remover {
        Remover {
            by_rule: true,
            ..self.remover(Actor::system())
        }
    }

    fn remover(&self, actor: Actor) -> Remover {
        let now = self.clock.now();
        Remover {
            actor,
            by_rule: false,
            now,
            purge_at: self.collect_at(now),
        }
    }

    /// Deletes a tag alone, or a manifest with every tag on it.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        actor: &Actor,
    ) -> Result<(), DeleteError> {
        let (name, deleted) = (repository.clone(), reference.clone());
        let remover = self.remover(actor.clone());
        let found = self
            .db
            .write(move |tx| {
                async move {
                    match &deleted {
                        Reference::Tag(tag) => remover.tag(tx, &name, tag).await,
                        Reference::Digest(digest) => remover.manifest(tx, &name, digest).await,
                    }
                }
                .boxed()
            })
            .await?;
        if !found {
            return Err(DeleteError::UnknownManifest {
                repository: repository.clone(),
                reference: reference.clone(),
            });
        }
        info!(repository = %repository, reference = %reference, "deleted {reference} of {repository}");
        Ok(())
    }

    /// Deletes a repository with all that is in it.
    pub async fn delete_repository(
        &self,
        repository: &RepositoryName,
        actor: &Actor,
    ) -> Result<(), DeleteError> {
        let (name, remover) = (repository.clone(), self.remover(actor.clone()));
        self.db
            .write(move |tx| async move { remover.repository(tx, &name).await }.boxed())
            .await?;
        info!(repository = %repository, "deleted repository {repository}");
        Ok(())
    }

    /// Deletes a project with its members, roles and robots; with its repositories too if
    /// `with_images` says so, and otherwise only if they are empty.
    pub async fn delete_project(
        &self,
        by: &Caller,
        project: &ProjectName,
        with_images: bool,
    ) -> Result<(), DeleteError> {
        let (name, remover) = (project.clone(), self.remover(by.actor()));
        self.db
            .write(move |tx| async move { remover.project(tx, &name, with_images).await }.boxed())
            .await?;
        info!(project = %project, "deleted project {project}");
        Ok(())
    }

    /// Takes a blob from the repository, unless a manifest there needs it.
    pub(crate) async fn delete_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        actor: &Actor,
    ) -> Result<(), DeleteError> {
        let now = self.clock.now();
        let (name, deleted) = (repository.clone(), digest.clone());
        let entry = Entry::done(actor, "blob.delete", format!("{repository}@{digest}"))
            .in_project(&repository.project());
        let taken = self
            .db
            .write(move |tx| {
                async move {
                    let Some(link) = db::repository_blobs::find(tx, &name, &deleted).await? else {
                        return Err(DeleteError::UnknownBlob {
                            repository: name,
                            digest: deleted,
                        });
                    };
                    if db::blobs::named(tx, &name, &deleted).await? {
                        return Err(DeleteError::BlobInUse {
                            repository: name,
                            digest: deleted,
                        });
                    }
                    entry.record(tx, now).await?;
                    Ok(db::repository_blobs::take(tx, &[link], now).await?)
                }
                .boxed()
            })
            .await?;
        info!(repository = %repository, digest = %digest, "deleted blob {digest} of {repository}");
        self.dispose(taken).await;
        Ok(())
    }

    /// What can still be taken back, the newest first, of a project or of all; below an id.
    pub async fn deletions(
        &self,
        project: Option<&ProjectName>,
        before: i64,
        limit: usize,
    ) -> Result<Vec<Deletion>, DbError> {
        let (now, limit) = (self.clock.now(), db::signed(limit as u64));
        let mut connection = self.db.read().await?;
        db::deletions::list(&mut connection, project, before, now, limit).await
    }

    /// A deletion that can still be taken back.
    pub async fn deletion(&self, id: i64) -> Result<Option<Deletion>, DbError> {
        let mut connection = self.db.read().await?;
        db::deletions::find(&mut connection, id, self.clock.now()).await
    }
}

impl Remover {
    /// Deletes a tag; `false` when there is none.
    pub(crate) async fn tag(
        &self,
        tx: &mut SqliteConnection,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<bool, DeleteError> {
        let reference = Reference::Tag(tag.clone());
        let Some(manifest) = db::manifests::find(tx, repository, &reference).await? else {
            return Ok(false);
        };
        immutable::refuse_deletion(tx, repository, tag).await?;
        let project = self.project_of(tx, repository).await?;
        if project.kind == ProjectKind::Hosted {
            let deleted = Deleted::Tag {
                repository: repository.clone(),
                tag: tag.clone(),
                digest: manifest.digest.clone(),
            };
            let deletion = self.note(tx, &deleted, &project).await?;
            db::deletions::note_push(tx, deletion, manifest.repository_id, tag).await?;
        }
        db::tags::delete(tx, repository, tag, self.now).await?;
        let place = format!("{repository}:{tag}");
        changes::record(tx, changes::TAG, &place, self.now).await?;
        let entry = self.entry("tag.delete", &place, &repository.project());
        self.record(tx, entry.with_detail(&manifest.digest)).await?;
        Ok(true)
    }

    /// Deletes a manifest with its tags; `false` when there is none.
    pub(crate) async fn manifest(
        &self,
        tx: &mut SqliteConnection,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool, DeleteError> {
        let reference = Reference::Digest(digest.clone());
        let Some(manifest) = db::manifests::find(tx, repository, &reference).await? else {
            return Ok(false);
        };
        let from = manifest.repository_id;
        immutable::refuse_deletion_of_manifest(tx, repository, manifest.id).await?;
        if let Some(reason) = db::held_manifests::reason(tx, repository, digest).await? {
            return Err(DeleteError::Held {
                repository: repository.clone(),
                digest: digest.to_string(),
                reason,
            });
        }
        let project = self.project_of(tx, repository).await?;
        let place = format!("{repository}@{digest}");
        changes::record_tags_of(tx, manifest.id, repository, self.now).await?;
        changes::record(tx, changes::MANIFEST, &place, self.now).await?;
        let deleted = Deleted::Manifest {
            repository: repository.clone(),
            digest: digest.clone(),
        };
        let deletion = self.note(tx, &deleted, &project).await?;
        let shelf = db::deletions::shelve(tx, deletion, from, self.now).await?;
        db::repository_blobs::leave_unnamed(tx, manifest.id, self.purge_at).await?;
        if !self.by_rule {
            db::manifests::restart_untagged_children(tx, manifest.id, self.now).await?;
        }
        db::deletions::move_manifest(tx, manifest.id, shelf, self.now).await?;
        let (id, size) = (manifest.id, manifest.size_bytes);
        db::project_usage::subtract(tx, project.id, id, size).await?;
        let entry = self.entry("manifest.delete", &place, &project.name);
        self.record(tx, entry).await?;
        Ok(true)
    }

    async fn repository(
        &self,
        tx: &mut SqliteConnection,
        repository: &RepositoryName,
    ) -> Result<(), DeleteError> {
        let Some(id) = db::repositories::find(tx, repository).await? else {
            return Err(DeleteError::UnknownRepository(repository.clone()));
        };
        let project = self.project_of(tx, repository).await?;
        let deleted = Deleted::Repository(repository.clone());
        let deletion = self.note(tx, &deleted, &project).await?;
        self.hide(tx, &project, deletion, id, repository).await?;
        let entry = self.entry("repository.delete", repository.as_str(), &project.name);
        Ok(self.record(tx, entry).await?)
    }

    async fn project(
        &self,
        tx: &mut SqliteConnection,
        name: &ProjectName,
        with_images: bool,
    ) -> Result<(), DeleteError> {
        let Some(project) = db::projects::find(tx, name).await? else {
            return Err(DeleteError::UnknownProject(name.clone()));
        };
        if !with_images && db::projects::has_manifests(tx, project.id).await? {
            return Err(DeleteError::NotEmpty(name.clone()));
        }
        let deletion = self
            .note(tx, &Deleted::Project(name.clone()), &project)
            .await?;
        for (id, repository) in db::repositories::of_project(tx, project.id).await? {
            self.hide(tx, &project, deletion, id, &repository).await?;
        }
        db::deletions::hide_project(tx, deletion, project.id).await?;
        let entry = self.entry("project.delete", name.as_str(), name);
        self.record(tx, entry).await?;
        changes::record(tx, changes::RIGHTS, name.as_str(), self.now).await?;
        Ok(())
    }

    async fn hide(
        &self,
        tx: &mut SqliteConnection,
        project: &ProjectRow,
        deletion: i64,
        id: i64,
        repository: &RepositoryName,
    ) -> Result<(), DeleteError> {
        if let Some((digest, reason)) = db::held_manifests::any_of(tx, id, repository).await? {
            return Err(DeleteError::Held {
                repository: repository.clone(),
                digest,
                reason,
            });
        }
        immutable::refuse_deletion_of_repository(tx, project.id, (id, repository)).await?;
        let bytes = db::project_usage::of_repository_alone(tx, id).await?;
        db::project_usage::subtract(tx, project.id, id, bytes).await?;
        db::deletions::hide_repository(tx, deletion, id).await?;
        Ok(changes::record(tx, changes::REPOSITORY, repository.as_str(), self.now).await?)
    }

    async fn note(
        &self,
        tx: &mut SqliteConnection,
        deleted: &Deleted,
        project: &ProjectRow,
    ) -> Result<i64, DbError> {
        let new = NewDeletion {
            project_id: project.id,
            deleted,
            by: &self.actor.name,
            at: self.now,
            purge_at: match project.kind {
                ProjectKind::Hosted | ProjectKind::Group => self.purge_at,
                ProjectKind::Proxy => self.now,
            },
        };
        db::deletions::insert(tx, &new).await
    }

    async fn project_of(
        &self,
        tx: &mut SqliteConnection,
        repository: &RepositoryName,
    ) -> Result<ProjectRow, DeleteError> {
        let name = repository.project();
        let found = db::projects::find(tx, &name).await?;
        found.ok_or(DeleteError::UnknownProject(name))
    }

    async fn record(&self, tx: &mut SqliteConnection, entry: Entry) -> Result<(), DbError> {
        match self.by_rule {
            true => Ok(()),
            false => entry.record(tx, self.now).await,
        }
    }

    fn entry(&self, action: &'static str, place: &str, project: &ProjectName) -> Entry {
        Entry::done(&self.actor, action, place).in_project(project)
    }
}

#[cfg(test)]
mod tests;
