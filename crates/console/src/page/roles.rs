use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::auth::{ActionSet, BuiltinRole};
use serde::Deserialize;

use super::actions::{self, ActionBoxes};
use super::done::Done;
use super::form::Form;
use super::frame::{self, Frame};
use super::grants;
use super::language::Language;
use super::link;
use super::project_head::ProjectHead;
use super::ticked::Ticked;
use super::visitor::Visitor;
use crate::api::document::{Document, Object};
use crate::api::grant::Grant;
use crate::api::names::{Named, ProjectPath, RolePath};
use crate::api::problem::Problem;
use crate::api::roles::{self, Role, RoleGrants};
use crate::console::Console;

#[derive(Template)]
#[template(path = "roles.html")]
struct RolesPage {
    page: Frame,
    head: ProjectHead,
    builtin: [BuiltinRole; 4],
    /// Those of this project alone.
    own: Vec<Role>,
    boxes: ActionBoxes,
}

impl RolesPage {
    fn meaning(&self, role: &BuiltinRole) -> &'static str {
        meaning(self.page.look.language, *role)
    }

    /// Whether the visitor has all that the role gives, and so may give and take it.
    fn may_change(&self, role: &Role) -> bool {
        self.head.may_manage() && self.head.may.covers(grants::actions(&role.grants))
    }

    fn whole(&self) -> String {
        format!("{}/**", self.head.project.name)
    }
}

/// A role with one grant; others are written down later.
#[derive(Deserialize)]
pub(super) struct NewRole {
    name: String,
    repositories: String,
    #[serde(flatten)]
    actions: Ticked,
}

#[derive(Deserialize)]
pub(super) struct Grants {
    grants: String,
}

/// What a role of every project gives beyond the one before it.
pub(super) fn meaning(language: Language, role: BuiltinRole) -> &'static str {
    let say = |text| language.say(text);
    match role {
        BuiltinRole::Reader => say("pulls images"),
        BuiltinRole::Writer => say("pulls and pushes images"),
        BuiltinRole::Maintainer => {
            say("also deletes images, deploys, manages robots and reads the audit log")
        }
        BuiltinRole::Owner => {
            say("also manages members, roles and settings, and may delete the project")
        }
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Response, Problem> {
    let (name, signed) = (path.project()?, visitor.signed.clone());
    let Document(found) = roles::list(console.clone(), signed, Named(path)).await?;
    let own = found.items.into_iter().filter(|role| !role.builtin);
    let head = ProjectHead::of(&console, &visitor, &name).await?;
    let offered = head.may & actions::of_projects();
    let language = visitor.look().language;
    Ok(frame::html(&RolesPage {
        page: visitor.frame(),
        head,
        builtin: BuiltinRole::ALL,
        own: own.collect(),
        boxes: ActionBoxes::new(language, offered, ActionSet::NONE),
    }))
}

pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Form(new): Form<NewRole>,
) -> Result<Done, Problem> {
    let grant = Object(Grant {
        repositories: new.repositories.trim().to_owned(),
        actions: actions::ticked(new.actions),
    });
    let path = RolePath {
        project: path.project,
        role: new.name.trim().to_owned(),
    };
    let said = visitor
        .look()
        .language
        .fill("Role {} is made.", path.role()?);
    set(console, visitor, path, vec![grant], said).await
}

pub(super) async fn change(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RolePath>,
    Form(form): Form<Grants>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("Role {} is changed.", path.role()?);
    set(console, visitor, path, grants::read(&form.grants), said).await
}

async fn set(
    console: State<Console>,
    visitor: Visitor,
    path: RolePath,
    grants: Vec<Object<Grant>>,
    said: String,
) -> Result<Done, Problem> {
    let place = place(&path)?;
    let grants = Document(RoleGrants { grants });
    roles::set(console, visitor.signed.clone(), Named(path), grants).await?;
    Ok(Done { place, said })
}

pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RolePath>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("Role {} is deleted.", path.role()?);
    let place = place(&path)?;
    roles::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done { place, said })
}

fn place(path: &RolePath) -> Result<String, Problem> {
    let project = path.project()?;
    Ok(format!("{}/roles", link::project(project.as_str())))
}
