use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::auth::Action;
use berth_registry::project::{Role as Of, RoleError};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{Document, Object};
use super::grant::{self, Grant};
use super::list::List;
use super::names::{Named, ProjectPath, RolePath};
use super::problem::{Problem, Refusals};
use super::projects::require;
use super::robots::absent_project;
use super::signed::Signed;
use crate::console::Console;

/// A named set of actions on repositories of a project.
#[derive(Serialize, ToSchema)]
pub(crate) struct Role {
    pub(crate) name: String,
    /// Whether every project has it
    pub(crate) builtin: bool,
    pub(crate) grants: Vec<Grant>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleGrants {
    #[schema(value_type = Vec<Grant>, max_items = 100)]
    pub(crate) grants: Vec<Object<Grant>>,
}

/// The roles that members of a project can have, those of every project first
#[utoipa::path(get, path = "/api/v1/projects/{project}/roles", tag = "roles",
    params(ProjectPath), responses((status = 200, body = List<Role>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<Document<List<Role>>, Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::MemberManage, &project).await?;
    let roles = console.registry.roles(&project).await?;
    let roles = roles.ok_or_else(|| absent_project(&project))?;
    let roles = roles.into_iter().map(Role::from).collect();
    Ok(Document(List::new(roles, None)))
}

/// Make or replace a role of the project; members that have it have the new rights at once
#[utoipa::path(put, path = "/api/v1/projects/{project}/roles/{role}", tag = "roles",
    params(RolePath), request_body = RoleGrants, responses((status = 200, body = Role), Refusals))]
pub(crate) async fn set(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RolePath>,
    Document(wanted): Document<RoleGrants>,
) -> Result<Document<Role>, Problem> {
    let (project, role) = (path.project()?, path.role()?);
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let grants = grant::read(wanted.grants)?;
    let role = console
        .registry
        .set_role(&signed.0, &project, &role, grants)
        .await?;
    Ok(Document(role.into()))
}

/// Remove a role of the project that no member has
#[utoipa::path(delete, path = "/api/v1/projects/{project}/roles/{role}", tag = "roles",
    params(RolePath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RolePath>,
) -> Result<StatusCode, Problem> {
    let (project, role) = (path.project()?, path.role()?);
    require(&console, &signed, Action::ProjectManage, &project).await?;
    console
        .registry
        .delete_role(&signed.0, &project, &role)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Of> for Role {
    fn from(role: Of) -> Self {
        Self {
            name: role.name.to_string(),
            builtin: role.builtin,
            grants: grant::show(&role.grants),
        }
    }
}

impl From<RoleError> for Problem {
    fn from(error: RoleError) -> Self {
        use RoleError as E;
        match error {
            E::Project(error) => error.into(),
            E::Unknown { project, role } => Self::absent(sentence!("role {role} of {project}")),
            E::Builtin(_) | E::Outside { .. } | E::MoreThanOwn | E::TooMany => {
                Self::impossible(error)
            }
            E::InUse { .. } => Self::conflict(error),
            E::Db(error) => error.into(),
        }
    }
}
