use axum::extract::State;
use axum::http::StatusCode;
use berth_oci::ProjectName;
use berth_registry::accounts::{
    CreateRobotError, NewRobot, Robot as Account, RobotChange, RobotError, RobotOwner,
};
use berth_registry::auth::{Action, RobotName, Target};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{Created, Document, Object, given};
use super::grant::{self, Grant};
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, ProjectPath, ProjectRobotPath, RobotPath};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// An account for a machine.
#[derive(Serialize, ToSchema)]
pub(crate) struct Robot {
    pub(crate) name: String,
    /// What it signs in with, as a user does with a name
    #[schema(example = "shop+ci")]
    pub(crate) login: String,
    /// Null for a robot of the whole installation
    pub(crate) project: Option<String>,
    pub(crate) scopes: Vec<Grant>,
    pub(crate) disabled: bool,
    pub(crate) created_by: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) expires_at: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRobot, example = json!({
    "name": "deploy",
    "scopes": [{"repositories": "shop/**", "actions": ["pull"]}],
    "expires_at": "2099-01-31T12:00:00Z",
}))]
pub(crate) struct New {
    #[schema(value_type = texts::AccountName)]
    pub(crate) name: String,
    /// Within the project, and no more than its maker may do there
    #[schema(value_type = Vec<Grant>, max_items = 100)]
    pub(crate) scopes: Vec<Object<Grant>>,
    /// Without it the robot does not end by itself
    #[schema(format = DateTime)]
    pub(crate) expires_at: Option<String>,
}

/// What is to be different
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RobotChange)]
pub(crate) struct Change {
    #[schema(value_type = Option<Vec<Grant>>, max_items = 100)]
    pub(crate) scopes: Option<Vec<Object<Grant>>>,
    pub(crate) disabled: Option<bool>,
    /// Null takes the end away
    #[serde(default, deserialize_with = "given")]
    #[schema(format = DateTime, value_type = Option<String>, example = "2099-01-31T12:00:00Z")]
    pub(crate) expires_at: Option<Option<String>>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RobotCreated {
    #[serde(flatten)]
    pub(crate) robot: Robot,
    /// It is not shown again
    pub(crate) secret: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RobotSecret {
    /// It is not shown again
    pub(crate) secret: String,
}

/// The robots of the whole installation, in the order of their names
#[utoipa::path(get, path = "/api/v1/robots", tag = "robots", params(PageQuery),
    responses((status = 200, body = List<Robot>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Robot>>, Problem> {
    list_of(&console, &signed, &RobotOwner::Everything, &page).await
}

/// Make a robot of the whole installation
#[utoipa::path(post, path = "/api/v1/robots", tag = "robots", request_body = New,
    responses((status = 201, body = RobotCreated), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<Created<RobotCreated>, Problem> {
    create_of(&console, &signed, &RobotOwner::Everything, new).await
}

/// A robot of the whole installation
#[utoipa::path(get, path = "/api/v1/robots/{robot}", tag = "robots", params(RobotPath),
    responses((status = 200, body = Robot), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RobotPath>,
) -> Result<Document<Robot>, Problem> {
    get_of(&console, &signed, &RobotOwner::Everything, &path.robot()?).await
}

/// Change a robot of the whole installation
#[utoipa::path(patch, path = "/api/v1/robots/{robot}", tag = "robots", params(RobotPath),
    request_body = Change, responses((status = 200, body = Robot), Refusals))]
pub(crate) async fn change(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RobotPath>,
    Document(change): Document<Change>,
) -> Result<Document<Robot>, Problem> {
    let owner = RobotOwner::Everything;
    change_of(&console, &signed, &owner, &path.robot()?, change).await
}

/// Remove a robot of the whole installation
#[utoipa::path(delete, path = "/api/v1/robots/{robot}", tag = "robots", params(RobotPath),
    responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RobotPath>,
) -> Result<StatusCode, Problem> {
    delete_of(&console, &signed, &RobotOwner::Everything, &path.robot()?).await
}

/// Give a robot a new secret; the old one ends
#[utoipa::path(post, path = "/api/v1/robots/{robot}/secret", tag = "robots", params(RobotPath),
    responses((status = 200, body = RobotSecret), Refusals))]
