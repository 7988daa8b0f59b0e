use axum::extract::State as Shared;
use berth_deployer::{ServiceStatus, StackStatus};
use berth_registry::auth::Action;
use berth_registry::sentence;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::document::Document;
use super::super::list::{List, PageQuery, Parameters};
use super::super::names::{Named, TargetPath};
use super::super::problem::{Problem, Refusals};
use super::super::signed::Signed;
use super::super::texts;
use super::super::time;
use super::super::upstreams::require;
use crate::console::Console;

/// A Compose project, or a container that is in none.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stack {
    pub(crate) stack: String,
    /// Null unless somebody holds it
    pub(crate) held: Option<Held>,
    pub(crate) services: Vec<Service>,
}

/// Who keeps a stack as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = StackHold)]
pub(crate) struct Held {
    pub(crate) by: String,
    #[schema(format = DateTime)]
    pub(crate) at: String,
    pub(crate) reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StackService)]
pub(crate) struct Service {
    pub(crate) service: String,
    /// As the service names it
    pub(crate) image: String,
    /// Null if it is not known, or the replicas differ
    #[schema(value_type = Option<texts::Digest>)]
    pub(crate) digest: Option<String>,
    /// Whether a push to its tag is deployed
    pub(crate) deploys: bool,
    /// Why it is not
    pub(crate) why_not: Option<String>,
    pub(crate) replicas: usize,
    pub(crate) running: usize,
    /// The digest that it is kept at
    #[schema(value_type = Option<texts::Digest>)]
    pub(crate) pinned: Option<String>,
}

/// What runs on a target, in the order of the stacks' names
#[utoipa::path(get, path = "/api/v1/targets/{target}/stacks", tag = "targets",
    params(TargetPath, PageQuery), responses((status = 200, body = List<Stack>), Refusals))]
pub(crate) async fn stacks(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<TargetPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Stack>>, Problem> {
    let (target, limit) = (path.target()?, page.limit()?);
    let what = sentence!("target {target}");
    require(&console, &signed, Action::TargetRead, what).await?;
    let mut stacks = console.deployer.stacks(target.as_str()).await?;
    stacks.retain(|stack| stack.stack.as_str() > page.after());
    stacks.sort_by(|one, other| one.stack.cmp(&other.stack));
    let name = |stack: &StackStatus| stack.stack.clone();
    Ok(Document(List::by_name(stacks, limit, name, Stack::from)))
}

impl From<StackStatus> for Stack {
    fn from(stack: StackStatus) -> Self {
        Self {
            stack: stack.stack,
            held: stack.held.map(|hold| Held {
                by: hold.by,
                at: time::text(hold.at),
                reason: hold.reason,
            }),
            services: stack.services.into_iter().map(Service::from).collect(),
        }
    }
}

impl From<ServiceStatus> for Service {
    fn from(service: ServiceStatus) -> Self {
        Self {
            service: service.service,
            image: service.image,
            digest: service.digest.map(|digest| digest.to_string()),
            deploys: service.why_not.is_none(),
            why_not: service.why_not,
            replicas: service.replicas,
            running: service.running,
            pinned: service.pinned.map(|digest| digest.to_string()),
        }
    }
}
