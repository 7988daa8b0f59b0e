//! What became of each push for a service, and why.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::filters;
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, ServicePath};
use crate::api::problem::Problem;
use crate::api::targets::{self, Decision};
use crate::console::Console;

#[derive(Template)]
#[template(path = "decisions.html")]
struct DecisionsPage {
    page: Frame,
    of: ServicePath,
    decisions: List<Decision>,
    later: bool,
}

impl DecisionsPage {
    /// Why it was decided so, in a word or two; the server says more where it is not the usual case.
    fn reason(&self, decision: &Decision) -> &'static str {
        let say = |text| self.page.say(text);
        match decision.reason {
            "deploys" => say("the tag moved"),
            "window" => say("in its window"),
            "approval" => say("once approved"),
            "no_label" => say("no label"),
            "no_match" => say("another image"),
            "another_tag" => say("another tag"),
            "held" => say("held"),
            "pinned" => say("pinned"),
            "quarantined" => say("failed before"),
            "no_rights" => say("no right to deploy"),
            "berth_itself" => say("Berth itself"),
            "bad_label" => say("wrong label"),
            "stopped" => say("stopped"),
            "already_running" => say("runs already"),
            "unchanged" => say("nothing new"),
            "overtaken" => say("overtaken"),
            _ => say("unknown"),
        }
    }

    fn deploys(&self, decision: &Decision) -> bool {
        decision.outcome == "deploys"
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Named(of): Named<ServicePath>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (later, page) = (query.0.cursor.is_some(), visitor.frame());
    let (signed, path) = (visitor.signed.clone(), Named(of.clone()));
    let decisions = match targets::decisions(console, signed, path, query).await {
        Ok(Document(decisions)) => decisions,
        // Who may see all that runs is not kept from knowing that nothing was pushed for it.
        Err(problem) if problem.status == StatusCode::NOT_FOUND && page.may_see_targets() => {
            List::new(Vec::new(), None)
        }
        Err(problem) => return Err(problem),
    };
    Ok(frame::html(&DecisionsPage {
        page,
        of,
        decisions,
        later,
    }))
}
