use axum::extract::State;
use axum::http::StatusCode;
use berth_oci::ProjectName;
use berth_registry::auth::{Action, Target};
use berth_registry::project::{CreateProjectError, Project as Owned, ProjectError};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::{Created, Document};
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, ProjectPath};
use super::problem::{Problem, Refusals};
use super::robots::absent_project;
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// The first part of repository names: what owns members, roles and robots.
#[derive(Serialize, ToSchema)]
pub(crate) struct Project {
    pub(crate) name: String,
    /// Whether everybody may pull, without credentials too
    pub(crate) public: bool,
    /// `hosted`, `proxy` for a cache of what an upstream has, or `group`
    pub(crate) kind: &'static str,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProject, example = json!({"name": "warehouse", "public": false}))]
pub(crate) struct New {
    #[schema(value_type = texts::ProjectName)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) public: bool,
}

/// What is to be different
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectChange)]
pub(crate) struct Change {
    pub(crate) public: bool,
}

/// The projects that the caller may pull something from, in the order of their names
#[utoipa::path(get, path = "/api/v1/projects", tag = "projects", params(PageQuery),
    responses((status = 200, body = List<Project>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Project>>, Problem> {
    let limit = page.limit()?;
    let projects = console
        .registry
        .projects(&signed.0, page.after(), limit + 1)
        .await?;
    let name = |project: &Owned| project.name.to_string();
    Ok(Document(List::by_name(
        projects,
        limit,
        name,
        Project::from,
    )))
}

/// Make a project, and own it
#[utoipa::path(post, path = "/api/v1/projects", tag = "projects", request_body = New,
    responses((status = 201, body = Project), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<Created<Project>, Problem> {
    signed
        .require(
            &console.registry,
            Action::ProjectCreate,
            Target::Everything,
            sentence("way for you to make a project"),
        )
        .await?;
    let name: ProjectName = new.name.parse().map_err(Problem::bad_request)?;
    let project = console
        .registry
        .create_project(&signed.0, &name, new.public)
        .await?;
    Ok(Created(project.into()))
}

/// A project
#[utoipa::path(get, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath),
    responses((status = 200, body = Project), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<Document<Project>, Problem> {
    let name = path.project()?;
    let project = console.registry.readable_project(&signed.0, &name).await?;
    let project = project.ok_or_else(|| absent_project(&name))?;
    Ok(Document(project.into()))
}

/// Change a project
#[utoipa::path(patch, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath),
    request_body = Change, responses((status = 200, body = Project), Refusals))]
pub(crate) async fn change(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Document(change): Document<Change>,
) -> Result<Document<Project>, Problem> {
    let name = path.project()?;
    require(&console, &signed, Action::ProjectManage, &name).await?;
    let project = console
        .registry
        .change_project(&signed.0, &name, change.public)
        .await?;
    Ok(Document(project.into()))
}

/// What goes along with a project.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Along {
    /// Whether its images go too; without this a project that has any stays
    #[serde(default)]
    #[param(default = false)]
    pub(crate) with_images: bool,
}

/// Remove a project with its members, roles and robots
#[utoipa::path(delete, path = "/api/v1/projects/{project}", tag = "projects",
    params(ProjectPath, Along), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Parameters(along): Parameters<Along>,
) -> Result<StatusCode, Problem> {
    let name = path.project()?;
    require(&console, &signed, Action::ProjectManage, &name).await?;
    console
        .registry
        .delete_project(&signed.0, &name, along.with_images)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn require(
    console: &Console,
    signed: &Signed,
    action: Action,
    project: &ProjectName,
) -> Result<(), Problem> {
    let target = Target::Project(project);
    let what = sentence!("project {project}");
    signed
        .require(&console.registry, action, target, what)
        .await
}

impl From<Owned> for Project {
    fn from(project: Owned) -> Self {
        Self {
            name: project.name.to_string(),
            public: project.public,
            kind: project.kind.as_str(),
            created_at: time::text(project.created_at),
        }
    }
}

impl From<CreateProjectError> for Problem {
    fn from(error: CreateProjectError) -> Self {
        use CreateProjectError as E;
        match error {
            E::Taken(_) => Self::conflict(error),
            E::Reserved { .. } => Self::impossible(error),
            E::Db(error) => error.into(),
        }
    }
}

impl From<ProjectError> for Problem {
    fn from(error: ProjectError) -> Self {
        use ProjectError as E;
        match error {
            E::Unknown(project) => absent_project(&project),
            E::Db(error) => error.into(),
        }
    }
}
