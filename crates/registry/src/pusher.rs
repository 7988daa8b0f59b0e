use berth_oci::{ProjectName, RepositoryName};
use sqlx::SqliteConnection;

use crate::audit::{Actor, Entry};
use crate::auth::{Admission, BuiltinRole, Caller};
use crate::cache::ProjectKind;
use crate::clock::Timestamp;
use crate::db::{self, DbError, changes};
use crate::registry::Registry;
use crate::sentence;

/// Who pushes.
#[derive(Clone, Debug)]
pub(crate) struct Pusher {
    pub(crate) actor: Actor,
    /// `None` for Berth itself, which nobody has to let in.
    pub(crate) caller: Option<Caller>,
}

impl From<&Caller> for Pusher {
    fn from(caller: &Caller) -> Self {
        Self {
            actor: caller.actor(),
            caller: Some(caller.clone()),
        }
    }
}

/// A push that was let in when its bytes had come, on its way into the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) actor: Actor,
    admission: Admission,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmitError {
    #[error("the right to push to {0} has gone meanwhile")]
    Refused(RepositoryName),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// Asks for the right to push once more, when the bytes have come.
    pub(crate) async fn admit(
        &self,
        pusher: Pusher,
        repository: &RepositoryName,
    ) -> Result<Admitted, AdmitError> {
        let admission = match &pusher.caller {
            Some(caller) => self.auth.admission(caller, repository).await?,
            None => Some(Admission::NewProject {
                owner: None,
                anyway: true,
            }),
        };
        Ok(Admitted {
            actor: pusher.actor,
            admission: admission.ok_or_else(|| AdmitError::Refused(repository.clone()))?,
        })
    }
}

impl Admitted {
    /// The id of the repository, which is made if it is not there, with its project if that is why
    /// the push was let in.
    pub(crate) async fn ensure(
        &self,
        tx: &mut SqliteConnection,
        name: &RepositoryName,
        now: Timestamp,
    ) -> Result<i64, AdmitError> {
        let project = name.project();
        let refused = || AdmitError::Refused(name.clone());
        if let Admission::NewProject { owner, anyway } = self.admission {
            let made = self.make_project(tx, &project, owner, now).await?;
            // Made by somebody else meanwhile, or by another push of this one.
            if !made && !anyway && !owns(tx, &project, owner).await? {
                return Err(refused());
            }
        }
        match db::repositories::find(tx, name).await? {
            Some(id) => Ok(id),
            None => db::repositories::insert(tx, name, now)
                .await?
                .ok_or_else(refused),
        }
    }

    async fn make_project(
        &self,
        tx: &mut SqliteConnection,
        project: &ProjectName,
        owner: Option<i64>,
        now: Timestamp,
    ) -> Result<bool, DbError> {
        let Some(id) = db::projects::insert(tx, project, ProjectKind::Hosted, false, now).await?
        else {
            return Ok(false);
        };
        if let Some(owner) = owner {
            db::members::add(tx, id, owner, &BuiltinRole::Owner.into()).await?;
        }
        changes::record(tx, changes::RIGHTS, project.as_str(), now).await?;
        Entry::done(&self.actor, "project.create", project)
            .in_project(project)
            .with_detail(sentence("by a first push"))
            .record(tx, now)
            .await?;
        Ok(true)
    }
}

async fn owns(
    tx: &mut SqliteConnection,
    project: &ProjectName,
    user: Option<i64>,
) -> Result<bool, DbError> {
    let (Some(user), Some(project)) = (user, db::projects::find(tx, project).await?) else {
        return Ok(false);
    };
    let roles = db::members::roles_of(tx, project.id, user).await?;
    Ok(roles.contains(&BuiltinRole::Owner.into()))
}