pub(crate) async fn renew(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RobotPath>,
) -> Result<Document<RobotSecret>, Problem> {
    renew_of(&console, &signed, &RobotOwner::Everything, &path.robot()?).await
}

/// The robots of a project, in the order of their names
#[utoipa::path(get, path = "/api/v1/projects/{project}/robots", tag = "robots",
    params(ProjectPath, PageQuery), responses((status = 200, body = List<Robot>), Refusals))]
pub(crate) async fn list_of_project(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Robot>>, Problem> {
    let owner = RobotOwner::Project(path.project()?);
    list_of(&console, &signed, &owner, &page).await
}

/// Make a robot of a project
#[utoipa::path(post, path = "/api/v1/projects/{project}/robots", tag = "robots",
    params(ProjectPath), request_body = New,
    responses((status = 201, body = RobotCreated), Refusals))]
pub(crate) async fn create_in_project(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Document(new): Document<New>,
) -> Result<Created<RobotCreated>, Problem> {
    let owner = RobotOwner::Project(path.project()?);
    create_of(&console, &signed, &owner, new).await
}

/// A robot of a project
#[utoipa::path(get, path = "/api/v1/projects/{project}/robots/{robot}", tag = "robots",
    params(ProjectRobotPath), responses((status = 200, body = Robot), Refusals))]
pub(crate) async fn get_of_project(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectRobotPath>,
) -> Result<Document<Robot>, Problem> {
    let owner = RobotOwner::Project(path.project()?);
    get_of(&console, &signed, &owner, &path.robot()?).await
}

/// Change a robot of a project
#[utoipa::path(patch, path = "/api/v1/projects/{project}/robots/{robot}", tag = "robots",
    params(ProjectRobotPath), request_body = Change,
    responses((status = 200, body = Robot), Refusals))]
pub(crate) async fn change_in_project(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectRobotPath>,
    Document(change): Document<Change>,
) -> Result<Document<Robot>, Problem> {
    let owner = RobotOwner::Project(path.project()?);
    change_of(&console, &signed, &owner, &path.robot()?, change).await
}

/// Remove a robot of a project
#[utoipa::path(delete, path = "/api/v1/projects/{project}/robots/{robot}", tag = "robots",
    params(ProjectRobotPath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete_from_project(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectRobotPath>,
) -> Result<StatusCode, Problem> {
    let owner = RobotOwner::Project(path.project()?);
    delete_of(&console, &signed, &owner, &path.robot()?).await
}

/// Give a robot a new secret; the old one ends
#[utoipa::path(post, path = "/api/v1/projects/{project}/robots/{robot}/secret", tag = "robots",
    params(ProjectRobotPath), responses((status = 200, body = RobotSecret), Refusals))]
pub(crate) async fn renew_in_project(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectRobotPath>,
) -> Result<Document<RobotSecret>, Problem> {
    let owner = RobotOwner::Project(path.project()?);
    renew_of(&console, &signed, &owner, &path.robot()?).await
}

async fn list_of(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
    page: &PageQuery,
) -> Result<Document<List<Robot>>, Problem> {
    let limit = page.limit()?;
    require_manager(console, signed, owner).await?;
    let robots = console
        .registry
        .robots(owner, page.after(), limit + 1)
        .await?;
    let robots = robots.ok_or_else(|| absent_owner(owner))?;
    let name = |robot: &Account| robot.name.to_string();
    Ok(Document(List::by_name(robots, limit, name, Robot::from)))
}

