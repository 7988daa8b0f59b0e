use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::document::Document;
use super::super::list::{List, PageQuery, Parameters};
use super::super::names::{DeploymentPath, Named};
use super::super::problem::{Problem, Refusals};
use super::super::signed::Signed;
use super::super::texts;
use super::super::time;
use crate::console::Console;

/// Something that happened during a deployment.
#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentLine)]
pub(crate) struct Line {
    /// Grows over all deployments
    pub(crate) number: i64,
    #[schema(format = DateTime)]
    pub(crate) at: String,
    #[schema(value_type = texts::DeploymentLineKind)]
    pub(crate) kind: &'static str,
    pub(crate) service: Option<String>,
    pub(crate) text: String,
}

/// What happened during a deployment, oldest first
#[utoipa::path(get, path = "/api/v1/deployments/{deployment}/log", tag = "deployments",
    params(DeploymentPath, PageQuery), responses((status = 200, body = List<Line>), Refusals))]
pub(crate) async fn log(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<DeploymentPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Line>>, Problem> {
    let id = path.deployment()?.0;
    let (limit, after) = (page.limit()?, page.cursor()?.unwrap_or(0));
    let part = console.deployer.lines(&signed.0, id, after, limit).await?;
    let next = part.next.map(|next| next.to_string());
    let items = part.items.into_iter().map(Line::from).collect();
    Ok(Document(List::new(items, next)))
}

impl Line {
    pub(super) fn number(&self) -> i64 {
        self.number
    }

    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }
}

impl From<berth_deployer::Line> for Line {
    fn from(line: berth_deployer::Line) -> Self {
        Self {
            number: line.number,
            at: time::text(line.at),
            kind: line.kind.as_str(),
            service: line.service,
            text: line.text,
        }
    }
}
