use axum::extract::State as Shared;
use berth_deployer::Reason;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::document::Document;
use super::super::list::{List, PageQuery, Parameters};
use super::super::names::{Named, ServicePath};
use super::super::problem::{Problem, Refusals};
use super::super::signed::Signed;
use super::super::texts;
use super::super::time;
use crate::console::Console;

/// What became of a push, for one service.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decision {
    /// Number of the push among all
    pub(crate) event: i64,
    pub(crate) repository: String,
    pub(crate) tag: String,
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    #[schema(format = DateTime)]
    pub(crate) at: String,
    #[schema(value_type = texts::DecisionOutcome)]
    pub(crate) outcome: &'static str,
    #[schema(value_type = texts::DecisionReason)]
    pub(crate) reason: &'static str,
    /// For people
    pub(crate) text: String,
    /// The deployment that it is part of
    pub(crate) deployment: Option<i64>,
}

/// What became of pushes for a service, newest first, and why
#[utoipa::path(get, path = "/api/v1/targets/{target}/stacks/{stack}/services/{service}/decisions",
    tag = "targets", params(ServicePath, PageQuery),
    responses((status = 200, body = List<Decision>), Refusals))]
pub(crate) async fn decisions(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<ServicePath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Decision>>, Problem> {
    let names = path.names()?;
    let (limit, before) = (page.limit()?, page.cursor()?);
    let part = console
        .deployer
        .decisions(&signed.0, names.of(), before, limit)
        .await?;
    let next = part.next.map(|next| next.to_string());
    let items = part.items.into_iter().map(Decision::from).collect();
    Ok(Document(List::new(items, next)))
}

impl From<berth_deployer::Decision> for Decision {
    fn from(decision: berth_deployer::Decision) -> Self {
        let reason = decision.verdict.reason;
        Self {
            event: decision.event,
            repository: decision.repository.to_string(),
            tag: decision.tag.to_string(),
            digest: decision.digest.to_string(),
            at: time::text(decision.at),
            outcome: outcome(reason),
            reason: reason.as_str(),
            text: decision.verdict.text,
            deployment: decision.deployment,
        }
    }
}

fn outcome(reason: Reason) -> &'static str {
    match reason {
        // To be deployed, if not at once.
        Reason::Deploys | Reason::Window | Reason::Approval => "deploys",
        Reason::NoLabel
        | Reason::NoMatch
        | Reason::AnotherTag
        | Reason::Held
        | Reason::Pinned
        | Reason::Quarantined
        | Reason::NoRights
        | Reason::BerthItself
        | Reason::BadLabel
        | Reason::Stopped
        | Reason::AlreadyRunning
        | Reason::Unchanged
        | Reason::Overtaken => "not_deployed",
    }
}
