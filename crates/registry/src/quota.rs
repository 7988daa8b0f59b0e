//! How many bytes a project may have: its blobs, each counted once, and its manifests.

use berth_oci::{Digest, ProjectName, RepositoryName};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::warn;

use crate::audit::{Actor, Entry};
use crate::auth::Caller;
use crate::cache::ProjectKind;
use crate::clock::Timestamp;
use crate::db::blobs::BlobRow;
use crate::db::repository_blobs::Link;
use crate::db::{self, DbError};
use crate::registry::Registry;
use crate::sentence;

/// Above this part of its quota, in percent, a project is warned.
pub const WARN_PERCENT: u64 = 85;

/// What a project has, and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub used_bytes: u64,
    pub quota_bytes: Option<u64>,
}

impl Space {
    /// Whether the quota is nearly used up, or gone beyond.
    pub fn short(&self) -> bool {
        self.quota_bytes
            .is_some_and(|quota| short(self.used_bytes, quota))
    }
}

fn short(used: u64, quota: u64) -> bool {
    u128::from(used) * 100 >= u128::from(quota) * u128::from(WARN_PERCENT)
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "project {project} has a quota of {quota_bytes} bytes and uses {used_bytes} of them: \
     {asked_bytes} more do not fit"
)]
pub struct OverQuota {
    pub project: ProjectName,
    pub quota_bytes: u64,
    pub used_bytes: u64,
    pub asked_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChargeError {
    #[error(transparent)]
    Over(#[from] OverQuota),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    #[error("there is no project {0}")]
    Unknown(ProjectName),
    #[error("project {name} is {}: what it has is limited by cache.bytes, not by a quota", .kind.as_str())]
    NotHosted {
        name: ProjectName,
        kind: ProjectKind,
    },
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds bytes to what the project of the repository has, or refuses, which is to undo the whole
/// transaction. `id` is that of the blob or manifest. What the project has then, if it has a quota.
pub(crate) async fn charge(
    tx: &mut SqliteConnection,
    repository_id: i64,
    id: i64,
    bytes: u64,
    now: Timestamp,
) -> Result<Option<Space>, ChargeError> {
    let charged = db::project_usage::add(tx, repository_id, id, bytes).await?;
    let Some(quota) = charged.quota_bytes else {
        return Ok(None);
    };
    let used = db::project_usage::total(tx, charged.project_id).await?;
    let before = used.saturating_sub(bytes);
    if used > quota {
        return Err(OverQuota {
            project: charged.project,
            quota_bytes: quota,
            used_bytes: before,
            asked_bytes: bytes,
        }
        .into());
    }
    if short(used, quota) && !short(before, quota) {
        let project = &charged.project;
        warn!(project = %project, used_bytes = used, quota_bytes = quota, "project {project} has used {WARN_PERCENT} % of its quota");
        Entry::done(&Actor::system(), "quota.warning", project)
            .in_project(project)
            .with_detail(sentence!("{used} of {quota} bytes"))
            .record(tx, now)
            .await?;
    }
    Ok(Some(Space {
        used_bytes: used,
        quota_bytes: Some(quota),
    }))
}

/// Gives the repository a blob, which counts for its project if that did not have it.
pub(crate) async fn give_blob(
    tx: &mut SqliteConnection,
    repository_id: i64,
    blob: &BlobRow,
    now: Timestamp,
    collect_at: Timestamp,
) -> Result<(), ChargeError> {
    let link = Link {
        repository_id,
        blob_id: blob.id,
    };
    if db::repository_blobs::give(tx, link, now, collect_at).await? {
        charge(tx, repository_id, blob.id, blob.size_bytes, now).await?;
    }
    Ok(())
}

/// Counts a manifest that the repository has now, and those of its blobs that did not count while
/// no manifest named them. What the project has then, if it has a quota.
pub(crate) async fn charge_manifest(
    tx: &mut SqliteConnection,
    repository_id: i64,
    manifest_id: i64,
    size_bytes: u64,
    now: Timestamp,
) -> Result<Option<Space>, ChargeError> {
    let mut space = charge(tx, repository_id, manifest_id, size_bytes, now).await?;
    for blob in db::repository_blobs::count_named(tx, manifest_id).await? {
        space = charge(tx, repository_id, blob.id, blob.size_bytes, now).await?;
    }
    Ok(space)
}

/// What a project has room for, as far as was known before it came: without a quota, for anything.
pub(crate) struct Room(Option<Bounds>);

struct Bounds {
    project: ProjectName,
    quota_bytes: u64,
    used_bytes: u64,
}

impl Room {
    fn of(project: &ProjectName, space: Space) -> Self {
        Self(space.quota_bytes.map(|quota_bytes| Bounds {
            project: project.clone(),
            quota_bytes,
            used_bytes: space.used_bytes,
        }))
    }

    /// Refuses so many bytes if there is no room for them.
    pub(crate) fn hold(&self, bytes: u64) -> Result<(), OverQuota> {
        match &self.0 {
            Some(bounds) if bounds.used_bytes.saturating_add(bytes) > bounds.quota_bytes => {
                Err(OverQuota {
                    project: bounds.project.clone(),
                    quota_bytes: bounds.quota_bytes,
                    used_bytes: bounds.used_bytes,
                    asked_bytes: bytes,
                })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Registry {
    /// What the project has and may have; `None` when there is no such project.
    pub async fn project_space(&self, name: &ProjectName) -> Result<Option<Space>, DbError> {
        let mut connection = self.db.read().await?;
        db::project_usage::of_project(&mut connection, name).await
    }

    /// The projects that the caller may pull something from and that are short of space, in order of
    /// the bytes of their names.
    pub async fn short_projects(
        &self,
        caller: &Caller,
    ) -> Result<Vec<(ProjectName, Space)>, DbError> {
        let readable = self.auth.readable(caller).await?;
        let mut connection = self.db.read().await?;
        let mut found = db::project_usage::of_limited(&mut connection).await?;
        found.retain(|(name, space)| space.short() && readable.reaches(name));
        Ok(found)
    }

    /// Refuses if the project has no room for so many bytes more, before they are sent, and tells
    /// what it has room for. What counts is asked again when they have come.
    pub(crate) async fn foresee(
        &self,
        project: &ProjectName,
        bytes: u64,
    ) -> Result<Room, ChargeError> {
        let space = self.project_space(project).await?;
        let room = space.map_or(Room(None), |space| Room::of(project, space));
        room.hold(bytes)?;
        Ok(room)
    }

    /// As [`Registry::foresee`], of a blob that takes nothing if the project has it already.
    pub(crate) async fn foresee_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        bytes: u64,
    ) -> Result<Room, ChargeError> {
        let project = repository.project();
        let foreseen = self.foresee(&project, bytes).await;
        if let Ok(Room(None)) = foreseen {
            return foreseen;
        }
        let mut connection = self.db.read().await?;
        let has = db::project_usage::has_blob(&mut connection, &project, digest).await?;
        if has { Ok(Room(None)) } else { foreseen }
    }

    /// Sets how many bytes a project may have. Below what it has, nothing goes; pushes are refused.
    pub async fn set_quota(
        &self,
        by: &Caller,
        name: &ProjectName,
        quota_bytes: Option<u64>,
    ) -> Result<Space, QuotaError> {
        let (set, actor, now) = (name.clone(), by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = db::projects::find(tx, &set).await?;
                    let row = row.ok_or_else(|| QuotaError::Unknown(set.clone()))?;
                    if row.kind != ProjectKind::Hosted {
                        return Err(QuotaError::NotHosted {
                            name: set,
                            kind: row.kind,
                        });
                    }
                    db::projects::set_quota(tx, row.id, quota_bytes).await?;
                    let detail = match quota_bytes {
                        Some(bytes) => format!("{bytes} bytes"),
                        None => "none".to_owned(),
                    };
                    Entry::done(&actor, "quota.change", &set)
                        .in_project(&set)
                        .with_detail(detail)
                        .record(tx, now)
                        .await?;
                    let used_bytes = db::project_usage::total(tx, row.id).await?;
                    Ok(Space {
                        used_bytes,
                        quota_bytes,
                    })
                }
                .boxed()
            })
            .await
    }
}
