//! Deployments: what was, is and will be moved to which digest.

use std::sync::Arc;

use axum::extract::State as Shared;
use berth_deployer::{Filter, State};
use berth_registry::sentence;
use serde::Deserialize;
use utoipa::IntoParams;

use super::document::{CreatedAt, Document};
use super::list::{List, PageQuery, Parameters};
use super::names::{DeploymentPath, Named, RunningName};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use crate::console::Console;

mod events;
mod log;
mod request;
mod shown;
mod steps;

pub(crate) use events::*;
pub(crate) use log::*;
pub(crate) use request::New;
pub(crate) use shown::{DeployedService, Deployment, Plan};
pub(crate) use steps::*;

/// Which deployments are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this target
    #[param(value_type = Option<texts::ProjectName>, inline, example = "local")]
    pub(crate) target: Option<String>,
    /// Only those of stacks of this name
    #[param(value_type = Option<texts::RunningName>, inline, example = "shop")]
    pub(crate) stack: Option<String>,
    /// Only those in this state
    #[param(value_type = Option<texts::DeploymentState>, inline)]
    pub(crate) state: Option<String>,
}

impl Wanted {
    fn filter(self) -> Result<Filter, Problem> {
        let target = self.target.map(|target| target.parse());
        let target: Option<berth_oci::ProjectName> =
            target.transpose().map_err(Problem::bad_request)?;
        let stack = self.stack.map(|stack| stack.parse());
        let stack: Option<RunningName> = stack.transpose().map_err(Problem::bad_request)?;
        Ok(Filter {
            target: target.map(|target| target.to_string()),
            stack: stack.map(String::from),
            state: self.state.map(|state| parse_state(&state)).transpose()?,
        })
    }
}

fn parse_state(text: &str) -> Result<State, Problem> {
    text.parse().map_err(|()| {
        let names: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
        let names = names.join(", ");
        Problem::bad_request(sentence!("`state` is one of {names}"))
    })
}

/// The deployments of images that one may pull, newest first
#[utoipa::path(get, path = "/api/v1/deployments", tag = "deployments",
    params(Wanted, PageQuery), responses((status = 200, body = List<Deployment>), Refusals))]
pub(crate) async fn list(
    Shared(console): Shared<Console>,
    signed: Signed,
    Parameters(wanted): Parameters<Wanted>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Deployment>>, Problem> {
    let (limit, before) = (page.limit()?, page.cursor()?);
    let filter = wanted.filter()?;
    let part = console
        .deployer
        .deployments(&signed.0, &filter, before, limit)
        .await?;
    let next = part.next.map(|next| next.to_string());
    let items = part.items.into_iter().map(Deployment::from).collect();
    Ok(Document(List::new(items, next)))
}

/// Deploy by hand
///
/// Without `services`, every service of the stack is brought to what its tag names now.
#[utoipa::path(post, path = "/api/v1/deployments", tag = "deployments", request_body = New,
    responses((status = 201, body = Deployment,
        headers(("Location" = String, description = "Path of the deployment"))), Refusals))]
pub(crate) async fn create(
    Shared(console): Shared<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<CreatedAt<Deployment>, Problem> {
    let request = new.request()?;
    let deployer = Arc::clone(&console.deployer);
    let deploy = async move { deployer.deploy(&signed.0, request).await };
    let made = console.registry.to_the_end(deploy).await?;
    Ok(created(made))
}

/// Show what a deployment by hand would do, and do none of it
#[utoipa::path(post, path = "/api/v1/deployments/plan", tag = "deployments", request_body = New,
    responses((status = 200, body = Plan), Refusals))]
pub(crate) async fn plan(
    Shared(console): Shared<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<Document<Plan>, Problem> {
    let request = new.request()?;
    let planned = console.deployer.plan(&signed.0, &request).await?;
    Ok(Document(Plan::of(request, planned)))
}

/// A deployment
#[utoipa::path(get, path = "/api/v1/deployments/{deployment}", tag = "deployments",
    params(DeploymentPath), responses((status = 200, body = Deployment), Refusals))]
pub(crate) async fn get(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<DeploymentPath>,
) -> Result<Document<Deployment>, Problem> {
    let id = path.deployment()?.0;
    let deployment = console.deployer.deployment(&signed.0, id).await?;
    Ok(Document(deployment.into()))
}

/// Let a deployment go on that waits for somebody to approve it
#[utoipa::path(post, path = "/api/v1/deployments/{deployment}/approve", tag = "deployments",
    params(DeploymentPath), responses((status = 200, body = Deployment), Refusals))]
pub(crate) async fn approve(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<DeploymentPath>,
) -> Result<Document<Deployment>, Problem> {
    let id = path.deployment()?.0;
    let deployer = Arc::clone(&console.deployer);
    let approve = async move { deployer.approve(&signed.0, id).await };
    let approved = console.registry.to_the_end(approve).await?;
    Ok(Document(approved.into()))
}

/// End a deployment that has not begun
#[utoipa::path(post, path = "/api/v1/deployments/{deployment}/cancel", tag = "deployments",
    params(DeploymentPath), responses((status = 200, body = Deployment), Refusals))]
pub(crate) async fn cancel(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<DeploymentPath>,
) -> Result<Document<Deployment>, Problem> {
    let id = path.deployment()?.0;
    let deployer = Arc::clone(&console.deployer);
    let cancel = async move { deployer.cancel(&signed.0, id).await };
    let cancelled = console.registry.to_the_end(cancel).await?;
    Ok(Document(cancelled.into()))
}

/// Bring back what ran before a deployment, with a deployment of its own
#[utoipa::path(post, path = "/api/v1/deployments/{deployment}/rollback", tag = "deployments",
    params(DeploymentPath),
    responses((status = 201, body = Deployment,
        headers(("Location" = String, description = "Path of the new deployment"))), Refusals))]
pub(crate) async fn roll_back(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<DeploymentPath>,
) -> Result<CreatedAt<Deployment>, Problem> {
    let id = path.deployment()?.0;
    let deployer = Arc::clone(&console.deployer);
    let roll_back = async move { deployer.roll_back(&signed.0, id).await };
    let made = console.registry.to_the_end(roll_back).await?;
    Ok(created(made))
}

fn created(deployment: berth_deployer::Deployment) -> CreatedAt<Deployment> {
    let path = format!("/api/v1/deployments/{}", deployment.id);
    CreatedAt(path, deployment.into())
}
