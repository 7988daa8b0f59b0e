use berth_oci::ProjectName;
use futures_util::FutureExt as _;

use super::{ProjectError, find};
use crate::access::Refusal;
use crate::audit::Entry;
use crate::auth::{BuiltinRole, Caller, Rights, RoleName, Target};
use crate::db::{self, DbError, changes};
use crate::registry::Registry;

/// Each check of a right reads the roles of one member; a limit on what a project fills.
const MOST: usize = 100;

/// A named set of actions on repositories of a project.
#[derive(Clone, Debug)]
pub struct Role {
    pub name: RoleName,
    pub builtin: bool,
    pub grants: Rights,
}

#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("project {project} has no role {role} of its own")]
    Unknown {
        project: ProjectName,
        role: RoleName,
    },
    #[error("{0} is a role that every project has: it can not be changed")]
    Builtin(RoleName),
    #[error("{user} has the role {role}: take it from every member first")]
    InUse { role: RoleName, user: String },
    #[error("a role of project {project} can not have rights on {glob}, which is not all in it")]
    Outside { project: ProjectName, glob: String },
    #[error("nobody can give or take a role's rights that they do not have")]
    MoreThanOwn,
    #[error("a project has {MOST} roles of its own at most")]
    TooMany,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for RoleError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn | Self::Outside { .. })
    }
}

impl Registry {
    /// The roles of every project, then those of this one; `None` when there is no such project.
    pub async fn roles(&self, project: &ProjectName) -> Result<Option<Vec<Role>>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(row) = db::projects::find(&mut connection, project).await? else {
            return Ok(None);
        };
        let builtin = BuiltinRole::ALL.into_iter().map(|role| Role {
            name: role.into(),
            builtin: true,
            grants: Rights::from_iter([role.grant(project)]),
        });
        let custom = db::members::custom_roles(&mut connection, row.id).await?;
        let custom = custom.into_iter().map(|(name, grants)| Role {
            name,
            builtin: false,
            grants,
        });
        Ok(Some(builtin.chain(custom).collect()))
    }

    /// Makes or replaces a role of the project. Members that have it have the new rights at once.
    pub async fn set_role(
        &self,
        by: &Caller,
        project: &ProjectName,
        name: &RoleName,
        grants: Rights,
    ) -> Result<Role, RoleError> {
        if name.builtin().is_some() {
            return Err(RoleError::Builtin(name.clone()));
        }
        for grant in grants.grants() {
            if grant.repositories.project().as_ref() != Some(project) {
                let outside = RoleError::Outside {
                    project: project.clone(),
                    glob: grant.repositories.to_string(),
                };
                return self.noted(by, "role.set", name, Err(outside));
            }
        }
        let own = self.auth.actions_on(by, Target::Project(project)).await?;
        if !own.covers(grants.all_actions()) {
            return self.noted(by, "role.set", name, Err(RoleError::MoreThanOwn));
        }
        let (subject, project, name) = (name, project.clone(), name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let row = find(tx, &project).await?;
                    let roles = db::members::custom_roles(tx, row.id).await?;
                    match roles.iter().find(|(known, _)| *known == name) {
                        Some((_, had)) if !own.covers(had.all_actions()) => {
                            return Err(RoleError::MoreThanOwn);
                        }
                        Some(_) => {}
                        None if roles.len() >= MOST => return Err(RoleError::TooMany),
                        None => {}
                    }
                    db::members::set_custom_role(tx, row.id, &name, &grants).await?;
                    Entry::done(&actor, "role.set", &name)
                        .in_project(&project)
                        .with_detail(grants.summary())
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, project.as_str(), now).await?;
                    Ok(Role {
                        name,
                        builtin: false,
                        grants,
                    })
                }
                .boxed()
            })
            .await;
        let role = self.noted(by, "role.set", subject, outcome)?;
        Ok(role)
    }

    pub async fn delete_role(
        &self,
        by: &Caller,
        project: &ProjectName,
        name: &RoleName,
    ) -> Result<(), RoleError> {
        if name.builtin().is_some() {
            return Err(RoleError::Builtin(name.clone()));
        }
        let (project, name) = (project.clone(), name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = find(tx, &project).await?;
                    if let Some(user) = db::members::member_with_role(tx, row.id, &name).await? {
                        return Err(RoleError::InUse { role: name, user });
                    }
                    if !db::members::delete_custom_role(tx, row.id, &name).await? {
                        return Err(RoleError::Unknown {
                            project,
                            role: name,
                        });
                    }
                    Entry::done(&actor, "role.delete", &name)
                        .in_project(&project)
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, project.as_str(), now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }
}