async fn create_of(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
    new: New,
) -> Result<Created<RobotCreated>, Problem> {
    require_manager(console, signed, owner).await?;
    let new = NewRobot {
        name: new.name.parse().map_err(Problem::bad_request)?,
        scopes: grant::read(new.scopes)?,
        expires_at: new
            .expires_at
            .map(|text| time::parse("expires_at", &text))
            .transpose()?,
    };
    let created = console.registry.create_robot(&signed.0, owner, new).await?;
    Ok(Created(RobotCreated {
        robot: created.robot.into(),
        secret: created.secret.reveal(),
    }))
}

async fn get_of(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
    name: &RobotName,
) -> Result<Document<Robot>, Problem> {
    require_manager(console, signed, owner).await?;
    let robot = console.registry.robot(owner, name).await?;
    let login = owner.login(name);
    let robot = robot.ok_or_else(|| Problem::absent(sentence!("robot {login}")))?;
    Ok(Document(robot.into()))
}

async fn change_of(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
    name: &RobotName,
    change: Change,
) -> Result<Document<Robot>, Problem> {
    require_manager(console, signed, owner).await?;
    let expires_at = change
        .expires_at
        .map(|at| at.map(|text| time::parse("expires_at", &text)).transpose());
    let change = RobotChange {
        scopes: change.scopes.map(grant::read).transpose()?,
        disabled: change.disabled,
        expires_at: expires_at.transpose()?,
    };
    let robot = console
        .registry
        .change_robot(&signed.0, owner, name, change)
        .await?;
    Ok(Document(robot.into()))
}

async fn delete_of(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
    name: &RobotName,
) -> Result<StatusCode, Problem> {
    require_manager(console, signed, owner).await?;
    console
        .registry
        .delete_robot(&signed.0, owner, name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn renew_of(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
    name: &RobotName,
) -> Result<Document<RobotSecret>, Problem> {
    require_manager(console, signed, owner).await?;
    let secret = console.registry.renew_robot(&signed.0, owner, name).await?;
    Ok(Document(RobotSecret {
        secret: secret.reveal(),
    }))
}

async fn require_manager(
    console: &Console,
    signed: &Signed,
    owner: &RobotOwner,
) -> Result<(), Problem> {
    let target = match owner {
        RobotOwner::Project(project) => Target::Project(project),
        RobotOwner::Everything => Target::Everything,
    };
    let allowed = console
        .registry
        .allows(&signed.0, Action::RobotManage, target)
        .await?;
    if allowed {
        Ok(())
    } else {
        Err(absent_owner(owner))
    }
}

fn absent_owner(owner: &RobotOwner) -> Problem {
    match owner {
        RobotOwner::Project(project) => absent_project(project),
        RobotOwner::Everything => Problem::absent(sentence("list of robots")),
    }
}

pub(crate) fn absent_project(project: &ProjectName) -> Problem {
    Problem::absent(sentence!("project {project}"))
}

impl From<Account> for Robot {
    fn from(robot: Account) -> Self {
        Self {
            name: robot.name.to_string(),
            login: robot.login,
            project: match robot.owner {
                RobotOwner::Project(project) => Some(project.to_string()),
                RobotOwner::Everything => None,
            },
            scopes: grant::show(&robot.scopes),
            disabled: robot.disabled,
            created_by: robot.created_by,
            created_at: time::text(robot.created_at),
            expires_at: robot.expires_at.map(time::text),
            last_used_at: robot.last_used_at.map(time::text),
        }
    }
}

impl From<CreateRobotError> for Problem {
    fn from(error: CreateRobotError) -> Self {
        use CreateRobotError as E;
        match error {
            E::UnknownOwner => Self::absent(sentence("such project")),
            E::Taken(_) => Self::conflict(error),
            E::Outside { .. } | E::MoreThanOwn | E::Ended => Self::impossible(error),
            E::Db(error) => error.into(),
        }
    }
}

impl From<RobotError> for Problem {
    fn from(error: RobotError) -> Self {
        match error {
            RobotError::Unknown(login) => Self::absent(sentence!("robot {login}")),
            RobotError::Scopes(error) => error.into(),
            RobotError::Db(error) => error.into(),
        }
    }
}
