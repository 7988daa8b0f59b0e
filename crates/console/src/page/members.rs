use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_oci::ProjectName;
use berth_registry::auth::{Action, BuiltinRole, Target};
use serde::Deserialize;

use super::done::Done;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::project_head::ProjectHead;
use super::roles::meaning;
use super::ticked::Ticked;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::members::{self, Member, MemberRoles};
use crate::api::names::{MemberPath, Named, ProjectPath};
use crate::api::problem::Problem;
use crate::api::roles;
use crate::console::Console;

/// What the name of the box of a project's own role begins with.
const OWN_ROLE: &str = "role_";

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    page: Frame,
    head: ProjectHead,
    members: List<Member>,
    /// The roles that only this project has.
    own_roles: Vec<String>,
    later: bool,
}

/// The roles that can be chosen, and which of them are at first.
struct RoleFields {
    builtin: Vec<RoleField>,
    own: Vec<OwnRole>,
}

struct RoleField {
    name: &'static str,
    meaning: &'static str,
    chosen: bool,
}

struct OwnRole {
    name: String,
    chosen: bool,
}

impl MembersPage {
    /// Each of the roles of every project has what those before it have, so the last one counts.
    fn fields(&self, roles: &[String]) -> RoleFields {
        let mut all = BuiltinRole::ALL.into_iter().rev();
        let last = all.find(|role| roles.iter().any(|name| name == role.as_str()));
        let builtin = BuiltinRole::ALL.into_iter().map(|role| RoleField {
            name: role.as_str(),
            meaning: meaning(self.page.look.language, role),
            chosen: Some(role) == last,
        });
        let own = self.own_roles.iter().map(|name| OwnRole {
            name: name.clone(),
            chosen: roles.contains(name),
        });
        RoleFields {
            builtin: builtin.collect(),
            own: own.collect(),
        }
    }

    fn first_fields(&self) -> RoleFields {
        self.fields(&[BuiltinRole::Reader.as_str().to_owned()])
    }

    /// Whether it is one of the roles of every project at first.
    fn chooses(&self, fields: &RoleFields) -> bool {
        fields.builtin.iter().any(|role| role.chosen)
    }

    /// Whether it is the visitor, who could not undo a change of it.
    fn locks_out(&self, user: &str) -> bool {
        let is_visitor = self.page.user.as_deref() == Some(user);
        is_visitor && !self.page.may.contains(Action::MemberManage)
    }
}

/// One of the roles of every project or none, and boxes for those of this one.
#[derive(Deserialize)]
pub(super) struct RolesForm {
    role: String,
    #[serde(flatten)]
    own: Ticked,
}

#[derive(Deserialize)]
pub(super) struct NewMember {
    user: String,
    #[serde(flatten)]
    roles: RolesForm,
}

impl From<RolesForm> for MemberRoles {
    fn from(form: RolesForm) -> Self {
        let mut roles = form.own.behind(OWN_ROLE);
        if !form.role.is_empty() {
            roles.push(form.role);
        }
        Self { roles }
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let signed = || visitor.signed.clone();
    let named = || Named(path.clone());
    let Document(members) = members::list(console.clone(), signed(), named(), query).await?;
    let Document(roles) = roles::list(console.clone(), signed(), named()).await?;
    let own_roles = roles.items.into_iter().filter(|role| !role.builtin);
    Ok(frame::html(&MembersPage {
        page: visitor.frame(),
        head: ProjectHead::of(&console, &visitor, &path.project()?).await?,
        members,
        own_roles: own_roles.map(|role| role.name).collect(),
        later,
    }))
}

pub(super) async fn add(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Form(new): Form<NewMember>,
) -> Result<Done, Problem> {
    let user = new.user.trim().to_owned();
    let said = visitor.look().language.fill("{} is a member.", &user);
    let project = path.project()?;
    let path = Named(MemberPath {
        project: path.project,
        user,
    });
    let roles = Document(new.roles.into());
    members::set(console.clone(), visitor.signed.clone(), path, roles).await?;
    done(&console, &visitor, &project, said).await
}

pub(super) async fn change(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<MemberPath>,
    Form(roles): Form<RolesForm>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("The roles of {} are changed.", path.user()?);
    let project = path.project()?;
    let (path, roles) = (Named(path), Document(roles.into()));
    members::set(console.clone(), visitor.signed.clone(), path, roles).await?;
    done(&console, &visitor, &project, said).await
}

pub(super) async fn remove(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<MemberPath>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("{} is no member any more.", path.user()?);
    let project = path.project()?;
    members::remove(console.clone(), visitor.signed.clone(), Named(path)).await?;
    done(&console, &visitor, &project, said).await
}

/// Back to the members, unless that was the visitor's own right to see them.
async fn done(
    console: &Console,
    visitor: &Visitor,
    project: &ProjectName,
    said: String,
) -> Result<Done, Problem> {
    let target = Target::Project(project);
    let registry = &console.registry;
    let still = registry.has(&visitor.signed.0, Action::MemberManage, target);
    let place = if still.await? {
        format!("{}/members", link::project(project.as_str()))
    } else {
        "/projects".to_owned()
    };
    Ok(Done { place, said })
}
