use berth_deployer::engine::Phase;
use berth_deployer::{Planned, Request, StepRecord};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::texts;
use super::super::time;

/// One attempt to move services of a stack to digests.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deployment {
    pub(crate) id: i64,
    pub(crate) target: String,
    pub(crate) stack: String,
    #[schema(value_type = texts::DeploymentCause)]
    pub(crate) cause: &'static str,
    #[schema(value_type = texts::DeploymentState)]
    pub(crate) state: &'static str,
    /// Why it is in that state, for people
    pub(crate) reason: Option<String>,
    /// Who asked for it, if it was not a push
    pub(crate) requested_by: Option<String>,
    /// Those whose images one may pull
    pub(crate) services: Vec<DeployedService>,
    pub(crate) approved_by: Option<String>,
    /// Whether it waits for somebody to approve it
    pub(crate) wants_approval: bool,
    /// The deployment that this one takes back
    pub(crate) rolls_back: Option<i64>,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it may begin
    #[schema(format = DateTime)]
    pub(crate) due_at: String,
    #[schema(format = DateTime)]
    pub(crate) started_at: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) finished_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeployedService {
    pub(crate) service: String,
    /// As the service names it
    pub(crate) image: String,
    #[schema(value_type = Option<texts::Digest>)]
    pub(crate) from_digest: Option<String>,
    #[schema(value_type = texts::Digest)]
    pub(crate) to_digest: String,
    pub(crate) pushed_by: Option<String>,
    /// How long nothing of the service ran, in milliseconds
    pub(crate) downtime_ms: Option<i64>,
    /// Why the service was not brought to the digest after all
    pub(crate) left_out: Option<String>,
}

/// What a deployment would do.
#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentPlan)]
pub(crate) struct Plan {
    pub(crate) target: String,
    pub(crate) stack: String,
    pub(crate) services: Vec<DeployedService>,
    /// In their order
    pub(crate) steps: Vec<PlannedStep>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PlannedStep {
    #[schema(value_type = texts::DeploymentPhase)]
    pub(crate) phase: Phase,
    pub(crate) service: Option<String>,
    /// For people
    pub(crate) line: String,
}

impl Plan {
    pub(super) fn of(request: Request, planned: Planned) -> Self {
        let services = planned.services.into_iter();
        let steps = planned.steps.into_iter();
        Self {
            target: request.target,
            stack: request.stack,
            services: services.map(DeployedService::from).collect(),
            steps: steps.map(PlannedStep::from).collect(),
        }
    }
}

impl From<berth_deployer::Deployment> for Deployment {
    fn from(deployment: berth_deployer::Deployment) -> Self {
        let services = deployment.services.into_iter();
        Self {
            id: deployment.id,
            target: deployment.target,
            stack: deployment.stack,
            cause: deployment.cause.as_str(),
            state: deployment.state.as_str(),
            reason: deployment.reason,
            requested_by: deployment.requested_by,
            services: services.map(DeployedService::from).collect(),
            approved_by: deployment.approved_by,
            wants_approval: deployment.wants_approval,
            rolls_back: deployment.rolls_back,
            created_at: time::text(deployment.created_at),
            due_at: time::text(deployment.due_at),
            started_at: deployment.started_at.map(time::text),
            finished_at: deployment.finished_at.map(time::text),
        }
    }
}

impl From<berth_deployer::DeployedService> for DeployedService {
    fn from(service: berth_deployer::DeployedService) -> Self {
        Self {
            service: service.service,
            image: service.image,
            from_digest: service.from_digest.map(|digest| digest.to_string()),
            to_digest: service.to_digest.to_string(),
            pushed_by: service.pushed_by,
            downtime_ms: service.downtime_ms,
            left_out: service.left_out,
        }
    }
}

impl From<StepRecord> for PlannedStep {
    fn from(step: StepRecord) -> Self {
        Self {
            phase: step.phase,
            service: step.service,
            line: step.line,
        }
    }
}
