//! What runs of retention have done.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::super::done::Done;
use super::super::frame::{self, Frame};
use super::super::project_head::ProjectHead;
use super::super::visitor::Visitor;
use super::super::{filters, link};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, ProjectPath, RetentionRunPath};
use crate::api::problem::Problem;
use crate::api::retention::{self, RetentionRemoval, RetentionRun};
use crate::console::Console;

#[derive(Template)]
#[template(path = "retention_runs.html")]
struct RunsPage {
    page: Frame,
    head: ProjectHead,
    runs: List<RetentionRun>,
    later: bool,
}

#[derive(Template)]
#[template(path = "retention_run.html")]
struct RunPage {
    page: Frame,
    head: ProjectHead,
    run: RetentionRun,
    removals: List<RetentionRemoval>,
    later: bool,
}

impl Frame {
    /// A state of a run, in words.
    pub(in super::super) fn run_state(&self, state: &str) -> &'static str {
        let say = |text| self.say(text);
        match state {
            "running" => say("running"),
            "done" => say("done"),
            "failed" => say("failed"),
            "interrupted" => say("interrupted"),
            _ => say("unknown"),
        }
    }
}

pub(in super::super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let name = path.project()?;
    let signed = visitor.signed.clone();
    let found = retention::runs(console.clone(), signed, Named(path), query).await?;
    let Document(runs) = found;
    let head = ProjectHead::of(&console, &visitor, &name).await?;
    Ok(frame::html(&RunsPage {
        page: visitor.frame(),
        head,
        runs,
        later,
    }))
}

pub(in super::super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RetentionRunPath>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let later = query.0.cursor.is_some();
    let named = || Named(path.clone());
    let Document(run) = retention::get_run(console.clone(), signed(), named()).await?;
    let found = retention::removals(console.clone(), signed(), named(), query).await?;
    let Document(removals) = found;
    let head = ProjectHead::of(&console, &visitor, &path.project()?).await?;
    Ok(frame::html(&RunPage {
        page: visitor.frame(),
        head,
        run,
        removals,
        later,
    }))
}

/// Begins one, and leads to it.
pub(in super::super) async fn run(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<ProjectPath>,
) -> Result<Done, Problem> {
    let runs = format!("{}/runs", super::place(&path));
    let begun = retention::run(console, visitor.signed.clone(), Named(path)).await?;
    let (_, Document(run)) = begun;
    Ok(Done {
        place: format!("{runs}/{}", run.id),
        said: visitor.look().language.fill("Run {} has begun.", run.id),
    })
}
