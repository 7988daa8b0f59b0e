use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::access::Refusal;
use crate::audit::{Actor, Entry};
use crate::auth::{Caller, Grant, Rights, RobotName, Secret, SecretKind, Target, robot_login};
use crate::clock::Timestamp;
use crate::db::robots::RobotRow;
use crate::db::{self, DbError, changes, signed};
use crate::registry::Registry;

/// Whose a robot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RobotOwner {
    Project(ProjectName),
    /// The whole installation.
    Everything,
}

/// An account for a machine: a secret and what it may do.
#[derive(Clone, Debug)]
pub struct Robot {
    pub name: RobotName,
    /// What it signs in with.
    pub login: String,
    pub owner: RobotOwner,
    pub scopes: Rights,
    pub disabled: bool,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

pub struct NewRobot {
    pub name: RobotName,
    pub scopes: Rights,
    pub expires_at: Option<Timestamp>,
}

/// What is to be different; `None` leaves something as it is.
#[derive(Clone, Debug, Default)]
pub struct RobotChange {
    pub scopes: Option<Rights>,
    pub disabled: Option<bool>,
    pub expires_at: Option<Option<Timestamp>>,
}

/// The secret is shown here and never again.
pub struct RobotCreated {
    pub robot: Robot,
    pub secret: Secret,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateRobotError {
    #[error("there is no such project")]
    UnknownOwner,
    #[error("there is a robot {0} already")]
    Taken(String),
    #[error("a robot of project {project} can not have rights on {glob}, which is not all in it")]
    Outside { project: ProjectName, glob: String },
    #[error("nobody can give a robot rights that they do not have")]
    MoreThanOwn,
    #[error("the robot would have ended already")]
    Ended,
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for CreateRobotError {
    fn refused(&self) -> bool {
        matches!(self, Self::MoreThanOwn | Self::Outside { .. })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RobotError {
    #[error("there is no robot {0}")]
    Unknown(String),
    #[error(transparent)]
    Scopes(#[from] CreateRobotError),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refusal for RobotError {
    fn refused(&self) -> bool {
        matches!(self, Self::Scopes(error) if error.refused())
    }
}

impl RobotOwner {
    pub fn login(&self, name: &RobotName) -> String {
        robot_login(self.project(), name)
    }

    /// What its robots' rights are compared on with those of their makers.
    fn target(&self) -> Target<'_> {
        match self {
            Self::Project(project) => Target::Project(project),
            Self::Everything => Target::Everything,
        }
    }

    /// The id of the project, or `None` for the whole installation; nothing when there is no such
    /// project.
    async fn project_id(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Option<i64>>, DbError> {
        match self {
            Self::Project(name) => {
                let project = db::projects::find(connection, name).await?;
                Ok(project.map(|project| Some(project.id)))
            }
            Self::Everything => Ok(Some(None)),
        }
    }

    async fn find(
        &self,
        connection: &mut SqliteConnection,
        name: &RobotName,
    ) -> Result<(Option<i64>, RobotRow), RobotError> {
        let unknown = || RobotError::Unknown(self.login(name));
        let project_id = self.project_id(connection).await?.ok_or_else(unknown)?;
        let row = db::robots::find(connection, project_id, name).await?;
        Ok((project_id, row.ok_or_else(unknown)?))
    }

    fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Project(project) => Some(project),
            Self::Everything => None,
        }
    }

    fn entry(&self, actor: &Actor, action: &'static str, login: &str) -> Entry {
        let entry = Entry::done(actor, action, login);
        match self {
            Self::Project(project) => entry.in_project(project),
            Self::Everything => entry,
        }
    }
}

impl Registry {
    /// In order of the bytes of their names; `None` when there is no such project.
    pub async fn robots(
        &self,
        owner: &RobotOwner,
        after: &str,
        limit: usize,
    ) -> Result<Option<Vec<Robot>>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(project) = owner.project_id(&mut connection).await? else {
            return Ok(None);
        };
        let limit = signed(limit as u64);
        let rows = db::robots::list(&mut connection, project, after, limit).await?;
        let robot = |row| Robot::of_row(row, owner.clone());
        Ok(Some(rows.into_iter().map(robot).collect()))
    }

    pub async fn robot(
        &self,
        owner: &RobotOwner,
        name: &RobotName,
    ) -> Result<Option<Robot>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(project) = owner.project_id(&mut connection).await? else {
            return Ok(None);
        };
        let row = db::robots::find(&mut connection, project, name).await?;
        Ok(row.map(|row| Robot::of_row(row, owner.clone())))
    }

    pub async fn create_robot(
        &self,
        by: &Caller,
        owner: &RobotOwner,
        new: NewRobot,
    ) -> Result<RobotCreated, CreateRobotError> {
        let checked = self.check_scopes(by, owner, &new.scopes).await;
        self.noted(by, "robot.create", owner.login(&new.name), checked)?;
        let now = self.clock.now();
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(CreateRobotError::Ended);
        }
        let secret = Secret::generate(SecretKind::Robot);
        let (owner, actor, hash) = (owner.clone(), by.actor(), secret.hash());
        let robot = self
            .db
            .write(move |tx| {
                async move {
                    let Some(project_id) = owner.project_id(tx).await? else {
                        return Err(CreateRobotError::UnknownOwner);
                    };
                    let login = owner.login(&new.name);
                    let row = db::robots::NewRobot {
                        project_id,
                        name: &new.name,
                        login: &login,
                        secret_hash: &hash,
                        scopes: &new.scopes,
                        created_by: &actor.name,
                        created_at: now,
                        expires_at: new.expires_at,
                    };
                    if db::robots::insert(tx, &row).await?.is_none() {
                        return Err(CreateRobotError::Taken(login));
                    }
                    owner
                        .entry(&actor, "robot.create", &login)
                        .with_detail(new.scopes.summary())
                        .record(tx, now)
                        .await?;
                    let row = reread(tx, project_id, &new.name).await?;
                    Ok(Robot::of_row(row, owner))
                }
                .boxed()
            })
            .await?;
        Ok(RobotCreated { robot, secret })
    }

