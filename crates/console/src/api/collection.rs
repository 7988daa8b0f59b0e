//! Giving space back.

use std::sync::Arc;

use axum::extract::State;
use berth_registry::auth::{Action, Target};
use berth_registry::collection::{CollectError, Collectable, CollectableTotals, Collected};
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// What a collection would free. Blobs that something still needs are in none of the numbers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Collection {
    /// Blobs that the next collection removes
    pub(crate) due_blobs: u64,
    pub(crate) due_bytes: u64,
    /// Blobs that are kept for a while, since they may be pushed or restored
    pub(crate) later_blobs: u64,
    pub(crate) later_bytes: u64,
}

/// A blob that nothing in its repository names.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectableBlob {
    #[schema(example = "shop/web")]
    pub(crate) repository: String,
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
    pub(crate) size_bytes: u64,
    /// When it goes, unless something names it by then
    #[schema(format = DateTime)]
    pub(crate) due_at: String,
    /// Whether its bytes go with it: no other repository has it
    pub(crate) alone: bool,
}

/// What a collection has removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectionRun {
    pub(crate) blobs: u64,
    pub(crate) bytes: u64,
    /// Deleted ones that can not be restored any longer
    pub(crate) manifests: u64,
}

/// How much would be freed, now and later
#[utoipa::path(get, path = "/api/v1/collection", tag = "collection",
    responses((status = 200, body = Collection), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Document<Collection>, Problem> {
    require(&console, &signed).await?;
    let totals = console.registry.collectable_totals().await?;
    Ok(Document(totals.into()))
}

/// The blobs that would go, by when
#[utoipa::path(get, path = "/api/v1/collection/blobs", tag = "collection", params(PageQuery),
    responses((status = 200, body = List<CollectableBlob>), Refusals))]
pub(crate) async fn blobs(
    State(console): State<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<CollectableBlob>>, Problem> {
    let (limit, after) = (page.limit()?, page.cursor()?);
    require(&console, &signed).await?;
    let (blobs, next) = console.registry.collectable(after, limit).await?;
    let items = blobs.into_iter().map(CollectableBlob::from).collect();
    Ok(Document(List::new(
        items,
        next.map(|next| next.to_string()),
    )))
}

/// Remove now what is due; without this it is removed within a minute
#[utoipa::path(post, path = "/api/v1/collection/runs", tag = "collection",
    responses((status = 200, body = CollectionRun), Refusals))]
pub(crate) async fn run(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Document<CollectionRun>, Problem> {
    require(&console, &signed).await?;
    let registry = Arc::clone(&console.registry);
    let collect = async move { registry.collect_for(&signed.0).await };
    let collected = console.registry.to_the_end(collect).await?;
    Ok(Document(collected.into()))
}

async fn require(console: &Console, signed: &Signed) -> Result<(), Problem> {
    let (action, target) = (Action::StorageManage, Target::Everything);
    signed
        .require(&console.registry, action, target, "collection")
        .await
}

impl From<CollectableTotals> for Collection {
    fn from(totals: CollectableTotals) -> Self {
        Self {
            due_blobs: totals.due_blobs,
            due_bytes: totals.due_bytes,
            later_blobs: totals.later_blobs,
            later_bytes: totals.later_bytes,
        }
    }
}

impl From<Collectable> for CollectableBlob {
    fn from(blob: Collectable) -> Self {
        Self {
            repository: blob.repository.to_string(),
            digest: blob.digest.to_string(),
            size_bytes: blob.size_bytes,
            due_at: time::text(blob.due_at),
            alone: blob.alone,
        }
    }
}

impl From<Collected> for CollectionRun {
    fn from(collected: Collected) -> Self {
        Self {
            blobs: collected.blobs,
            bytes: collected.bytes,
            manifests: collected.manifests,
        }
    }
}

impl From<CollectError> for Problem {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::Db(error) => error.into(),
            error @ CollectError::Store(_) => Self::internal(error),
        }
    }
}
