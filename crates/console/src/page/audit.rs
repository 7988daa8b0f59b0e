use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::filters;
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

/// A field of a form that was left empty is sent all the same, and asks for nothing.
fn filled(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.is_empty())
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Parameters(wanted): Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let wanted = Wanted {
        actor: filled(wanted.actor),
        project: filled(wanted.project),
        since: filled(wanted.since),
        until: filled(wanted.until),
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
