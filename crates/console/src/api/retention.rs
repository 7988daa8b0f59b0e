use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::auth::Action;
use berth_registry::retention::{Place, Preview, Removal, Retention as Of, RetentionError, Run};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{Document, Object};
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, ProjectPath, RetentionRunPath};
use super::problem::{Problem, Refusals};
use super::projects::require;
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

mod policy;

pub(crate) use policy::{RetentionKeep, RetentionPolicy, RetentionRule};

/// What a project keeps, and when the rest goes next.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retention {
    pub(crate) policy: RetentionPolicy,
    /// Null where it runs by hand only
    #[schema(format = DateTime)]
    pub(crate) next_run_at: Option<String>,
    pub(crate) changed_by: String,
    #[schema(format = DateTime)]
    pub(crate) changed_at: String,
}

/// Which policy to preview
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewedPolicy {
    /// Without it, the one of the project
    #[serde(default)]
    #[schema(value_type = Option<RetentionPolicy>)]
    pub(crate) policy: Option<Object<RetentionPolicy>>,
}

/// What a run would do: keep or remove a tag, or remove a manifest without one
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionDecision {
    pub(crate) repository: String,
    /// Null for a manifest without a tag
    pub(crate) tag: Option<String>,
    pub(crate) digest: String,
    pub(crate) keep: bool,
    /// Number of the rule that decided, from 1; null where none did
    pub(crate) rule: Option<u8>,
    pub(crate) reason: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionRun {
    pub(crate) id: i64,
    #[schema(value_type = texts::RetentionState)]
    pub(crate) state: &'static str,
    /// Null for one on schedule
    pub(crate) requested_by: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    #[schema(format = DateTime)]
    pub(crate) finished_at: Option<String>,
    pub(crate) kept_tags: u64,
    pub(crate) removed_tags: u64,
    pub(crate) removed_manifests: u64,
    /// Why it failed
    pub(crate) error: Option<String>,
}

/// What a run has removed
#[derive(Serialize, ToSchema)]
pub(crate) struct RetentionRemoval {
    pub(crate) repository: String,
    /// Null for a manifest without a tag
    pub(crate) tag: Option<String>,
    pub(crate) digest: String,
    pub(crate) reason: String,
}

/// What a project keeps
#[utoipa::path(get, path = "/api/v1/projects/{project}/retention", tag = "retention",
    params(ProjectPath), responses((status = 200, body = Retention), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<Document<Retention>, Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let retention = console.registry.retention(&project).await?;
    let retention = retention.ok_or_else(|| Problem::from(RetentionError::NoPolicy(project)))?;
    Ok(Document(retention.into()))
}

/// Say what a project keeps
#[utoipa::path(put, path = "/api/v1/projects/{project}/retention", tag = "retention",
    params(ProjectPath), request_body = RetentionPolicy,
    responses((status = 200, body = Retention), Refusals))]
pub(crate) async fn set(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Document(policy): Document<RetentionPolicy>,
) -> Result<Document<Retention>, Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let retention = console
        .registry
        .set_retention(&signed.0, &project, policy.into())
        .await?;
    Ok(Document(retention.into()))
}

/// Keep everything
#[utoipa::path(delete, path = "/api/v1/projects/{project}/retention", tag = "retention",
    params(ProjectPath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<StatusCode, Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::ProjectManage, &project).await?;
    console
        .registry
        .delete_retention(&signed.0, &project)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a run would do now: each tag with the rule that decides, and manifests that would go
#[utoipa::path(post, path = "/api/v1/projects/{project}/retention/preview", tag = "retention",
    params(ProjectPath, PageQuery), request_body = PreviewedPolicy,
    responses((status = 200, body = List<RetentionDecision>), Refusals))]
pub(crate) async fn preview(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Parameters(page): Parameters<PageQuery>,
    Document(wanted): Document<PreviewedPolicy>,
) -> Result<Document<List<RetentionDecision>>, Problem> {
    let project = path.project()?;
    let (limit, after) = (page.limit()?, page.cursor::<Place>()?);
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let policy = wanted.policy.map(|Object(policy)| policy.into());
    let decisions = console
        .registry
        .preview_retention(&project, policy.as_ref(), after.as_ref(), limit)
        .await?;
    let next = decisions.next.map(|place| place.to_string());
    let items = decisions.items.into_iter().map(RetentionDecision::from);
    Ok(Document(List::new(items.collect(), next)))
}

