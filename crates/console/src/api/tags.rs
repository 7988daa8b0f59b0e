use axum::extract::State;
use axum::http::StatusCode;
use berth_oci::{Reference, RepositoryName, Tag as TagName};
use berth_registry::auth::Action;
use berth_registry::browse::TagSummary;
use berth_registry::{RetagError, sentence};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, RepositoryPath, TagPath};
use super::problem::{Problem, Refusals};
use super::repositories::{absent, require};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

#[derive(Serialize, ToSchema)]
pub(crate) struct Tag {
    #[schema(example = "latest")]
    pub(crate) name: String,
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    /// What it runs on, each as `linux/arm64/v8`; null where that is not known
    #[schema(example = json!(["linux/amd64", "linux/arm64/v8"]))]
    pub(crate) platforms: Option<Vec<String>>,
    /// Of the manifest and what it names
    pub(crate) size_bytes: u64,
    #[schema(format = DateTime)]
    pub(crate) pushed_at: String,
    pub(crate) pushed_by: Option<String>,
    pub(crate) pulls: u64,
    #[schema(format = DateTime)]
    pub(crate) last_pulled_at: Option<String>,
}

/// A tag, and what keeps it where it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagWithRule {
    #[serde(flatten)]
    pub(crate) tag: Tag,
    /// Number of the rule of immutable tags by which it neither moves nor is deleted
    pub(crate) immutable_by: Option<i64>,
}

/// Which tags are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those whose name holds this
    pub(crate) q: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reference": "latest"}))]
pub(crate) struct TagTarget {
    /// A tag or digest of the same repository
    #[schema(value_type = texts::Reference)]
    pub(crate) reference: String,
}

/// The tags of a repository, in the order of their names
#[utoipa::path(get, path = "/api/v1/repositories/{repository}/tags", tag = "tags",
    params(RepositoryPath, Wanted, PageQuery),
    responses((status = 200, body = List<Tag>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<RepositoryPath>,
    Parameters(wanted): Parameters<Wanted>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Tag>>, Problem> {
    let (repository, limit) = (path.repository()?, page.limit()?);
    require(&console, &signed, Action::Pull, &repository).await?;
    let after: Option<String> = page.cursor()?;
    let tags = console
        .registry
        .browse_tags(&repository, wanted.q.as_deref(), after.as_deref(), limit)
        .await?;
    let tags = tags.ok_or_else(|| absent(&repository))?;
    let items = tags.items.into_iter().map(Tag::from).collect();
    Ok(Document(List::new(items, tags.next)))
}

/// A tag
#[utoipa::path(get, path = "/api/v1/repositories/{repository}/tags/{tag}", tag = "tags",
    params(TagPath), responses((status = 200, body = TagWithRule), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<TagPath>,
) -> Result<Document<TagWithRule>, Problem> {
    let (repository, tag) = (path.repository()?, path.tag()?);
    require(&console, &signed, Action::Pull, &repository).await?;
    found(&console, &repository, &tag).await
}

/// Make a tag, or move it to another image of its repository
#[utoipa::path(put, path = "/api/v1/repositories/{repository}/tags/{tag}", tag = "tags",
    params(TagPath), request_body = TagTarget,
    responses((status = 200, body = TagWithRule), Refusals))]
pub(crate) async fn set(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<TagPath>,
    Document(target): Document<TagTarget>,
) -> Result<Document<TagWithRule>, Problem> {
    let (repository, tag) = (path.repository()?, path.tag()?);
    require(&console, &signed, Action::Push, &repository).await?;
    // The answer says what the target is.
    require(&console, &signed, Action::Pull, &repository).await?;
    let target: Reference = target.reference.parse().map_err(Problem::bad_request)?;
    console
        .registry
        .retag(&repository, &tag, &target, &signed.0.actor())
        .await?;
    found(&console, &repository, &tag).await
}

/// Remove a tag; the image stays
#[utoipa::path(delete, path = "/api/v1/repositories/{repository}/tags/{tag}", tag = "tags",
    params(TagPath), responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<TagPath>,
) -> Result<StatusCode, Problem> {
    let (repository, tag) = (path.repository()?, path.tag()?);
    require(&console, &signed, Action::Delete, &repository).await?;
    console
        .registry
        .delete_manifest(&repository, &Reference::Tag(tag), &signed.0.actor())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn found(
    console: &Console,
    repository: &RepositoryName,
    tag: &TagName,
) -> Result<Document<TagWithRule>, Problem> {
    let found = console.registry.browse_tag(repository, tag).await?;
    let found = found.ok_or_else(|| Problem::absent(sentence!("tag {repository}:{tag}")))?;
    let rule = console.registry.immutable_by(repository, tag).await?;
    Ok(Document(TagWithRule {
        tag: found.into(),
        immutable_by: rule.map(|rule| rule.id),
    }))
}

impl From<TagSummary> for Tag {
    fn from(tag: TagSummary) -> Self {
        Self {
            name: tag.name.to_string(),
            digest: tag.digest.to_string(),
            media_type: tag.media_type.to_string(),
            artifact_type: tag.artifact_type,
            platforms: tag.platforms.map(|platforms| platforms.names().to_vec()),
            size_bytes: tag.size_bytes,
            pushed_at: time::text(tag.pushed_at),
            pushed_by: tag.pushed_by,
            pulls: tag.pulls,
            last_pulled_at: tag.last_pulled_at.map(time::text),
        }
    }
}

impl From<RetagError> for Problem {
    fn from(error: RetagError) -> Self {
        match error {
            RetagError::UnknownManifest { .. } => Self::impossible(error),
            RetagError::Immutable(_) => Self::conflict(error),
            RetagError::Db(error) => error.into(),
        }
    }
}
