use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use berth_oci::{Reference, RepositoryName};
use berth_proxy::{Platform, Proxy, WarmError, Warmed};
use berth_registry::auth::Action;
use berth_registry::sentence;
use berth_registry::source::{LocateError, SourceError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, stream};
use serde::{Deserialize, Serialize};
use tracing::error;
use utoipa::ToSchema;

use super::super::document::{Document, text_of, with_json};
use super::super::limits;
use super::super::list::List;
use super::super::problem::{Problem, Refusals};
use super::super::signed::Signed;
use super::super::texts;
use super::super::upstreams::require;
use crate::console::Console;

/// The most images of one call, and the most platforms.
const MOST: usize = 20;
/// Of a repository and a digest, each of the greatest length.
const IMAGE_CHARACTERS: usize = 391;
const PLATFORM_CHARACTERS: usize = 100;
/// How often a client that waits is sent something, since it or a proxy in between may take silence
/// for the end. An image can take many minutes.
pub(crate) const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"images": ["hub/library/alpine:3"], "platforms": ["linux/amd64"]}))]
pub(crate) struct Warm {
    /// Named as clients pull them
    #[schema(value_type = Vec<texts::ImageName>, min_items = 1, max_items = 20)]
    pub(crate) images: Vec<String>,
    /// Which entries of an index are fetched; without it, all
    #[serde(default)]
    #[schema(value_type = Vec<texts::PlatformName>, max_items = 20)]
    pub(crate) platforms: Vec<String>,
}

/// What has come of an image.
#[derive(Serialize, ToSchema)]
pub(crate) struct WarmedImage {
    pub(crate) image: String,
    /// With its platforms, and what refers to it
    pub(crate) manifests: u64,
    pub(crate) blobs: u64,
    /// Of blobs that were not here before
    pub(crate) fetched_bytes: u64,
    /// Why it could not be fetched; null if it was
    pub(crate) error: Option<String>,
}

/// Fetch images into their caches, and answer when all are there; they are fetched even if the
/// caller goes away
#[utoipa::path(post, path = "/api/v1/caches/warm", tag = "caches", request_body = Warm,
    responses((status = 200, body = List<WarmedImage>), Refusals))]
pub(crate) async fn warm(
    State(console): State<Console>,
    signed: Signed,
    Document(wanted): Document<Warm>,
) -> Result<Response, Problem> {
    let images = warming(console, &signed, wanted).await?;
    let document = async move { Bytes::from(text_of(&images.await)) };
    Ok(with_json(patiently(document, SIGN_OF_LIFE)))
}

/// Checks what is wanted. Who waits for the future has it fetched, to the end even if it is dropped.
pub(crate) async fn warming(
    console: Console,
    signed: &Signed,
    wanted: Warm,
) -> Result<BoxFuture<'static, List<WarmedImage>>, Problem> {
    require(
        &console,
        signed,
        Action::UpstreamManage,
        sentence("list of caches"),
    )
    .await?;
    limits::list("images", &wanted.images, MOST, IMAGE_CHARACTERS)?;
    limits::list("platforms", &wanted.platforms, MOST, PLATFORM_CHARACTERS)?;
    let images = wanted.images.iter().map(|text| image(text));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    if images.is_empty() {
        return Err(Problem::bad_request(sentence(
            "`images` names at least one image",
        )));
    }
    let platforms = wanted.platforms.iter().map(|text| text.parse());
    let platforms: Vec<Platform> = platforms
        .collect::<Result<_, _>>()
        .map_err(Problem::bad_request)?;
    let Console {
        registry, proxy, ..
    } = console;
    let work = async move { registry.to_the_end(fetch(proxy, images, platforms)).await };
    Ok(work.boxed())
}

/// The document that the work makes, with blanks before it for as long as it takes.
pub(crate) fn patiently(
    work: impl Future<Output = Bytes> + Send + 'static,
    sign_of_life: Duration,
) -> Body {
    let pieces = stream::unfold(Some(work.boxed()), move |waiting| async move {
        let mut work = waiting?;
        let piece = tokio::select! {
            made = &mut work => return Some((made, None)),
            () = tokio::time::sleep(sign_of_life) => Bytes::from_static(b" "),
        };
        Some((piece, Some(work)))
    });
    Body::from_stream(futures_util::StreamExt::map(pieces, Ok::<_, Infallible>))
}

async fn fetch(
    proxy: Arc<Proxy>,
    images: Vec<(RepositoryName, Reference)>,
    platforms: Vec<Platform>,
) -> List<WarmedImage> {
    let mut items = Vec::new();
    for (repository, reference) in &images {
        let outcome = proxy.warm(repository, reference, &platforms).await;
        let image = match reference {
            Reference::Tag(tag) => format!("{repository}:{tag}"),
            Reference::Digest(digest) => format!("{repository}@{digest}"),
        };
        let (warmed, error) = match outcome {
            Ok(warmed) => (warmed, None),
            Err(error) => (Warmed::default(), Some(told(error))),
        };
        items.push(WarmedImage {
            image,
            manifests: warmed.manifests,
            blobs: warmed.blobs,
            fetched_bytes: warmed.fetched_bytes,
            error,
        });
    }
    List::new(items, None)
}

/// What the caller is told; what only we can mend goes to the log.
fn told(error: WarmError) -> String {
    use WarmError as E;
    match &error {
        E::NotCached(_)
        | E::Unknown { .. }
        | E::Locate(LocateError::Name(_))
        | E::Source(SourceError::Elsewhere { .. }) => error.to_string(),
        E::Locate(LocateError::Db(_))
        | E::Source(SourceError::Db(_) | SourceError::Store(_) | SourceError::Gone(_)) => {
            error!(
                error = &error as &dyn std::error::Error,
                "could not fetch an image ahead of need"
            );
            sentence("internal error").to_owned()
        }
    }
}

/// Reads `repository:tag` or `repository@digest`.
fn image(text: &str) -> Result<(RepositoryName, Reference), Problem> {
    let (repository, reference) = if let Some((repository, digest)) = text.split_once('@') {
        let digest = digest.parse().map_err(Problem::bad_request)?;
        (repository, Reference::Digest(digest))
    } else if let Some((repository, tag)) = text.rsplit_once(':') {
        let tag = tag.parse().map_err(Problem::bad_request)?;
        (repository, Reference::Tag(tag))
    } else {
        return Err(Problem::bad_request(sentence!(
            "`{text}` names no image: write a tag or a digest too, as in hub/library/alpine:3"
        )));
    };
    let repository = repository.parse().map_err(Problem::bad_request)?;
    Ok((repository, reference))
}

#[cfg(test)]
mod tests;
