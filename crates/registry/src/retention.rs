//! What a project keeps. A policy is a list of rules, each of which selects tags and says which of
//! them it keeps: what is selected and kept by none goes. What no rule selects stays.
//!
//! [`decide`] and [`untagged`] are pure; the [`preview`] and the [`run`] read what they need into a
//! [`snapshot`] of one repository and ask them. The run asks once more for each thing, in the
//! transaction that removes it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use berth_oci::{Digest, ProjectName, RepositoryName, Tag};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::audit::Entry;
use crate::auth::Caller;
use crate::cache::ProjectKind;
use crate::clock::Timestamp;
use crate::db::projects::ProjectRow;
use crate::db::retention::policies::NewPolicy;
use crate::db::{self, DbError, signed};
use crate::project::{self, ProjectError};
use crate::registry::Registry;
use crate::sentence;

mod attached;
mod decide;
mod policy;
mod preview;
mod run;
mod schedule;
mod snapshot;
mod untagged;

pub use policy::{
    InvalidPolicy, Keep, MOST_DAYS, MOST_HOURS, MOST_RULES, MOST_TAGS, PolicyText, RuleText,
};
pub use preview::{Place, Preview};
pub(crate) use schedule::Requested;

use policy::Policy;

/// The policy of a project.
#[derive(Clone, Debug)]
pub struct Retention {
    pub policy: PolicyText,
    pub next_run_at: Option<Timestamp>,
    pub changed_by: String,
    pub changed_at: Timestamp,
}

/// One run of a policy.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: i64,
    /// `None` for one on schedule.
    pub requested_by: Option<String>,
    pub state: RunState,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub totals: Totals,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub kept_tags: u64,
    pub removed_tags: u64,
    pub removed_manifests: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Running,
    Done,
    Failed,
    /// The server has ended before it, and another run follows; or the policy is no longer that of the
    /// project.
    Interrupted,
}

/// Something that a run has removed: a tag, or a manifest without one.
#[derive(Clone, Debug)]
pub struct Removal {
    pub number: i64,
    pub repository: RepositoryName,
    pub tag: Option<Tag>,
    pub digest: Digest,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("project {0} is a group, and holds nothing: the projects that it reads have policies")]
    Group(ProjectName),
    #[error(transparent)]
    Invalid(#[from] InvalidPolicy),
    #[error("project {0} has no retention policy")]
    NoPolicy(ProjectName),
    #[error("retention of project {0} runs already")]
    Running(ProjectName),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl RunState {
    pub const ALL: [Self; 4] = [Self::Running, Self::Done, Self::Failed, Self::Interrupted];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl FromStr for RunState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = Self::ALL.into_iter().find(|state| state.as_str() == text);
        named.ok_or(())
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kept_tags,
            removed_tags,
            removed_manifests,
        } = self;
        f.write_str(&sentence!(
            "removed tags: {removed_tags}, removed manifests: {removed_manifests}, kept tags: {kept_tags}"
        ))
    }
}

impl Registry {
    /// The policy of the project, if it has one.
    pub async fn retention(
        &self,
        project: &ProjectName,
    ) -> Result<Option<Retention>, RetentionError> {
        let mut connection = self.db.read().await?;
        let row = project::find(&mut connection, project).await?;
        let stored = db::retention::policies::find(&mut connection, row.id).await?;
        let stored = stored.map(|stored| {
            Ok::<_, DbError>(Retention {
                policy: parse(&stored.policy)?,
                next_run_at: stored.next_run_at,
                changed_by: stored.changed_by,
                changed_at: stored.changed_at,
            })
        });
        Ok(stored.transpose()?)
    }

