use std::collections::HashMap;
use std::sync::Arc;

use berth_oci::{ProjectName, RepositoryName};

use super::Auth;
use super::action::{Action, ActionSet};
use super::caller::Caller;
use super::name::WHOLE;
use super::rights::{Rights, Target};
use crate::db::projects::ProjectRights;
use crate::db::{self, DbError};

/// Why somebody may push to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The project is there, and gives the right.
    Project,
    /// The project is not there, and may be made.
    NewProject {
        /// Whose it will be.
        owner: Option<i64>,
        /// Whether the right is there even if somebody else makes the project.
        anyway: bool,
    },
}

impl Auth {
    /// What the caller may do with this. The same is asked of the database whether the thing exists
    /// or not, and at all only when no cache knows.
    pub(crate) async fn actions_on(
        &self,
        caller: &Caller,
        target: Target<'_>,
    ) -> Result<ActionSet, DbError> {
        let account = caller.account.as_deref();
        let mut own = account.map_or(ActionSet::NONE, |account| account.own.actions_on(target));
        let mut everybodys = ActionSet::NONE;
        let project = match target {
            Target::Repository(repository) => Some(repository.project()),
            Target::Project(project) => Some(project.clone()),
            Target::Everything => None,
        };
        if let Some(name) = project {
            let user = account.and_then(|account| account.user);
            let creates = creates_projects(caller) && name.as_str() != WHOLE;
            let owner_to_be = creates && user.is_some();
            match &*self.project(user, name).await? {
                Some(project) => {
                    own = own | project.of_user.actions_on(target);
                    everybodys = project.public.actions_on(target);
                }
                None if owner_to_be => own = own | ActionSet::of(&[Action::Pull, Action::Push]),
                None if creates => {}
                None => own = own.without(ActionSet::of(&[Action::Push])),
            }
        }
        // A personal token limits what is its user's own; an access token all that is asked with it.
        let on_target = |rights: &Rights| rights.actions_on(target);
        let limit = caller
            .account_limit()
            .map_or(ActionSet::ALL, |limit| on_target(limit));
        let asked = caller
            .token
            .as_ref()
            .map_or(ActionSet::ALL, |token| on_target(&token.rights));
        Ok(((own & limit) | everybodys) & asked)
    }

    pub(crate) async fn allows(
        &self,
        caller: &Caller,
        action: Action,
        target: Target<'_>,
    ) -> Result<bool, DbError> {
        Ok(self.actions_on(caller, target).await?.contains(action))
    }

    /// Whether the caller may push to the repository now, and why. A body takes its time, and a
    /// right may have gone since the request began.
    pub(crate) async fn admission(
        &self,
        caller: &Caller,
        repository: &RepositoryName,
    ) -> Result<Option<Admission>, DbError> {
        let Some(caller) = self.again(caller).await? else {
            return Ok(None);
        };
        let target = Target::Repository(repository);
        if !self.allows(&caller, Action::Push, target).await? {
            return Ok(None);
        }
        let project = self.project(caller.user(), repository.project()).await?;
        if project.is_some() {
            return Ok(Some(Admission::Project));
        }
        let own = caller.account.as_ref().map(|account| &account.own);
        Ok(Some(Admission::NewProject {
            owner: caller.user(),
            anyway: own.is_some_and(|own| own.allow(Action::Push, target)),
        }))
    }

    /// What the caller may see of the list of all repositories: nothing, with an access token that
    /// was not given for that.
    pub(crate) async fn readable(&self, caller: &Caller) -> Result<Readable, DbError> {
        if !caller.may_list_repositories() {
            return Ok(Readable::default());
        }
        let account = caller.account.as_deref();
        let own = account
            .map(|account| account.own.clone())
            .unwrap_or_default();
        let user = account.and_then(|account| account.user);
        let everything =
            caller.account_limit().is_none() && own.allow(Action::Pull, Target::Everything);
        let by_project = if everything {
            HashMap::new()
        } else {
            let mut connection = self.db.read().await?;
            db::projects::rights_of_all(&mut connection, user).await?
        };
        Ok(Readable {
            own,
            by_project,
            limit: caller.account_limit().cloned(),
        })
    }
}

/// The repositories that somebody may pull from.
#[derive(Default)]
pub struct Readable {
    own: Rights,
    by_project: HashMap<ProjectName, ProjectRights>,
    limit: Option<Arc<Rights>>,
}

impl Readable {
    pub fn contains(&self, repository: &RepositoryName) -> bool {
        let may_pull = |rights: &Rights| rights.allow(Action::Pull, Target::Repository(repository));
        let project = self.by_project.get(&repository.project());
        let own =
            || may_pull(&self.own) || project.is_some_and(|project| may_pull(&project.of_user));
        let within_limit = self.limit.as_ref().is_none_or(|limit| may_pull(limit));
        (within_limit && own()) || project.is_some_and(|project| may_pull(&project.public))
    }

    /// Whether the project can have such repositories.
    pub(crate) fn reaches(&self, name: &ProjectName) -> bool {
        let project = self.by_project.get(name);
        let own = self.own.reach(Action::Pull, name)
            || project.is_some_and(|project| project.of_user.reach(Action::Pull, name));
        let limit = self.limit.as_ref();
        let limited = limit.is_none_or(|limit| limit.reach(Action::Pull, name));
        (own && limited) || project.is_some_and(|project| !project.public.grants().is_empty())
    }

    /// The only projects that can have such repositories; `None` when any may.
    pub fn projects(&self) -> Option<Vec<ProjectName>> {
        let limit = match &self.limit {
            Some(limit) => projects_with_pull(limit),
            None => None,
        };
        let own = projects_with_pull(&self.own).map(|mut projects| {
            projects.extend(self.by_project.keys().cloned());
            projects
        });
        let mut projects = match (limit, own) {
            (None, None) => return None,
            (Some(projects), None) | (None, Some(projects)) => projects,
            (Some(limit), Some(mut own)) => {
                own.retain(|project| limit.contains(project));
                own
            }
        };
        let public = self
            .by_project
            .iter()
            .filter(|(_, project)| !project.public.grants().is_empty());
        projects.extend(public.map(|(name, _)| name.clone()));
        projects.sort();
        projects.dedup();
        Some(projects)
    }
}

/// The projects that grants of pull name; `None` when one of them names more than a project.
fn projects_with_pull(rights: &Rights) -> Option<Vec<ProjectName>> {
    rights
        .grants()
        .iter()
        .filter(|grant| grant.actions.contains(Action::Pull))
        .map(|grant| grant.repositories.project())
        .collect()
}

/// A first push makes its project, for whoever may make projects. An access token does not say so
/// itself: it was given for a push to a project that was not there.
fn creates_projects(caller: &Caller) -> bool {
    let may = |rights: &Rights| rights.allow(Action::ProjectCreate, Target::Everything);
    caller
        .account
        .as_ref()
        .is_some_and(|account| may(&account.own))
        && caller.account_limit().is_none_or(|limit| may(limit))
}
