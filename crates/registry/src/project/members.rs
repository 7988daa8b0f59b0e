use berth_oci::ProjectName;
use futures_util::FutureExt as _;

use super::{ProjectError, find};
use crate::access::Refusal;
use crate::audit::Entry;
use crate::auth::{ActionSet, Caller, Rights, RoleName, Target, UserName};
use crate::db::{self, DbError, changes, signed};
use crate::registry::Registry;

/// A user of a project, with the roles that the user has there.
#[derive(Clone, Debug)]
pub struct Member {
    pub user: UserName,
    pub roles: Vec<RoleName>,
}

#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error("there is no user {0}")]
    UnknownUser(UserName),
    #[error("{user} is no member of {project}")]
    NoMember {
        project: ProjectName,
        user: UserName,
    },
    #[error("project {project} has no role {role}")]
    UnknownRole {
        project: ProjectName,
        role: RoleName,
    },
    #[error("a member has one role at least: remove the member to take all")]
    NoRole,
    #[error("nobody can give or take a role with rights that they do not have")]
    MoreThanOwn,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for MemberError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn)
    }
}

impl Registry {
    /// In order of the bytes of the users' names; `None` when there is no such project.
    pub async fn members(
        &self,
        project: &ProjectName,
        after: &str,
        limit: usize,
    ) -> Result<Option<Vec<Member>>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(row) = db::projects::find(&mut connection, project).await? else {
            return Ok(None);
        };
        let limit = signed(limit as u64);
        let members = db::members::list(&mut connection, row.id, after, limit).await?;
        let member = |(user, roles)| Member { user, roles };
        Ok(Some(members.into_iter().map(member).collect()))
    }

    /// Gives the user exactly these roles.
    pub async fn set_member(
        &self,
        by: &Caller,
        project: &ProjectName,
        user: &UserName,
        roles: Vec<RoleName>,
    ) -> Result<Member, MemberError> {
        if roles.is_empty() {
            return Err(MemberError::NoRole);
        }
        self.replace_roles(by, project, user, roles).await
    }

    pub async fn remove_member(
        &self,
        by: &Caller,
        project: &ProjectName,
        user: &UserName,
    ) -> Result<(), MemberError> {
        self.replace_roles(by, project, user, Vec::new()).await?;
        Ok(())
    }

    async fn replace_roles(
        &self,
        by: &Caller,
        project: &ProjectName,
        user: &UserName,
        mut roles: Vec<RoleName>,
    ) -> Result<Member, MemberError> {
        roles.sort();
        roles.dedup();
        let own = self.auth.actions_on(by, Target::Project(project)).await?;
        let (subject, project, user) = (user, project.clone(), user.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let row = find(tx, &project).await?;
                    let Some(account) = db::users::find(tx, &user).await? else {
                        return Err(MemberError::UnknownUser(user));
                    };
                    let had = db::members::roles_of(tx, row.id, account.id).await?;
                    let custom = db::members::custom_roles(tx, row.id).await?;
                    // Those that are given or taken.
                    for role in roles.iter().filter(|role| !had.contains(role)) {
                        let actions = actions_of(role, &custom);
                        let actions = actions.ok_or_else(|| MemberError::UnknownRole {
                            project: project.clone(),
                            role: role.clone(),
                        })?;
                        if !own.covers(actions) {
                            return Err(MemberError::MoreThanOwn);
                        }
                    }
                    for role in had.iter().filter(|role| !roles.contains(role)) {
                        let actions = actions_of(role, &custom).unwrap_or(ActionSet::NONE);
                        if !own.covers(actions) {
                            return Err(MemberError::MoreThanOwn);
                        }
                    }
                    let found = db::members::remove(tx, row.id, account.id).await?;
                    if roles.is_empty() && !found {
                        return Err(MemberError::NoMember { project, user });
                    }
                    for role in &roles {
                        db::members::add(tx, row.id, account.id, role).await?;
                    }
                    let action = if roles.is_empty() {
                        "member.remove"
                    } else {
                        "member.set"
                    };
                    let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
                    Entry::done(&actor, action, &user)
                        .in_project(&project)
                        .with_detail(names.join(" "))
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, project.as_str(), now).await?;
                    Ok(Member { user, roles })
                }
                .boxed()
            })
            .await;
        let member = self.noted(by, "member.set", subject, outcome)?;
        Ok(member)
    }
}

/// All that a role gives, wherever in the project; `None` when there is no such role.
fn actions_of(role: &RoleName, custom: &[(RoleName, Rights)]) -> Option<ActionSet> {
    if let Some(builtin) = role.builtin() {
        return Some(builtin.actions());
    }
    let (_, rights) = custom.iter().find(|(name, _)| name == role)?;
    Some(rights.all_actions())
}