    pub async fn set_retention(
        &self,
        by: &Caller,
        project: &ProjectName,
        policy: PolicyText,
    ) -> Result<Retention, RetentionError> {
        policy.read(project)?;
        let (project, actor, now) = (project.clone(), by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = holding(tx, &project).await?;
                    let new = NewPolicy {
                        policy: &text(&policy),
                        every_hours: policy.every_hours,
                        next_run_at: policy.every_hours.map(|hours| after_hours(now, hours)),
                        changed_by: &actor.name,
                        changed_at: now,
                    };
                    let next_run_at = db::retention::policies::set(tx, row.id, &new).await?;
                    Entry::done(&actor, "retention.set", &project)
                        .in_project(&project)
                        .with_detail(new.policy)
                        .record(tx, now)
                        .await?;
                    Ok(Retention {
                        policy,
                        next_run_at,
                        changed_by: actor.name,
                        changed_at: now,
                    })
                }
                .boxed()
            })
            .await
    }

    pub async fn delete_retention(
        &self,
        by: &Caller,
        project: &ProjectName,
    ) -> Result<(), RetentionError> {
        let (project, actor, now) = (project.clone(), by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = project::find(tx, &project).await?;
                    if !db::retention::policies::delete(tx, row.id).await? {
                        return Err(RetentionError::NoPolicy(project));
                    }
                    Entry::done(&actor, "retention.delete", &project)
                        .in_project(&project)
                        .record(tx, now)
                        .await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Runs of the project, newest first, of those before one.
    pub async fn retention_runs(
        &self,
        project: &ProjectName,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Run>, RetentionError> {
        let mut connection = self.db.read().await?;
        let row = project::find(&mut connection, project).await?;
        let (before, limit) = (before.unwrap_or(i64::MAX), signed(limit as u64));
        Ok(db::retention::runs::list(&mut connection, row.id, before, limit).await?)
    }

    pub async fn retention_run(
        &self,
        project: &ProjectName,
        run: i64,
    ) -> Result<Option<Run>, DbError> {
        let mut connection = self.db.read().await?;
        find_run(&mut connection, project, run).await
    }

    /// What a run has removed behind that number, in order; `None` when there is no such run.
    pub async fn retention_removals(
        &self,
        project: &ProjectName,
        run: i64,
        after: i64,
        limit: usize,
    ) -> Result<Option<Vec<Removal>>, DbError> {
        let mut connection = self.db.read().await?;
        let found = find_run(&mut connection, project, run).await?;
        if found.is_none() {
            return Ok(None);
        }
        let limit = signed(limit as u64);
        let removals = db::retention::runs::removals(&mut connection, run, after, limit).await?;
        Ok(Some(removals))
    }
}

async fn find_run(
    connection: &mut SqliteConnection,
    project: &ProjectName,
    run: i64,
) -> Result<Option<Run>, DbError> {
    match db::projects::find(connection, project).await? {
        Some(row) => db::retention::runs::find(connection, row.id, run).await,
        None => Ok(None),
    }
}

/// The project, if it can hold something.
async fn holding(
    tx: &mut SqliteConnection,
    project: &ProjectName,
) -> Result<ProjectRow, RetentionError> {
    let row = project::find(tx, project).await?;
    match row.kind {
        ProjectKind::Hosted | ProjectKind::Proxy => Ok(row),
        ProjectKind::Group => Err(RetentionError::Group(row.name)),
    }
}

fn text(policy: &PolicyText) -> String {
    serde_json::to_string(policy).expect("a document of texts and numbers is JSON")
}

fn parse(text: &str) -> Result<PolicyText, DbError> {
    serde_json::from_str(text).map_err(|_| inconsistent(text))
}

/// A policy that was checked before it was stored.
fn stored(text: &str, project: &ProjectName) -> Result<Policy, DbError> {
    let policy = parse(text)?.read(project);
    policy.map_err(|_| inconsistent(text))
}

fn inconsistent(text: &str) -> DbError {
    DbError::Inconsistent {
        value: text.to_owned(),
        expected: "a retention policy",
    }
}

fn after_hours(now: Timestamp, hours: u32) -> Timestamp {
    now.plus(Duration::from_secs(60 * 60) * hours)
}

#[cfg(test)]
mod tests;
