//! The HTTP side: reads a request into an [`Endpoint`], asks the [`Registry`], and puts the answer
//! into the words of the protocol. It knows neither SQL nor where bytes lie.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get};
use berth_oci::Endpoint;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::Caller;
use crate::body::{discard, receive};
use crate::pusher::Pusher;
use crate::registry::Registry;
use conditional::Conditions;

mod answer;
mod authorize;
mod blobs;
mod client;
mod conditional;
mod error;
mod lists;
mod manifests;
mod token;
mod uploads;

pub use authorize::refuse;
pub use client::{Client, Scheme};
pub use error::{ApiError, answer_error};

pub(crate) const API_VERSION: HeaderName =
    HeaderName::from_static("docker-distribution-api-version");

/// What kind of request an answer belongs to: an extension of every response, for the access line
/// and the metrics.
#[derive(Clone, Copy, Debug)]
pub struct EndpointLabel(pub &'static str);

/// Every path of the registry, and what answers there. Repository names hold slashes, so one path
/// takes all that is under `/v2`, and [`Endpoint::parse`] reads the rest.
pub fn routes(registry: &Arc<Registry>) -> Vec<(&'static str, MethodRouter)> {
    [
        ("/v2", any(dispatch)),
        ("/v2/", any(dispatch)),
        ("/v2/{*rest}", any(dispatch)),
        ("/token", get(token::by_get).post(token::by_post)),
        ("/.well-known/jwks.json", get(token::keys)),
    ]
    .map(|(path, answers)| (path, answers.with_state(Arc::clone(registry))))
    .into()
}

async fn dispatch(State(registry): State<Arc<Registry>>, request: Request) -> Response {
    let uri = request.uri();
    let (label, outcome) = match Endpoint::parse(
        request.method(),
        uri.path(),
        uri.query().unwrap_or_default(),
    ) {
        Ok(endpoint) => {
            let (head, body) = request.into_parts();
            let client = head.extensions.get::<Client>();
            let admitted = authorize::admit(&registry, &endpoint, &head.headers, client).await;
            let label = endpoint.label();
            match admitted {
                Ok(caller) => (
                    label,
                    answer_endpoint(registry, endpoint, &head.headers, body, &caller).await,
                ),
                Err(error) => {
                    discard(receive(body, registry.limits.idle)).await;
                    (label, Err(error))
                }
            }
        }
        Err(error) => {
            discard(receive(request.into_body(), registry.limits.idle)).await;
            ("invalid", Err(error.into()))
        }
    };
    let mut response = outcome.unwrap_or_else(ApiError::into_response);
    // `docker manifest` insists on it, on every answer: docker/cli#989.
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response.extensions_mut().insert(EndpointLabel(label));
    response
}

async fn answer_endpoint(
    registry: Arc<Registry>,
    endpoint: Endpoint,
    headers: &HeaderMap,
    body: Body,
    caller: &Caller,
) -> Result<Response, ApiError> {
    use Endpoint as E;
    let idle = registry.limits.idle;
    match endpoint {
        E::Version => Ok(answer::json("application/json", &serde_json::json!({}))),
        E::GetBlob { repository, digest } => {
            blobs::get(&registry, &repository, &digest, &Conditions::read(headers)).await
        }
        E::HeadBlob { repository, digest } => {
            blobs::head(&registry, &repository, &digest, &Conditions::read(headers)).await
        }
        E::DeleteBlob { repository, digest } => {
            blobs::delete(&registry, &repository, &digest, caller).await
        }
        E::GetManifest {
            repository,
            reference,
        } => {
            manifests::get(
                &registry,
                &repository,
                &reference,
                &Conditions::read(headers),
            )
            .await
        }
        E::HeadManifest {
            repository,
            reference,
        } => {
            manifests::head(
                &registry,
                &repository,
                &reference,
                &Conditions::read(headers),
            )
            .await
        }
        E::PutManifest {
            repository,
            reference,
            tags,
        } => {
            let push = manifests::Put {
                repository,
                reference,
                tags,
                pusher: Pusher::from(caller),
            };
            manifests::put(&registry, push, headers, receive(body, idle)).await
        }
        E::DeleteManifest {
            repository,
            reference,
        } => manifests::delete(&registry, &repository, &reference, caller).await,
        E::StartUpload {
            repository,
            algorithm,
        } => uploads::start(&registry, repository, algorithm).await,
        E::MountBlob { repository, mount } => {
            uploads::mount(&registry, repository, mount, caller).await
        }
        E::UploadBlob { repository, digest } => {
            uploads::upload(registry, repository, digest, caller, receive(body, idle)).await
        }
        E::AppendUpload { repository, upload } => {
            let chunk = uploads::chunk(headers, &body)?;
            uploads::append(registry, repository, upload, chunk, receive(body, idle)).await
        }
        E::FinishUpload {
            repository,
            upload,
            digest,
        } => {
            let chunk = uploads::chunk(headers, &body)?;
            let finish = uploads::Finish {
                repository,
                upload,
                digest,
                chunk,
            };
            uploads::finish(registry, finish, caller, receive(body, idle)).await
        }
        E::GetUpload { repository, upload } => uploads::status(&registry, repository, upload).await,
        E::CancelUpload { repository, upload } => {
            uploads::cancel(registry, repository, upload).await
        }
        E::ListTags { repository, page } => lists::tags(&registry, repository, page).await,
        E::ListRepositories { page } => lists::repositories(&registry, caller, page).await,
        E::ListReferrers {
            repository,
            subject,
            artifact_type,
            page,
        } => {
            lists::referrers(
                &registry,
                lists::Referrers {
                    repository,
                    subject,
                    artifact_type,
                    page,
                },
            )
            .await
        }
    }
}
