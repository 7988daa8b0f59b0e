//! Projects: who is a member, with which roles, and whether everybody may pull.

use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::audit::Entry;
use crate::auth::{BuiltinRole, Caller, WHOLE};
use crate::cache::ProjectKind;
use crate::clock::Timestamp;
use crate::db::projects::ProjectRow;
use crate::db::{self, DbError, changes, signed};
use crate::registry::Registry;
use crate::sentence;

mod members;
mod roles;

pub use members::{Member, MemberError};
pub use roles::{Role, RoleError};

#[derive(Clone, Debug)]
pub struct Project {
    pub name: ProjectName,
    /// Whether everybody may pull, without credentials too.
    pub public: bool,
    pub kind: ProjectKind,
    /// The most bytes that it may have.
    pub quota_bytes: Option<u64>,
    pub created_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateProjectError {
    #[error("there is a project {0} already")]
    Taken(ProjectName),
    #[error("no project can be named {name}: {reason}")]
    Reserved {
        name: ProjectName,
        reason: &'static str,
    },
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("there is no project {0}")]
    Unknown(ProjectName),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    pub async fn project(&self, name: &ProjectName) -> Result<Option<Project>, DbError> {
        let mut connection = self.db.read().await?;
        let row = db::projects::find(&mut connection, name).await?;
        Ok(row.map(Project::from))
    }

    /// The project, if the caller may pull from some of it.
    pub async fn readable_project(
        &self,
        caller: &Caller,
        name: &ProjectName,
    ) -> Result<Option<Project>, DbError> {
        let readable = self.auth.readable(caller).await?;
        if !readable.reaches(name) {
            return Ok(None);
        }
        self.project(name).await
    }

    /// The projects that the caller may pull something from, in order of the bytes of their names.
    pub async fn projects(
        &self,
        caller: &Caller,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Project>, DbError> {
        let readable = self.auth.readable(caller).await?;
        let mut connection = self.db.read().await?;
        let mut projects = Vec::new();
        let mut after = after.to_owned();
        while projects.len() < limit {
            let rows = db::projects::list(&mut connection, &after, signed(limit as u64)).await?;
            let Some(last) = rows.last() else { break };
            after = last.name.to_string();
            let read = rows.into_iter().filter(|row| readable.reaches(&row.name));
            projects.extend(read.map(Project::from));
        }
        projects.truncate(limit);
        Ok(projects)
    }

    /// Makes a project that its maker owns.
    pub async fn create_project(
        &self,
        by: &Caller,
        name: &ProjectName,
        public: bool,
    ) -> Result<Project, CreateProjectError> {
        let reason = match name.as_str() {
            WHOLE => Some(sentence("it stands before the names of robots")),
            _ => self.reserved(name),
        };
        if let Some(reason) = reason {
            let name = name.clone();
            return Err(CreateProjectError::Reserved { name, reason });
        }
        let (made, owner) = (name.clone(), by.user());
        let (actor, now) = (by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let id =
                        db::projects::insert(tx, &made, ProjectKind::Hosted, public, now).await?;
                    let Some(id) = id else {
                        return Err(CreateProjectError::Taken(made));
                    };
                    if let Some(owner) = owner {
                        db::members::add(tx, id, owner, &BuiltinRole::Owner.into()).await?;
                    }
                    Entry::done(&actor, "project.create", &made)
                        .in_project(&made)
                        .with_detail(visibility(public))
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, made.as_str(), now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await?;
        Ok(Project {
            name: name.clone(),
            public,
            kind: ProjectKind::Hosted,
            quota_bytes: None,
            created_at: now,
        })
    }

    pub async fn change_project(
        &self,
        by: &Caller,
        name: &ProjectName,
        public: bool,
    ) -> Result<Project, ProjectError> {
        let (name, actor, now) = (name.clone(), by.actor(), self.clock.now());
        let project = self
            .db
            .write(move |tx| {
                async move {
                    let row = find(tx, &name).await?;
                    db::projects::set_public(tx, row.id, public).await?;
                    Entry::done(&actor, "project.change", &name)
                        .in_project(&name)
                        .with_detail(visibility(public))
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
                    Ok::<_, ProjectError>(Project {
                        public,
                        ..row.into()
                    })
                }
                .boxed()
            })
            .await?;
        Ok(project)
    }
}

pub(crate) async fn find(
    tx: &mut SqliteConnection,
    name: &ProjectName,
) -> Result<ProjectRow, ProjectError> {
    let row = db::projects::find(tx, name).await?;
    row.ok_or_else(|| ProjectError::Unknown(name.clone()))
}

fn visibility(public: bool) -> &'static str {
    if public { "public" } else { "private" }
}

impl From<ProjectRow> for Project {
    fn from(row: ProjectRow) -> Self {
        Self {
            name: row.name,
            public: row.public,
            kind: row.kind,
            quota_bytes: row.quota_bytes,
            created_at: row.created_at,
        }
    }
}
