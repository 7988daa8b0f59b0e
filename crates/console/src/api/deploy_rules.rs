//! Rules: what is deployed although it carries no label.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use berth_deployer::{NewRule, Rule};
use berth_oci::ProjectName;
use berth_registry::auth::Action;
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{CreatedAt, Document};
use super::limits;
use super::list::{List, PageQuery, Parameters};
use super::names::{DeployRulePath, Named, RunningName};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use super::upstreams::require;
use crate::console::Console;

const LABEL: &str = "berth.deploy";
/// More than there are labels.
const LABELS: usize = 50;
const LABEL_CHARACTERS: usize = 64;
const VALUE_CHARACTERS: usize = 4096;

/// Has services deployed as if they carried labels.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeployRule {
    pub(crate) id: i64,
    pub(crate) target: String,
    pub(crate) stack: String,
    /// Null stands for every service of the stack
    pub(crate) service: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) created_by: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDeployRule, example = json!({"target": "local", "stack": "shop", "service": "web",
    "labels": {"berth.deploy.order": "start-first"}}))]
pub(crate) struct New {
    #[schema(value_type = texts::ProjectName)]
    pub(crate) target: String,
    #[schema(value_type = texts::RunningName)]
    pub(crate) stack: String,
    /// Without it, every service of the stack
    #[schema(value_type = Option<texts::RunningName>)]
    pub(crate) service: Option<String>,
    /// Labels that count as if the services carried them; `berth.deploy` itself is not needed
    #[serde(default)]
    #[schema(value_type = texts::DeployLabels)]
    pub(crate) labels: BTreeMap<String, String>,
}

/// The rules, in the order in which they were made
#[utoipa::path(get, path = "/api/v1/deploy-rules", tag = "deploy-rules", params(PageQuery),
    responses((status = 200, body = List<DeployRule>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<DeployRule>>, Problem> {
    let (limit, after) = (page.limit()?, page.cursor()?.unwrap_or(0));
    require(
        &console,
        &signed,
        Action::TargetRead,
        sentence("list of rules"),
    )
    .await?;
    let part = console.deployer.rules(after, limit).await?;
    let next = part.next.map(|next| next.to_string());
    let items = part.items.into_iter().map(DeployRule::from).collect();
    Ok(Document(List::new(items, next)))
}

/// Have services deployed that carry no label
#[utoipa::path(post, path = "/api/v1/deploy-rules", tag = "deploy-rules", request_body = New,
    responses((status = 201, body = DeployRule,
        headers(("Location" = String, description = "Path of the rule"))), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<CreatedAt<DeployRule>, Problem> {
    require(
        &console,
        &signed,
        Action::TargetManage,
        sentence("list of rules"),
    )
    .await?;
    let rule = new.rule()?;
    let deployer = Arc::clone(&console.deployer);
    let create = async move { deployer.create_rule(&signed.0, rule).await };
    let made = console.registry.to_the_end(create).await?;
    let path = format!("/api/v1/deploy-rules/{}", made.id);
    Ok(CreatedAt(path, made.into()))
}

/// Remove a rule
#[utoipa::path(delete, path = "/api/v1/deploy-rules/{rule}", tag = "deploy-rules",
    params(DeployRulePath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<DeployRulePath>,
) -> Result<StatusCode, Problem> {
    let id = path.rule()?.0;
    let what = sentence!("rule {id}");
    require(&console, &signed, Action::TargetManage, what).await?;
    let deployer = Arc::clone(&console.deployer);
    let remove = async move { deployer.delete_rule(&signed.0, id).await };
    console.registry.to_the_end(remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl New {
    fn rule(self) -> Result<NewRule, Problem> {
        let target: ProjectName = self.target.parse().map_err(Problem::bad_request)?;
        let stack: RunningName = self.stack.parse().map_err(Problem::bad_request)?;
        let service = self.service.map(|service| service.parse::<RunningName>());
        let service = service.transpose().map_err(Problem::bad_request)?;
        let labels = self.labels.len();
        if labels > LABELS {
            return Err(Problem::bad_request(sentence!(
                "`labels` has at most {LABELS} entries, and here are {labels}"
            )));
        }
        for (label, value) in &self.labels {
            check_label(label)?;
            limits::text(label, value, VALUE_CHARACTERS)?;
        }
        Ok(NewRule {
            target: target.to_string(),
            stack: stack.into(),
            service: service.map(String::from),
            labels: self.labels,
        })
    }
}

fn check_label(label: &str) -> Result<(), Problem> {
    limits::text("labels", label, LABEL_CHARACTERS)?;
    let ours = label.strip_prefix(LABEL).is_some_and(|rest| {
        let word = rest.strip_prefix('.');
        rest.is_empty()
            || word.is_some_and(|word| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
            })
    });
    if ours {
        return Ok(());
    }
    Err(Problem::bad_request(sentence!(
        "`labels` are those that begin with {LABEL}, such as {LABEL}.order, and `{label}` is not"
    )))
}

impl From<Rule> for DeployRule {
    fn from(rule: Rule) -> Self {
        Self {
            id: rule.id,
            target: rule.target,
            stack: rule.stack,
            service: rule.service,
            labels: rule.labels,
            created_by: rule.created_by,
            created_at: time::text(rule.created_at),
        }
    }
}
