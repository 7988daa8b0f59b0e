//! Targets: the places that run services, and what runs there.

use axum::extract::State as Shared;
use berth_deployer::TargetStatus;
use berth_registry::auth::Action;
use berth_registry::sentence;
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::upstreams::require;
use crate::console::Console;

mod decisions;
mod stacks;
mod steering;

pub(crate) use decisions::*;
pub(crate) use stacks::*;
pub(crate) use steering::*;

/// One place that runs services.
#[derive(Serialize, ToSchema)]
pub(crate) struct Target {
    pub(crate) name: String,
    #[schema(example = "docker")]
    pub(crate) kind: &'static str,
    pub(crate) reachable: bool,
    /// Why it can not be reached
    pub(crate) trouble: Option<String>,
    /// The accounts whose pushes deploy there by themselves; null when everybody's do
    pub(crate) triggers: Option<Vec<String>>,
}

/// The targets, in the order of their names
#[utoipa::path(get, path = "/api/v1/targets", tag = "targets", params(PageQuery),
    responses((status = 200, body = List<Target>), Refusals))]
pub(crate) async fn list(
    Shared(console): Shared<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Target>>, Problem> {
    let limit = page.limit()?;
    require(
        &console,
        &signed,
        Action::TargetRead,
        sentence("list of targets"),
    )
    .await?;
    let mut targets = console.deployer.targets().await;
    targets.retain(|target| target.name.as_str() > page.after());
    let name = |target: &TargetStatus| target.name.clone();
    Ok(Document(List::by_name(targets, limit, name, Target::from)))
}

impl From<TargetStatus> for Target {
    fn from(target: TargetStatus) -> Self {
        Self {
            name: target.name,
            kind: target.kind,
            reachable: target.trouble.is_none(),
            trouble: target.trouble,
            triggers: target.triggers,
        }
    }
}
