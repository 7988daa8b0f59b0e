//! What is, was and will be deployed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::filters;
use super::form::filled;
use super::frame::{self, Frame};
use super::image_rights::ImageRights;
use super::visitor::Visitor;
use crate::api::deployments::{self, Deployment, Line, Wanted};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{DeploymentPath, Named, ServicePath};
use crate::api::problem::Problem;
use crate::api::targets::{self, Decision};
use crate::console::Console;

mod shown;
mod steering;
mod timeline;
mod words;

use shown::DeploymentPage;
pub(super) use steering::{approve, cancel, roll_back};
use timeline::{Story, timeline};

/// The lines of the log that one page shows.
const LINES: usize = 1000;

#[derive(Template)]
#[template(path = "deployments.html")]
struct DeploymentsPage {
    page: Frame,
    deployments: List<Deployment>,
    target: String,
    stack: String,
    state: String,
    later: bool,
}

impl DeploymentsPage {
    fn states(&self) -> impl Iterator<Item = &'static str> {
        let states = berth_deployer::State::ALL.iter();
        states.map(|state| state.as_str())
    }

    fn is_wanted(&self, state: &str) -> bool {
        self.state == state
    }

    fn filtered(&self) -> bool {
        let fields = [&self.target, &self.stack, &self.state];
        fields.iter().any(|field| !field.is_empty())
    }
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    Parameters(wanted): Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let wanted = Wanted {
        target: wanted.target.as_deref().and_then(filled),
        stack: wanted.stack.as_deref().and_then(filled),
        state: wanted.state.as_deref().and_then(filled),
    };
    let (target, stack, state) = (
        wanted.target.clone().unwrap_or_default(),
        wanted.stack.clone().unwrap_or_default(),
        wanted.state.clone().unwrap_or_default(),
    );
    let wanted = Parameters(wanted);
    let found = deployments::list(console, visitor.signed.clone(), wanted, query).await?;
    let Document(deployments) = found;
    Ok(frame::html(&DeploymentsPage {
        page: visitor.frame(),
        deployments,
        target,
        stack,
        state,
        later,
    }))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<DeploymentPath>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let named = || Named(path.clone());
    let Document(deployment) = deployments::get(console.clone(), signed(), named()).await?;
    let Document(steps) = deployments::steps(console.clone(), signed(), named()).await?;
    let later = query.cursor.is_some();
    let beginning = lines(&console, &visitor, &path, None).await?;
    let pushes = pushes(&console, &visitor, &deployment).await?;
    let images = deployment.services.iter();
    let images: Vec<_> = images.map(|service| service.image.as_str()).collect();
    let rights = ImageRights::of(&console, &visitor, &images).await?;
    let timeline = timeline(&Story {
        deployment: &deployment,
        pushes: &pushes,
        steps: &steps.items,
        lines: &beginning.items,
        now: console.registry.clock().now().0,
    });
    let lines = match query.cursor {
        None => beginning,
        behind => lines(&console, &visitor, &path, behind).await?,
    };
    Ok(frame::html(&DeploymentPage {
        page: visitor.frame(),
        deployment,
        timeline,
        steps,
        lines,
        later,
        rights,
    }))
}

async fn lines(
    console: &State<Console>,
    visitor: &Visitor,
    path: &DeploymentPath,
    cursor: Option<String>,
) -> Result<List<Line>, Problem> {
    let part = Parameters(PageQuery {
        limit: Some(LINES),
        cursor,
    });
    let (signed, named) = (visitor.signed.clone(), Named(path.clone()));
    let Document(lines) = deployments::log(console.clone(), signed, named, part).await?;
    Ok(lines)
}

/// The pushes that a deployment is made of, the first one first, as far as they are remembered.
async fn pushes(
    console: &State<Console>,
    visitor: &Visitor,
    deployment: &Deployment,
) -> Result<Vec<Decision>, Problem> {
    let mut pushes = Vec::new();
    // Nobody pushed what somebody asked for.
    let pushed = deployment.requested_by.is_none();
    for service in deployment.services.iter().filter(|_| pushed) {
        let path = Named(ServicePath {
            target: deployment.target.clone(),
            stack: deployment.stack.clone(),
            service: service.service.clone(),
        });
        let first = Parameters(PageQuery::first());
        let signed = visitor.signed.clone();
        match targets::decisions(console.clone(), signed, path, first).await {
            Ok(Document(decisions)) => pushes.extend(decisions.items),
            // It was long ago, or the target is not configured any more.
            Err(problem) if problem.status.is_client_error() => {}
            Err(problem) => return Err(problem),
        }
    }
    pushes.retain(|push| push.deployment == Some(deployment.id));
    pushes.sort_by_key(|push| push.event);
    pushes.dedup_by_key(|push| push.event);
    Ok(pushes)
}
