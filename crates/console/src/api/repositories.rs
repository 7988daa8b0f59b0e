use axum::extract::State;
use axum::http::StatusCode;
use berth_oci::RepositoryName;
use berth_registry::auth::{Action, Target};
use berth_registry::browse::{RepositoryFilter, RepositorySummary};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, RepositoryPath};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

#[derive(Serialize, ToSchema)]
pub(crate) struct Repository {
    #[schema(example = "shop/web")]
    pub(crate) name: String,
    pub(crate) project: String,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    pub(crate) tags: u64,
    pub(crate) images: u64,
    /// Of the blobs, each counted once
    pub(crate) size_bytes: u64,
    /// Of the newest manifest
    #[schema(format = DateTime)]
    pub(crate) pushed_at: Option<String>,
}

/// Which repositories are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this project
    #[param(value_type = Option<texts::ProjectName>, inline, example = "shop")]
    pub(crate) project: Option<String>,
    /// Only those whose name holds this
    pub(crate) q: Option<String>,
}

/// The repositories that the caller may pull from, in the order of their names
#[utoipa::path(get, path = "/api/v1/repositories", tag = "repositories", params(Wanted, PageQuery),
    responses((status = 200, body = List<Repository>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(wanted): Parameters<Wanted>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Repository>>, Problem> {
    let limit = page.limit()?;
    if !signed.0.may_list_repositories() {
        return Err(Problem::absent(sentence("list of repositories")));
    }
    let project = wanted.project.map(|name| name.parse()).transpose();
    let readable = console.registry.readable(&signed.0).await?;
    let filter = RepositoryFilter {
        project: project.map_err(Problem::bad_request)?,
        search: wanted.q,
        after: page.cursor()?,
        projects: readable.projects(),
        visible: &|name| readable.contains(name),
    };
    let found = console.registry.browse_repositories(&filter, limit).await?;
    let items = found.items.into_iter().map(Repository::from).collect();
    Ok(Document(List::new(items, found.next)))
}

/// A repository
#[utoipa::path(get, path = "/api/v1/repositories/{repository}", tag = "repositories",
    params(RepositoryPath), responses((status = 200, body = Repository), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RepositoryPath>,
) -> Result<Document<Repository>, Problem> {
    let name = path.repository()?;
    require(&console, &signed, Action::Pull, &name).await?;
    let repository = console.registry.browse_repository(&name).await?;
    let repository = repository.ok_or_else(|| absent(&name))?;
    Ok(Document(repository.into()))
}

/// Remove a repository with all of its images
#[utoipa::path(delete, path = "/api/v1/repositories/{repository}", tag = "repositories",
    params(RepositoryPath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RepositoryPath>,
) -> Result<StatusCode, Problem> {
    let name = path.repository()?;
    require(&console, &signed, Action::Delete, &name).await?;
    console
        .registry
        .delete_repository(&name, &signed.0.actor())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn require(
    console: &Console,
    signed: &Signed,
    action: Action,
    repository: &RepositoryName,
) -> Result<(), Problem> {
    let target = Target::Repository(repository);
    let what = sentence!("repository {repository}");
    signed
        .require(&console.registry, action, target, what)
        .await
}

pub(crate) fn absent(repository: &RepositoryName) -> Problem {
    Problem::absent(sentence!("repository {repository}"))
}

impl From<RepositorySummary> for Repository {
    fn from(repository: RepositorySummary) -> Self {
        Self {
            project: repository.name.project().to_string(),
            name: repository.name.to_string(),
            created_at: time::text(repository.created_at),
            tags: repository.tags,
            images: repository.manifests,
            size_bytes: repository.size_bytes,
            pushed_at: repository.pushed_at.map(time::text),
        }
    }
}