    pub async fn change_robot(
        &self,
        by: &Caller,
        owner: &RobotOwner,
        name: &RobotName,
        change: RobotChange,
    ) -> Result<Robot, RobotError> {
        if let Some(scopes) = &change.scopes {
            let checked = self.check_scopes(by, owner, scopes).await;
            self.noted(by, "robot.change", owner.login(name), checked)?;
        }
        let stops =
            change.disabled == Some(true) && change.scopes.is_none() && change.expires_at.is_none();
        let own = self.auth.actions_on(by, owner.target()).await?;
        let (subject, login) = (owner.login(name), owner.login(name));
        let (owner, name) = (owner.clone(), name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let (project_id, row) = owner.find(tx, &name).await?;
                    let scopes = change.scopes.unwrap_or(row.scopes);
                    // To open again what somebody with more rights has closed is to give it.
                    if !stops && !own.covers(scopes.all_actions()) {
                        return Err(CreateRobotError::MoreThanOwn.into());
                    }
                    let disabled = change.disabled.unwrap_or(row.disabled);
                    let expires_at = change.expires_at.unwrap_or(row.expires_at);
                    db::robots::update(tx, row.id, &scopes, disabled, expires_at).await?;
                    let state = if disabled { " disabled" } else { "" };
                    owner
                        .entry(&actor, "robot.change", &login)
                        .with_detail(format!("{}{state}", scopes.summary()))
                        .record(tx, now)
                        .await?;
                    changes::record(tx, changes::RIGHTS, &login, now).await?;
                    let row = reread(tx, project_id, &name).await?;
                    Ok::<_, RobotError>(Robot::of_row(row, owner))
                }
                .boxed()
            })
            .await;
        let robot = self.noted(by, "robot.change", subject, outcome)?;
        Ok(robot)
    }

    /// Gives the robot a new secret; the old one, and every token made with it, ends. Who sees the
    /// secret has what the robot has.
    pub async fn renew_robot(
        &self,
        by: &Caller,
        owner: &RobotOwner,
        name: &RobotName,
    ) -> Result<Secret, RobotError> {
        let secret = Secret::generate(SecretKind::Robot);
        let hash = secret.hash();
        let own = self.auth.actions_on(by, owner.target()).await?;
        let subject = owner.login(name);
        let (owner, name) = (owner.clone(), name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        let outcome = self
            .db
            .write(move |tx| {
                async move {
                    let (_, row) = owner.find(tx, &name).await?;
                    if !own.covers(row.scopes.all_actions()) {
                        return Err(CreateRobotError::MoreThanOwn.into());
                    }
                    db::robots::set_secret(tx, row.id, &hash).await?;
                    let entry = owner.entry(&actor, "robot.renew", &row.login);
                    entry.record(tx, now).await?;
                    changes::record(tx, changes::RIGHTS, &row.login, now).await?;
                    Ok::<_, RobotError>(())
                }
                .boxed()
            })
            .await;
        self.noted(by, "robot.renew", subject, outcome)?;
        Ok(secret)
    }

    pub async fn delete_robot(
        &self,
        by: &Caller,
        owner: &RobotOwner,
        name: &RobotName,
    ) -> Result<(), RobotError> {
        let (owner, name) = (owner.clone(), name.clone());
        let (actor, now) = (by.actor(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let (_, row) = owner.find(tx, &name).await?;
                    db::robots::delete(tx, row.id).await?;
                    let entry = owner.entry(&actor, "robot.delete", &row.login);
                    entry.record(tx, now).await?;
                    changes::record(tx, changes::RIGHTS, &row.login, now).await?;
                    Ok::<_, RobotError>(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    /// A robot stays in its project, and has nothing that its maker has not.
    async fn check_scopes(
        &self,
        by: &Caller,
        owner: &RobotOwner,
        scopes: &Rights,
    ) -> Result<(), CreateRobotError> {
        if let RobotOwner::Project(project) = owner {
            let outside = |grant: &&Grant| grant.repositories.project().as_ref() != Some(project);
            if let Some(grant) = scopes.grants().iter().find(outside) {
                return Err(CreateRobotError::Outside {
                    project: project.clone(),
                    glob: grant.repositories.to_string(),
                });
            }
        }
        let own = self.auth.actions_on(by, owner.target()).await?;
        if own.covers(scopes.all_actions()) {
            Ok(())
        } else {
            Err(CreateRobotError::MoreThanOwn)
        }
    }
}

async fn reread(
    connection: &mut SqliteConnection,
    project_id: Option<i64>,
    name: &RobotName,
) -> Result<RobotRow, DbError> {
    let row = db::robots::find(connection, project_id, name).await?;
    row.ok_or_else(|| DbError::Inconsistent {
        value: name.to_string(),
        expected: "the name of a robot",
    })
}

impl Robot {
    fn of_row(row: RobotRow, owner: RobotOwner) -> Self {
        Self {
            name: row.name,
            login: row.login,
            owner,
            scopes: row.scopes,
            disabled: row.disabled,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}
