use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::auth::Action;
use berth_registry::project::{Member as Of, MemberError};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::names::{MemberPath, Named, ProjectPath};
use super::problem::{Problem, Refusals};
use super::projects::require;
use super::robots::absent_project;
use super::signed::Signed;
use super::texts;
use crate::console::Console;

/// A user of a project, with the user's roles there.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    pub(crate) user: String,
    #[schema(example = json!(["writer"]))]
    pub(crate) roles: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberRoles {
    /// reader, writer, maintainer, owner, or roles of the project
    #[schema(value_type = Vec<texts::AccountName>, min_items = 1, example = json!(["writer"]))]
    pub(crate) roles: Vec<String>,
}

/// The members of a project, in the order of their names
#[utoipa::path(get, path = "/api/v1/projects/{project}/members", tag = "members",
    params(ProjectPath, PageQuery), responses((status = 200, body = List<Member>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Member>>, Problem> {
    let (project, limit) = (path.project()?, page.limit()?);
    require(&console, &signed, Action::MemberManage, &project).await?;
    let members = console
        .registry
        .members(&project, page.after(), limit + 1)
        .await?;
    let members = members.ok_or_else(|| absent_project(&project))?;
    let name = |member: &Of| member.user.to_string();
    Ok(Document(List::by_name(members, limit, name, Member::from)))
}

/// Give a user exactly these roles in the project
#[utoipa::path(put, path = "/api/v1/projects/{project}/members/{user}", tag = "members",
    params(MemberPath), request_body = MemberRoles,
    responses((status = 200, body = Member), Refusals))]
pub(crate) async fn set(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<MemberPath>,
    Document(wanted): Document<MemberRoles>,
) -> Result<Document<Member>, Problem> {
    let (project, user) = (path.project()?, path.user()?);
    require(&console, &signed, Action::MemberManage, &project).await?;
    let roles = wanted.roles.iter().map(|role| role.parse());
    let roles = roles
        .collect::<Result<_, _>>()
        .map_err(Problem::bad_request)?;
    let member = console
        .registry
        .set_member(&signed.0, &project, &user, roles)
        .await?;
    Ok(Document(member.into()))
}

/// Take every role in the project from a user
#[utoipa::path(delete, path = "/api/v1/projects/{project}/members/{user}", tag = "members",
    params(MemberPath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn remove(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<MemberPath>,
) -> Result<StatusCode, Problem> {
    let (project, user) = (path.project()?, path.user()?);
    require(&console, &signed, Action::MemberManage, &project).await?;
    console
        .registry
        .remove_member(&signed.0, &project, &user)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Of> for Member {
    fn from(member: Of) -> Self {
        let roles = member.roles.iter().map(ToString::to_string);
        Self {
            user: member.user.to_string(),
            roles: roles.collect(),
        }
    }
}

impl From<MemberError> for Problem {
    fn from(error: MemberError) -> Self {
        use MemberError as E;
        match error {
            E::Project(error) => error.into(),
            E::UnknownUser(user) => Self::absent(sentence!("user {user}")),
            E::NoMember { .. } => Self::absent(sentence("such member")),
            E::UnknownRole { .. } | E::NoRole | E::MoreThanOwn => Self::impossible(error),
            E::Db(error) => error.into(),
        }
    }
}
