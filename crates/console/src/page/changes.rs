//! What the forms of a repository, an image and a project do.

use axum::extract::State;
use serde::Deserialize;

use super::done::Done;
use super::form::Form;
use super::link;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::images;
use crate::api::list::Parameters;
use crate::api::names::{ImageDigestPath, Named, ProjectPath, RepositoryPath, TagPath};
use crate::api::problem::Problem;
use crate::api::projects::{self, Along};
use crate::api::repositories;
use crate::api::tags::{self, TagTarget};
use crate::console::Console;

/// A tag that an image is to have.
#[derive(Deserialize)]
pub(super) struct NewTag {
    tag: String,
    reference: String,
}

pub(super) async fn set_tag(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RepositoryPath>,
    Form(new): Form<NewTag>,
) -> Result<Done, Problem> {
    let repository = path.repository()?.to_string();
    let said = visitor.look().language.fill("Tag {} is set.", &new.tag);
    let place = link::image(&repository, &new.tag);
    let path = Named(TagPath {
        repository,
        tag: new.tag,
    });
    let target = Document(TagTarget {
        reference: new.reference,
    });
    tags::set(console, visitor.signed.clone(), path, target).await?;
    Ok(Done { place, said })
}

pub(super) async fn delete_tag(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<TagPath>,
) -> Result<Done, Problem> {
    let place = link::repository(path.repository()?.as_str());
    let said = visitor.look().language.fill(
        "Tag {} is deleted. What can be restored stands under “Deleted”.",
        path.tag()?,
    );
    tags::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done { place, said })
}

pub(super) async fn delete_image(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ImageDigestPath>,
) -> Result<Done, Problem> {
    let place = link::repository(path.repository()?.as_str());
    let said = visitor.look().language.fill(
        "Image {} is deleted with its tags. What can be restored stands under “Deleted”.",
        path.reference()?,
    );
    images::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done { place, said })
}

pub(super) async fn delete_repository(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RepositoryPath>,
) -> Result<Done, Problem> {
    let repository = path.repository()?;
    let said = visitor.look().language.fill(
        "Repository {} is deleted. What can be restored stands under “Deleted”.",
        &repository,
    );
    repositories::delete(console, visitor.signed.clone(), Named(path)).await?;
    let place = link::project(repository.project().as_str());
    Ok(Done { place, said })
}

pub(super) async fn delete_project(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Done, Problem> {
    let said = visitor.look().language.fill(
        "Project {} is deleted. What can be restored stands under “Deleted”.",
        path.project()?,
    );
    let along = Parameters(Along { with_images: true });
    projects::delete(console, visitor.signed.clone(), Named(path), along).await?;
    Ok(Done {
        place: "/projects".to_owned(),
        said,
    })
}
