use askama::Template;
use axum::extract::State;
use axum::response::Response;
use berth_registry::auth::{Action, Target};

use super::filters;
use super::frame::{self, Frame};
use super::link;
use super::project_head::ProjectHead;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, RepositoryPath};
use crate::api::problem::Problem;
use crate::api::repositories::{self, Repository, Wanted};
use crate::api::tags::{self, Tag};
use crate::console::Console;

#[derive(Template)]
#[template(path = "repositories.html")]
struct RepositoriesPage {
    page: Frame,
    repositories: List<Repository>,
    search: String,
    later: bool,
}

#[derive(Template)]
#[template(path = "repository.html")]
struct RepositoryPage {
    page: Frame,
    repository: Repository,
    tags: List<Tag>,
    search: String,
    later: bool,
    /// Whether what it holds came from an upstream.
    fetched: bool,
    may_delete: bool,
}

impl RepositoryPage {
    /// The end of a command that works: the newest tag, if all of them are shown.
    fn tag_to_pull(&self) -> Option<String> {
        if self.later || self.tags.next.is_some() || !self.search.is_empty() {
            return None;
        }
        let newest = self.tags.items.iter().max_by_key(|tag| &tag.pushed_at)?;
        Some(format!(":{}", newest.name))
    }
}

/// All that the visitor may pull from whose name holds what is searched for.
pub(super) async fn search(
    console: State<Console>,
    visitor: Visitor,
    Parameters(wanted): Parameters<Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let search = wanted.q.clone().unwrap_or_default();
    let wanted = Parameters(wanted);
    let found = repositories::list(console, visitor.signed.clone(), wanted, query).await?;
    let Document(repositories) = found;
    Ok(frame::html(&RepositoriesPage {
        page: visitor.frame(),
        repositories,
        search,
        later,
    }))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<RepositoryPath>,
    Parameters(wanted): Parameters<tags::Wanted>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let search = wanted.q.clone().unwrap_or_default();
    let signed = visitor.signed.clone();
    let found = repositories::get(console.clone(), signed.clone(), Named(path.clone())).await?;
    let Document(repository) = found;
    let wanted = Parameters(wanted);
    let name = path.repository()?;
    let found = tags::list(console.clone(), signed, Named(path), wanted, query).await?;
    let Document(tags) = found;
    let fetched = ProjectHead::of(&console, &visitor, &name.project())
        .await?
        .fetched();
    let target = Target::Repository(&name);
    let may_delete = console
        .registry
        .has(&visitor.signed.0, Action::Delete, target)
        .await?;
    Ok(frame::html(&RepositoryPage {
        page: visitor.frame(),
        repository,
        tags,
        search,
        later,
        fetched,
        may_delete,
    }))
}
