//! What needs somebody: of all that goes by itself, the little that does not.

use std::fmt::Display;
use std::time::Duration;

use axum::extract::State as Shared;
use berth_deployer::{Deployment, State};
use berth_proxy::{Operation, UpstreamState};
use berth_registry::auth::{Action, Target};
use berth_registry::sentence;
use bytesize::ByteSize;
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Document;
use super::list::List;
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

mod kind;

pub(crate) use kind::Kind;

/// The most deployments that are looked at.
const DEPLOYMENTS: usize = 100;
/// A deployment that failed longer ago has been seen by whoever looks.
const RECENT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Something that needs somebody.
#[derive(Serialize, ToSchema)]
pub(crate) struct Matter {
    #[schema(value_type = texts::AttentionKind)]
    pub(crate) kind: &'static str,
    /// Number of the deployment, or name of the upstream, the target or the project
    pub(crate) subject: String,
    /// For people
    pub(crate) text: String,
    /// Since when, if that is known
    #[schema(format = DateTime)]
    pub(crate) at: Option<String>,
}

/// What needs somebody, of what the caller may see: deployments that wait for an approval or have
/// failed last, upstreams and targets in trouble, projects that are short of space
#[utoipa::path(get, path = "/api/v1/attention", tag = "attention",
    responses((status = 200, body = List<Matter>), Refusals))]
pub(crate) async fn list(
    Shared(console): Shared<Console>,
    signed: Signed,
) -> Result<Document<List<Matter>>, Problem> {
    let mut matters = deployments(&console, &signed).await?;
    let may = console
        .registry
        .actions_on(&signed.0, Target::Everything)
        .await?;
    if may.contains(Action::UpstreamRead) {
        matters.extend(upstreams(&console));
    }
    if may.contains(Action::TargetRead) {
        let targets = console.deployer.unreachable().into_iter();
        matters.extend(targets.map(|(name, trouble)| Matter::new(Kind::Target, name, trouble)));
    }
    let projects = console.registry.short_projects(&signed.0).await?;
    matters.extend(projects.into_iter().map(|(name, space)| {
        let quota = space.quota_bytes.unwrap_or_default();
        let text = sentence!("{} of {} used", si(space.used_bytes), si(quota));
        Matter::new(Kind::Quota, name.to_string(), text)
    }));
    Ok(Document(List::new(matters, None)))
}

/// As people read sizes of images.
fn si(bytes: u64) -> impl Display {
    ByteSize(bytes).display().si()
}

async fn deployments(console: &Console, signed: &Signed) -> Result<Vec<Matter>, Problem> {
    let since = console.registry.clock().now().minus(RECENT);
    let deployments = console.deployer.unsettled(&signed.0, since, DEPLOYMENTS);
    let mut matters: Vec<_> = deployments.await?.into_iter().map(Matter::from).collect();
    // The graver first; of each kind the newest.
    matters.sort_by_key(|matter| {
        Kind::ALL
            .iter()
            .position(|kind| kind.as_str() == matter.kind)
    });
    Ok(matters)
}

fn upstreams(console: &Console) -> impl Iterator<Item = Matter> {
    let upstreams = console.proxy.upstreams().into_iter();
    upstreams.filter_map(|upstream| {
        let trouble = trouble(&upstream.state)?;
        Some(Matter::new(
            Kind::Upstream,
            upstream.name.to_string(),
            trouble,
        ))
    })
}

fn trouble(state: &UpstreamState) -> Option<String> {
    if let Some(paused) = state.paused_for {
        let seconds = paused.as_secs();
        return Some(sentence!(
            "it is not asked for {seconds} s, since it said so"
        ));
    }
    if let Some(paused) = state.pulls_paused_for {
        let seconds = paused.as_secs();
        return Some(sentence!("no pulls are left for {seconds} s"));
    }
    let mut operations = state.operations.iter();
    let open = operations.find(|operation| operation.open_for.is_some())?;
    let text = match open.operation {
        Operation::Manifest => sentence("requests for a manifest keep failing"),
        Operation::Blob => sentence("requests for a blob keep failing"),
        Operation::List => sentence("requests for a list keep failing"),
        Operation::Token => sentence("requests for a token keep failing"),
    };
    Some(text.to_owned())
}

impl Matter {
    fn new(kind: Kind, subject: String, text: String) -> Self {
        Self {
            kind: kind.as_str(),
            subject,
            text,
            at: None,
        }
    }
}

impl From<Deployment> for Matter {
    fn from(deployment: Deployment) -> Self {
        let kind = match deployment.state {
            State::RollbackFailed => Kind::RollbackFailed,
            State::RolledBack => Kind::RolledBack,
            State::Failed => Kind::Failed,
            _ => Kind::Approval,
        };
        let place = format!("{} / {}", deployment.target, deployment.stack);
        let text = match deployment.reason {
            Some(reason) => format!("{place}: {reason}"),
            None => place,
        };
        let at = deployment.finished_at.unwrap_or(deployment.created_at);
        Self {
            at: Some(time::text(at)),
            ..Self::new(kind, deployment.id.to_string(), text)
        }
    }
}
