use axum::extract::State;
use berth_registry::auth::{Action, Target};
use berth_registry::quota::{QuotaError, Space};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Document;
use super::names::{Named, ProjectPath};
use super::problem::{Problem, Refusals};
use super::robots::absent_project;
use super::signed::Signed;
use crate::console::Console;

/// What a project has, and may have.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quota {
    /// Of its blobs, each counted once, and its manifests
    pub(crate) used_bytes: u64,
    /// Null for no limit
    pub(crate) quota_bytes: Option<u64>,
    /// Whether 85 % of the quota are used
    pub(crate) short: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuotaChange, example = json!({"quota_bytes": 50_000_000_000_u64}))]
pub(crate) struct Change {
    /// Null for no limit
    // Said in so many words: without this a body of nothing would take the limit away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub(crate) quota_bytes: Option<u64>,
}

/// How much a project has and may have
#[utoipa::path(get, path = "/api/v1/projects/{project}/quota", tag = "quota", params(ProjectPath),
    responses((status = 200, body = Quota), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<Document<Quota>, Problem> {
    let name = path.project()?;
    let readable = console.registry.readable_project(&signed.0, &name).await?;
    readable.ok_or_else(|| absent_project(&name))?;
    let space = console.registry.project_space(&name).await?;
    Ok(Document(space.ok_or_else(|| absent_project(&name))?.into()))
}

/// Say how much a project may have; below what it has nothing goes, and pushes are refused
#[utoipa::path(put, path = "/api/v1/projects/{project}/quota", tag = "quota", params(ProjectPath),
    request_body = Change, responses((status = 200, body = Quota), Refusals))]
pub(crate) async fn set(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Document(change): Document<Change>,
) -> Result<Document<Quota>, Problem> {
    /// More than any store has.
    const MOST: u64 = 1_000_000_000_000_000;
    let name = path.project()?;
    let what = sentence!("project {name} whose quota you may set");
    signed
        .require(
            &console.registry,
            Action::StorageManage,
            Target::Everything,
            what,
        )
        .await?;
    if change.quota_bytes.is_some_and(|bytes| bytes > MOST) {
        return Err(Problem::bad_request(sentence!(
            "`quota_bytes` is a number up to {MOST}, or null"
        )));
    }
    let space = console
        .registry
        .set_quota(&signed.0, &name, change.quota_bytes)
        .await?;
    Ok(Document(space.into()))
}

impl From<Space> for Quota {
    fn from(space: Space) -> Self {
        Self {
            used_bytes: space.used_bytes,
            quota_bytes: space.quota_bytes,
            short: space.short(),
        }
    }
}

impl From<QuotaError> for Problem {
    fn from(error: QuotaError) -> Self {
        use QuotaError as E;
        match error {
            E::Unknown(project) => absent_project(&project),
            E::NotHosted { .. } => Self::impossible(error),
            E::Db(error) => error.into(),
        }
    }
}
