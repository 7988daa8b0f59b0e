use axum::extract::State as Shared;
use berth_deployer::StepRecord;
use berth_deployer::engine::Phase;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::document::Document;
use super::super::list::List;
use super::super::names::{DeploymentPath, Named};
use super::super::problem::{Problem, Refusals};
use super::super::signed::Signed;
use super::super::texts;
use super::super::time;
use crate::console::Console;

/// A step of a deployment.
#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentStep)]
pub(crate) struct Step {
    /// From 1
    pub(crate) number: i64,
    #[schema(value_type = texts::DeploymentPhase)]
    pub(crate) phase: Phase,
    pub(crate) service: Option<String>,
    /// What it does, for people
    pub(crate) line: String,
    #[schema(value_type = texts::DeploymentStepState)]
    pub(crate) state: &'static str,
    /// Why it failed
    pub(crate) detail: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) started_at: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) finished_at: Option<String>,
}

/// The steps of a deployment, in their order and all in one page
#[utoipa::path(get, path = "/api/v1/deployments/{deployment}/steps", tag = "deployments",
    params(DeploymentPath), responses((status = 200, body = List<Step>), Refusals))]
pub(crate) async fn steps(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<DeploymentPath>,
) -> Result<Document<List<Step>>, Problem> {
    let id = path.deployment()?.0;
    let steps = console.deployer.steps(&signed.0, id).await?;
    let items = steps.into_iter().map(Step::from).collect();
    Ok(Document(List::new(items, None)))
}

impl From<StepRecord> for Step {
    fn from(step: StepRecord) -> Self {
        Self {
            number: step.number,
            phase: step.phase,
            service: step.service,
            line: step.line,
            state: step.state.as_str(),
            detail: step.detail,
            started_at: step.started_at.map(time::text),
            finished_at: step.finished_at.map(time::text),
        }
    }
}
