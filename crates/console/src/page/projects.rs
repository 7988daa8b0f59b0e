use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::project_head::ProjectHead;
use super::visitor::Visitor;
use crate::api::document::{Created, Document};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, ProjectPath};
use crate::api::problem::Problem;
use crate::api::projects::{self, New, Project};
use crate::api::repositories::{self, Repository, Wanted};
use crate::console::Console;

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    page: Frame,
    projects: List<Project>,
    /// Whether there is a page before this one.
    later: bool,
}

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    page: Frame,
    head: ProjectHead,
    repositories: List<Repository>,
    search: String,
    later: bool,
}

impl ProjectPage {
    /// What the newest manifest of a repository came by.
    fn last(&self) -> &'static str {
        let say = |text| self.page.say(text);
        if self.head.fetched() {
            say("Last fetch")
        } else {
            say("Last push")
        }
    }
}

/// A project that is made with a form; a box that is not ticked is not sent.
#[derive(Deserialize)]
pub(super) struct NewForm {
    name: String,
    public: Option<String>,
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let Document(projects) = projects::list(console, visitor.signed.clone(), query).await?;
    Ok(frame::html(&ProjectsPage {
        page: visitor.frame(),
        projects,
        later,
    }))
}

pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Form(form): Form<NewForm>,
) -> Result<Done, Problem> {
    let new = New {
        name: form.name,
        public: form.public.is_some(),
    };
    let created = projects::create(console, visitor.signed.clone(), Document(new)).await?;
    let Created(project) = created;
    Ok(Done {
        place: link::project(&project.name),
        said: visitor
            .look()
            .language
            .fill("Project {} is made.", &project.name),
    })
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Parameters(Wanted { q, .. }): Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let signed = visitor.signed.clone();
    let name = path.project()?;
    let head = ProjectHead::of(&console, &visitor, &name).await?;
    let wanted = Wanted {
        project: Some(name.to_string()),
        q: q.clone(),
    };
    let found = repositories::list(console, signed, Parameters(wanted), query).await?;
    let Document(repositories) = found;
    Ok(frame::html(&ProjectPage {
        page: visitor.frame(),
        head,
        repositories,
        search: q.unwrap_or_default(),
        later,
    }))
}
