//! What was deleted and can come back.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::audit::Actor;

use super::done::Done;
use super::filters;
use super::frame::{self, Frame};
use super::visitor::Visitor;
use crate::api::deletions::{self, Deletion, Wanted};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{DeletionPath, Named};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "deletions.html")]
struct DeletionsPage {
    page: Frame,
    deletions: List<Deletion>,
    later: bool,
}

impl DeletionsPage {
    fn kind(&self, deletion: &Deletion) -> &'static str {
        let say = |text| self.page.say(text);
        match deletion.kind {
            "tag" => say("Tag"),
            "image" => say("Image"),
            "repository" => say("Repository"),
            "project" => say("Project"),
            _ => say("Unknown"),
        }
    }

    fn by<'d>(&self, deletion: &'d Deletion) -> &'d str {
        if deletion.deleted_by == Actor::system().name {
            return self.page.say("Berth itself");
        }
        &deletion.deleted_by
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    wanted: Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let found = deletions::list(console, visitor.signed.clone(), wanted, query).await?;
    let Document(deletions) = found;
    Ok(frame::html(&DeletionsPage {
        page: visitor.frame(),
        deletions,
        later,
    }))
}

pub(super) async fn restore(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeletionPath>,
) -> Result<Done, Problem> {
    let restored = deletions::restore(console, visitor.signed.clone(), path).await?;
    let Document(restored) = restored;
    let language = visitor.look().language;
    let said = if restored.moved_on.is_empty() {
        language.say("It is back.").to_owned()
    } else {
        let tags = restored.moved_on.join(", ");
        language.fill(
            "It is back, but for tags that were pushed again meanwhile: {}",
            tags,
        )
    };
    Ok(Done {
        place: "/deletions".to_owned(),
        said,
    })
}
