//! Keeping what runs as it is: stacks are held, services pinned.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use berth_oci::Digest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::document::Document;
use super::super::limits;
use super::super::names::{Named, ServicePath, StackPath};
use super::super::problem::{Problem, Refusals};
use super::super::signed::Signed;
use super::super::texts;
use crate::console::Console;

const REASON_CHARACTERS: usize = 500;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStackHold, example = json!({"reason": "until the sale is over"}))]
pub(crate) struct NewHold {
    #[schema(max_length = 500)]
    pub(crate) reason: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServicePin, example = json!({
    "digest": "sha256:2e0c9e9b9595dd521f58d73e7a0d251e8d8a95740d923f461fc72f48d59edeab"}))]
pub(crate) struct NewPin {
    #[schema(value_type = texts::Digest)]
    pub(crate) digest: String,
}

/// Deploy nothing to a stack until it is released
#[utoipa::path(put, path = "/api/v1/targets/{target}/stacks/{stack}/hold", tag = "targets",
    params(StackPath), request_body = NewHold,
    responses((status = 204, description = "Held"), Refusals))]
pub(crate) async fn hold(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<StackPath>,
    Document(new): Document<NewHold>,
) -> Result<StatusCode, Problem> {
    let names = path.names()?;
    let reason = new.reason.filter(|reason| !reason.is_empty());
    limits::text(
        "reason",
        reason.as_deref().unwrap_or_default(),
        REASON_CHARACTERS,
    )?;
    let deployer = Arc::clone(&console.deployer);
    let hold = async move { deployer.hold(&signed.0, names.of(), reason).await };
    console.registry.to_the_end(hold).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deploy to a stack again that was held
#[utoipa::path(delete, path = "/api/v1/targets/{target}/stacks/{stack}/hold", tag = "targets",
    params(StackPath), responses((status = 204, description = "Released"), Refusals))]
pub(crate) async fn release(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<StackPath>,
) -> Result<StatusCode, Problem> {
    let names = path.names()?;
    let deployer = Arc::clone(&console.deployer);
    let release = async move { deployer.release(&signed.0, names.of()).await };
    console.registry.to_the_end(release).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deploy no other digest to a service than this one
#[utoipa::path(put, path = "/api/v1/targets/{target}/stacks/{stack}/services/{service}/pin",
    tag = "targets", params(ServicePath), request_body = NewPin,
    responses((status = 204, description = "Pinned"), Refusals))]
pub(crate) async fn pin(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<ServicePath>,
    Document(new): Document<NewPin>,
) -> Result<StatusCode, Problem> {
    let names = path.names()?;
    let digest: Digest = new.digest.parse().map_err(Problem::bad_request)?;
    let deployer = Arc::clone(&console.deployer);
    let pin = async move { deployer.pin(&signed.0, names.of(), digest).await };
    console.registry.to_the_end(pin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deploy what is pushed to a service again that was pinned
#[utoipa::path(delete, path = "/api/v1/targets/{target}/stacks/{stack}/services/{service}/pin",
    tag = "targets", params(ServicePath),
    responses((status = 204, description = "Unpinned"), Refusals))]
pub(crate) async fn unpin(
    Shared(console): Shared<Console>,
    signed: Signed,
    Named(path): Named<ServicePath>,
) -> Result<StatusCode, Problem> {
    let names = path.names()?;
    let deployer = Arc::clone(&console.deployer);
    let unpin = async move { deployer.unpin(&signed.0, names.of()).await };
    console.registry.to_the_end(unpin).await?;
    Ok(StatusCode::NO_CONTENT)
}
