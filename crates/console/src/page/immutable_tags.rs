//! Which tags of a project stay where they are.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::done::Done;
use super::form::{Form, filled};
use super::frame::{self, Frame};
use super::project_head::ProjectHead;
use super::visitor::Visitor;
use super::{filters, link};
use crate::api::document::{CreatedAt, Document};
use crate::api::immutable_tags::{self, ImmutableTags, New};
use crate::api::list::List;
use crate::api::names::{ImmutableTagsPath, Named, ProjectPath, TagPath};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "immutable_tags.html")]
struct ImmutableTagsPage {
    page: Frame,
    head: ProjectHead,
    rules: List<ImmutableTags>,
}

/// A rule that is made with a form.
#[derive(Deserialize)]
pub(super) struct NewRule {
    /// Nothing for all of the project.
    repositories: String,
    tags: String,
}

fn place(project: &str) -> String {
    format!("{}/immutable-tags", link::project(project))
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Response, Problem> {
    let name = path.project()?;
    let signed = visitor.signed.clone();
    let found = immutable_tags::list(console.clone(), signed, Named(path)).await?;
    let Document(rules) = found;
    let head = ProjectHead::of(&console, &visitor, &name).await?;
    Ok(frame::html(&ImmutableTagsPage {
        page: visitor.frame(),
        head,
        rules,
    }))
}

pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    Form(form): Form<NewRule>,
) -> Result<Done, Problem> {
    let place = place(&path.project);
    let new = New {
        repositories: filled(&form.repositories),
        tags: form.tags.trim().to_owned(),
    };
    let path = Named(path);
    let made = immutable_tags::create(console, visitor.signed.clone(), path, Document(new)).await?;
    let CreatedAt(_, rule) = made;
    let said = visitor.look().language.fill("Rule {} is made.", rule.id);
    Ok(Done { place, said })
}

pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ImmutableTagsPath>,
) -> Result<Done, Problem> {
    let place = place(&path.project);
    let said = visitor
        .look()
        .language
        .fill("Rule {} is deleted.", &path.rule);
    immutable_tags::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done { place, said })
}

/// Makes a rule for this one tag. No tag has a character that means something in a pattern.
pub(super) async fn protect(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<TagPath>,
) -> Result<Done, Problem> {
    let (repository, tag) = (path.repository()?, path.tag()?);
    let project = Named(ProjectPath {
        project: repository.project().to_string(),
    });
    let new = Document(New {
        repositories: Some(repository.to_string()),
        tags: tag.to_string(),
    });
    immutable_tags::create(console, visitor.signed.clone(), project, new).await?;
    Ok(Done {
        place: link::image(repository.as_str(), tag.as_str()),
        said: visitor
            .look()
            .language
            .fill("Tag {} is immutable from now on.", tag),
    })
}
