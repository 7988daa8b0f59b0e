use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::filters;
use super::form::filled;
use super::frame::{self, Frame};
use super::visitor::Visitor;
use crate::api::audit::{self, AuditEntry, Wanted};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    page: Frame,
    entries: List<AuditEntry>,
    actor: String,
    project: String,
    later: bool,
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Parameters(wanted): Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let wanted = Wanted {
        actor: wanted.actor.as_deref().and_then(filled),
        project: wanted.project.as_deref().and_then(filled),
        since: wanted.since.as_deref().and_then(filled),
        until: wanted.until.as_deref().and_then(filled),
    };
    let (actor, project) = (wanted.actor.clone(), wanted.project.clone());
    let wanted = Parameters(wanted);
    let found = audit::list(console, visitor.signed.clone(), wanted, query).await?;
    let Document(entries) = found;
    Ok(frame::html(&AuditPage {
        page: visitor.frame(),
        entries,
        actor: actor.unwrap_or_default(),
        project: project.unwrap_or_default(),
        later,
    }))
}