/// Have a run remove what the policy does not keep
#[utoipa::path(post, path = "/api/v1/projects/{project}/retention/runs", tag = "retention",
    params(ProjectPath), responses((status = 202, body = RetentionRun), Refusals))]
pub(crate) async fn run(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
) -> Result<(StatusCode, Document<RetentionRun>), Problem> {
    let project = path.project()?;
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let run = console.registry.run_retention(&signed.0, &project).await?;
    Ok((StatusCode::ACCEPTED, Document(run.into())))
}

/// The runs of a project, the newest first
#[utoipa::path(get, path = "/api/v1/projects/{project}/retention/runs", tag = "retention",
    params(ProjectPath, PageQuery), responses((status = 200, body = List<RetentionRun>), Refusals))]
pub(crate) async fn runs(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<ProjectPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<RetentionRun>>, Problem> {
    let project = path.project()?;
    let (limit, before) = (page.limit()?, page.cursor()?);
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let runs = console
        .registry
        .retention_runs(&project, before, limit + 1)
        .await?;
    let id = |run: &Run| run.id.to_string();
    Ok(Document(List::by_name(runs, limit, id, RetentionRun::from)))
}

/// A run
#[utoipa::path(get, path = "/api/v1/projects/{project}/retention/runs/{run}", tag = "retention",
    params(RetentionRunPath), responses((status = 200, body = RetentionRun), Refusals))]
pub(crate) async fn get_run(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RetentionRunPath>,
) -> Result<Document<RetentionRun>, Problem> {
    let (project, id) = (path.project()?, path.run()?.0);
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let run = console.registry.retention_run(&project, id).await?;
    let run = run.ok_or_else(|| Problem::absent(sentence!("run {id} of {project}")))?;
    Ok(Document(run.into()))
}

/// What a run has removed, in its order
#[utoipa::path(get, path = "/api/v1/projects/{project}/retention/runs/{run}/removals",
    tag = "retention", params(RetentionRunPath, PageQuery),
    responses((status = 200, body = List<RetentionRemoval>), Refusals))]
pub(crate) async fn removals(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RetentionRunPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<RetentionRemoval>>, Problem> {
    let (project, id) = (path.project()?, path.run()?.0);
    let (limit, after) = (page.limit()?, page.cursor()?.unwrap_or_default());
    require(&console, &signed, Action::ProjectManage, &project).await?;
    let removals = console
        .registry
        .retention_removals(&project, id, after, limit + 1)
        .await?;
    let removals = removals.ok_or_else(|| Problem::absent(sentence!("run {id} of {project}")))?;
    let number = |removal: &Removal| removal.number.to_string();
    Ok(Document(List::by_name(
        removals,
        limit,
        number,
        RetentionRemoval::from,
    )))
}

impl From<Of> for Retention {
    fn from(retention: Of) -> Self {
        Self {
            policy: retention.policy.into(),
            next_run_at: retention.next_run_at.map(time::text),
            changed_by: retention.changed_by,
            changed_at: time::text(retention.changed_at),
        }
    }
}

impl From<Preview> for RetentionDecision {
    fn from(decision: Preview) -> Self {
        Self {
            repository: decision.repository.to_string(),
            tag: decision.tag.map(|tag| tag.to_string()),
            digest: decision.digest.to_string(),
            keep: decision.keep,
            rule: decision.rule,
            reason: decision.reason,
        }
    }
}

impl From<Run> for RetentionRun {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            state: run.state.as_str(),
            requested_by: run.requested_by,
            started_at: time::text(run.started_at),
            finished_at: run.finished_at.map(time::text),
            kept_tags: run.totals.kept_tags,
            removed_tags: run.totals.removed_tags,
            removed_manifests: run.totals.removed_manifests,
            error: run.error,
        }
    }
}

impl From<Removal> for RetentionRemoval {
    fn from(removal: Removal) -> Self {
        Self {
            repository: removal.repository.to_string(),
            tag: removal.tag.map(|tag| tag.to_string()),
            digest: removal.digest.to_string(),
            reason: removal.reason,
        }
    }
}

impl From<RetentionError> for Problem {
    fn from(error: RetentionError) -> Self {
        use RetentionError as E;
        match error {
            E::Project(error) => error.into(),
            E::Group(_) | E::Invalid(_) => Self::impossible(error),
            E::NoPolicy(project) => Self::absent(sentence!("retention policy of {project}")),
            E::Running(_) => Self::conflict(error),
            E::Db(error) => error.into(),
        }
    }
}
