//! What is, was and will be deployed; with a confirmation for each thing that can be done about it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::done::Done;
use super::filters;
use super::frame::{self, Frame};
use super::language::Language;
use super::visitor::Visitor;
use crate::api::deployments::{self, Deployment, Line, Step, Wanted};
use crate::api::document::{CreatedAt, Document};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{DeploymentPath, Named};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "deployments.html")]
struct DeploymentsPage {
    page: Frame,
    deployments: List<Deployment>,
    later: bool,
}

#[derive(Template)]
#[template(path = "deployment.html")]
struct DeploymentPage {
    page: Frame,
    deployment: Deployment,
    steps: List<Step>,
    lines: List<Line>,
}

impl DeploymentPage {
    /// Whether somebody has to say that it may begin.
    fn waits(&self) -> bool {
        self.deployment.state == "waiting" && self.deployment.approved_by.is_none()
    }

    fn can_be_cancelled(&self) -> bool {
        matches!(self.deployment.state, "queued" | "waiting")
    }

    fn can_be_taken_back(&self) -> bool {
        self.deployment.state == "succeeded"
    }
}

impl Frame {
    /// A state of a deployment, in words.
    pub(super) fn state(&self, state: &str) -> &'static str {
        let say = |text| self.say(text);
        match state {
            "queued" => say("queued"),
            "waiting" => say("waiting"),
            "pulling" => say("pulling"),
            "replacing" => say("replacing"),
            "verifying" => say("verifying"),
            "succeeded" => say("succeeded"),
            "rolling_back" => say("rolling back"),
            "rolled_back" => say("rolled back"),
            "rollback_failed" => say("rollback failed"),
            "failed" => say("failed"),
            "superseded" => say("superseded"),
            "cancelled" => say("cancelled"),
            _ => say("unknown"),
        }
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    wanted: Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let found = deployments::list(console, visitor.signed.clone(), wanted, query).await?;
    let Document(deployments) = found;
    Ok(frame::html(&DeploymentsPage {
        page: visitor.frame(),
        deployments,
        later,
    }))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<DeploymentPath>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let named = || Named(path.clone());
    let Document(deployment) = deployments::get(console.clone(), signed(), named()).await?;
    let Document(steps) = deployments::steps(console.clone(), signed(), named()).await?;
    let first = Parameters(PageQuery::first());
    let Document(lines) = deployments::log(console, signed(), named(), first).await?;
    Ok(frame::html(&DeploymentPage {
        page: visitor.frame(),
        deployment,
        steps,
        lines,
    }))
}

fn done(id: i64, said: String) -> Done {
    Done {
        place: format!("/deployments/{id}"),
        said,
    }
}

fn language(visitor: &Visitor) -> Language {
    visitor.look().language
}

pub(super) async fn approve(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeploymentPath>,
) -> Result<Done, Problem> {
    let approved = deployments::approve(console, visitor.signed.clone(), path).await?;
    let Document(deployment) = approved;
    let said = language(&visitor).fill("Deployment {} may begin.", deployment.id);
    Ok(done(deployment.id, said))
}

pub(super) async fn cancel(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeploymentPath>,
) -> Result<Done, Problem> {
    let cancelled = deployments::cancel(console, visitor.signed.clone(), path).await?;
    let Document(deployment) = cancelled;
    let said = language(&visitor).fill("Deployment {} is cancelled.", deployment.id);
    Ok(done(deployment.id, said))
}

pub(super) async fn roll_back(
    console: State<Console>,
    visitor: Visitor,
    path: Named<DeploymentPath>,
) -> Result<Done, Problem> {
    let made = deployments::roll_back(console, visitor.signed.clone(), path).await?;
    let CreatedAt(_, deployment) = made;
    let said = language(&visitor).fill("Deployment {} brings back what ran before.", deployment.id);
    Ok(done(deployment.id, said))
}
