//! The HTTP side: reads a request into an [`Endpoint`], asks the [`Registry`], and puts the answer
//! into the words of the protocol. It knows neither SQL nor where bytes lie.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get};
use berth_oci::{Endpoint, ErrorCode};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderName, HeaderValue};

use crate::auth::Caller;
use crate::body::{discard, receive};
use crate::pusher::Pusher;
use crate::registry::Registry;
use crate::source::{Located, Source, Sources};
use asked::Request;
use conditional::Conditions;

mod answer;
mod asked;
mod authorize;
mod blobs;
mod client;
mod conditional;
mod error;
mod lists;
mod manifests;
mod mirror;
mod send_file;
mod token;
mod uploads;

pub use authorize::refuse;
pub use client::{Client, Scheme};
pub use error::{ApiError, answer_error};
pub use mirror::mirror_routes;
pub use send_file::{FileSender, SendFile};

pub(crate) const API_VERSION: HeaderName =
    HeaderName::from_static("docker-distribution-api-version");

const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// What kind of request an answer belongs to: an extension of every response, for the access line
/// and the metrics.
#[derive(Clone, Copy, Debug)]
pub struct EndpointLabel(pub &'static str);

/// What requests are answered from.
#[derive(Clone)]
pub(crate) struct Served {
    registry: Arc<Registry>,
    sources: Arc<dyn Sources>,
}

/// Every path of the registry, and what answers there. Repository names hold slashes, so one path
/// takes all that is under `/v2`, and [`Endpoint::parse`] reads the rest.
pub fn routes(
    registry: &Arc<Registry>,
    sources: &Arc<dyn Sources>,
) -> Vec<(&'static str, MethodRouter)> {
    let served = Served {
        registry: Arc::clone(registry),
        sources: Arc::clone(sources),
    };
    [
        ("/v2", any(dispatch)),
        ("/v2/", any(dispatch)),
        ("/v2/{*rest}", any(dispatch)),
        ("/{prefix}/v2/", any(dispatch)),
        ("/{prefix}/v2/{*rest}", any(dispatch)),
        ("/token", get(token::by_get).post(token::by_post)),
        ("/.well-known/jwks.json", get(token::keys)),
    ]
    .map(|(path, answers)| (path, answers.with_state(served.clone())))
    .into()
}

async fn dispatch(State(served): State<Served>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let registry = &served.registry;
    let (label, outcome) = match Request::parse(&head) {
        Ok(request) => {
            let label = request.endpoint.label();
            (label, serve(&served, request, &head, body).await)
        }
        Err(error) => {
            discard(receive(body, registry.limits.idle)).await;
            ("invalid", Err(error.into()))
        }
    };
    finished(label, outcome)
}

/// What is the same for every answer.
fn finished(label: &'static str, outcome: Result<Response, ApiError>) -> Response {
    let mut response = outcome.unwrap_or_else(ApiError::into_response);
    // `docker manifest` insists on it, on every answer: docker/cli#989.
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response.extensions_mut().insert(EndpointLabel(label));
    response
}

/// An end-point that may be answered, under the name that its repository has here.
struct Admitted {
    endpoint: Endpoint,
    caller: Caller,
    located: Option<Located>,
}

async fn serve(
    served: &Served,
    request: Request,
    head: &Parts,
    body: Body,
) -> Result<Response, ApiError> {
    let registry = &served.registry;
    let client = head.extensions.get::<Client>();
    let admitted = match admit(served, &request, head, client).await {
        Ok(admitted) => admitted,
        Err(error) => {
            discard(receive(body, registry.limits.idle)).await;
            return Err(error);
        }
    };
    let Admitted {
        endpoint,
        caller,
        located,
    } = admitted;
    let source = located
        .as_ref()
        .map_or(registry.hosted(), |located| &located.source);
    let by_default = located.as_ref().is_some_and(|located| located.by_default);
    if by_default && asked::of_nothing(registry, &endpoint).await? {
        authorize::admit(
            registry,
            &request.endpoint,
            &request.endpoint,
            &caller,
            client,
        )
        .await?;
    }
    let outcome =
        answer_endpoint(Arc::clone(registry), source, endpoint, head, body, &caller).await;
    match outcome {
        // Or the answer would tell that no project here has the name.
        Err(error) if by_default && error.absent() => {
            authorize::admit(
                registry,
                &request.endpoint,
                &request.endpoint,
                &caller,
                client,
            )
            .await?;
            Err(error)
        }
        outcome => Ok(with_namespace(outcome?, request.namespace)),
    }
}

async fn admit(
    served: &Served,
    request: &Request,
    head: &Parts,
    client: Option<&Client>,
) -> Result<Admitted, ApiError> {
    let registry = &served.registry;
    let asked = &request.endpoint;
    let caller = authorize::authenticate(registry, asked, &head.headers, client).await?;
    let located = request.locate(&*served.sources, &caller).await?;
    let endpoint = match &located {
        Some(located) => asked::renamed(asked.clone(), located),
        None => asked.clone(),
    };
    // By default a refusal says the name that was asked, as for a project that hides.
    let told = match &located {
        Some(located) if located.by_default => asked,
        Some(_) | None => &endpoint,
    };
    authorize::admit(registry, &endpoint, told, &caller, client).await?;
    if let Some(reason) = located
        .as_ref()
        .and_then(|located| asked::refused(&endpoint, located))
    {
        return Err(ApiError::client(ErrorCode::Unsupported, reason)
            .with_header(ALLOW, HeaderValue::from_static("GET, HEAD")));
    }
    Ok(Admitted {
        endpoint,
        caller,
        located,
    })
}

/// Distribution specification, "Registry Proxying": says which registry was meant.
fn with_namespace(mut response: Response, namespace: Option<String>) -> Response {
    if let Some(namespace) = namespace.and_then(|name| HeaderValue::try_from(name).ok()) {
        response.headers_mut().insert(OCI_NAMESPACE, namespace);
    }
    response
}

async fn answer_endpoint(
    registry: Arc<Registry>,
    source: &Arc<dyn Source>,
    endpoint: Endpoint,
    head: &Parts,
    body: Body,
    caller: &Caller,
) -> Result<Response, ApiError> {
    use Endpoint as E;
    let headers = &head.headers;
    let idle = registry.limits.idle;
    match endpoint {
        E::Version => Ok(answer::json("application/json", &serde_json::json!({}))),
        E::GetBlob { repository, digest } => {
            let sender = head.extensions.get::<FileSender>();
            let conditions = Conditions::read(headers);
            blobs::get(&**source, &repository, &digest, &conditions, sender).await
        }
        E::HeadBlob { repository, digest } => {
            blobs::head(&**source, &repository, &digest, &Conditions::read(headers)).await
        }
        E::DeleteBlob { repository, digest } => {
            blobs::delete(&registry, &repository, &digest, caller).await
        }
        E::GetManifest {
            repository,
            reference,
        } => {
            manifests::get(
                &**source,
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
                &**source,
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
            let length = body.size_hint().exact();
            let body = receive(body, idle);
            uploads::upload(registry, repository, digest, length, caller, body).await
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
        E::ListTags { repository, page } => {
            lists::tags(&registry, &**source, repository, page).await
        }
        E::ListRepositories { page } => lists::repositories(&registry, caller, page).await,
        E::ListReferrers {
            repository,
            subject,
            artifact_type,
            page,
        } => {
            lists::referrers(
                &registry,
                &**source,
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
