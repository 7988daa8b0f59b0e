//! What was deleted, and can be restored for a while.

use axum::extract::State;
use berth_oci::ProjectName;
use berth_registry::auth::{Action, Target};
use berth_registry::deletion::{DeleteError, Deleted, Deletion as Row, RestoreError};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::names::{DeletionPath, Named};
use super::problem::{Problem, Refusals};
use super::repositories::absent as absent_repository;
use super::robots::absent_project;
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// Something that was deleted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deletion {
    pub(crate) id: i64,
    /// `tag`, `image`, `repository` or `project`
    pub(crate) kind: &'static str,
    /// As people write it: `shop/web:1.0`, `shop/web@sha256:…`, `shop/web` or `shop`
    pub(crate) name: String,
    pub(crate) project: String,
    pub(crate) repository: Option<String>,
    pub(crate) tag: Option<String>,
    /// Of the image, or of the one that the tag was on
    #[schema(value_type = Option<texts::Digest>)]
    pub(crate) digest: Option<String>,
    pub(crate) deleted_by: String,
    #[schema(format = DateTime)]
    pub(crate) deleted_at: String,
    /// Until when it can be restored
    #[schema(format = DateTime)]
    pub(crate) restorable_until: String,
}

/// What came back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Restored {
    /// Tags that were pushed again meanwhile, and stay where they are
    pub(crate) moved_on: Vec<String>,
}

/// Which deletions are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those of this project
    #[param(value_type = Option<texts::ProjectName>, inline, example = "shop")]
    pub(crate) project: Option<String>,
}

/// What can be restored by the caller, the newest first
#[utoipa::path(get, path = "/api/v1/deletions", tag = "deletions", params(Wanted, PageQuery),
    responses((status = 200, body = List<Deletion>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(wanted): Parameters<Wanted>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Deletion>>, Problem> {
    let (limit, before) = (page.limit()?, page.cursor()?.unwrap_or(i64::MAX));
    let project = wanted.project.map(|name| name.parse()).transpose();
    let project: Option<ProjectName> = project.map_err(Problem::bad_request)?;
    let rows = console
        .registry
        .deletions(project.as_ref(), before, limit)
        .await?;
    let next = rows.last().filter(|_| rows.len() == limit);
    let next = next.map(|row| row.id.to_string());
    let mut items = Vec::new();
    for row in rows {
        if may_restore(&console, &signed, &row.deleted).await? {
            items.push(Deletion::from(row));
        }
    }
    Ok(Document(List::new(items, next)))
}

/// Take a deletion back
#[utoipa::path(post, path = "/api/v1/deletions/{deletion}/restore", tag = "deletions",
    params(DeletionPath), responses((status = 200, body = Restored), Refusals))]
pub(crate) async fn restore(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<DeletionPath>,
) -> Result<Document<Restored>, Problem> {
    let id = path.deletion()?.0;
    let found = console.registry.deletion(id).await?;
    let found = found.ok_or_else(|| absent(id))?;
    if !may_restore(&console, &signed, &found.deleted).await? {
        return Err(absent(id));
    }
    let restored = console.registry.restore(id, &signed.0.actor()).await?;
    let moved_on = restored.moved_on.iter().map(ToString::to_string).collect();
    Ok(Document(Restored { moved_on }))
}

/// Whether the caller might have deleted it. The roles of a project go with it, so that it is restored
/// by those who have a right beside them.
async fn may_restore(
    console: &Console,
    signed: &Signed,
    deleted: &Deleted,
) -> Result<bool, Problem> {
    let project = deleted.project();
    let (action, target) = match deleted.repository() {
        Some(repository) => (Action::Delete, Target::Repository(repository)),
        None => (Action::ProjectManage, Target::Project(&project)),
    };
    Ok(console.registry.has(&signed.0, action, target).await?)
}

fn absent(id: i64) -> Problem {
    Problem::absent(sentence!("deletion {id} that could be taken back"))
}

impl From<Row> for Deletion {
    fn from(row: Row) -> Self {
        let deleted = row.deleted;
        Self {
            id: row.id,
            kind: match &deleted {
                Deleted::Project(_) => "project",
                Deleted::Repository(_) => "repository",
                Deleted::Manifest { .. } => "image",
                Deleted::Tag { .. } => "tag",
            },
            name: deleted.to_string(),
            project: deleted.project().to_string(),
            repository: deleted.repository().map(ToString::to_string),
            tag: deleted.tag().map(ToString::to_string),
            digest: deleted.digest().map(ToString::to_string),
            deleted_by: row.by,
            deleted_at: time::text(row.at),
            restorable_until: time::text(row.purge_at),
        }
    }
}

impl From<DeleteError> for Problem {
    fn from(error: DeleteError) -> Self {
        use DeleteError as E;
        match error {
            E::UnknownManifest {
                repository,
                reference,
            } => Self::absent(sentence!("{reference} in {repository}")),
            E::UnknownBlob { repository, digest } => {
                Self::absent(sentence!("blob {digest} in {repository}"))
            }
            E::UnknownRepository(repository) => absent_repository(&repository),
            E::UnknownProject(project) => absent_project(&project),
            E::BlobInUse { .. } | E::NotEmpty(_) | E::Held { .. } | E::Immutable(_) => {
                Self::conflict(error)
            }
            E::Db(error) => error.into(),
        }
    }
}

impl From<RestoreError> for Problem {
    fn from(error: RestoreError) -> Self {
        use RestoreError as E;
        match error {
            E::Unknown(id) => absent(id),
            E::ProjectTaken(_) | E::NoManifest { .. } | E::TagTaken { .. } | E::OverQuota(_) => {
                Self::conflict(error)
            }
            E::Db(error) => error.into(),
        }
    }
}
