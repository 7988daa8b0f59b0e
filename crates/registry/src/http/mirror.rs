//! The address that Docker daemons have for their mirror. A daemon sends its password for Docker Hub
//! to any mirror that challenges (moby#42022), so nothing here does: everybody is nobody, what a
//! request shows of credentials is not read, and what nobody may pull is not there.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use berth_oci::{Endpoint, ErrorCode, Reference};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};

use super::asked::{self, Request};
use super::{ApiError, Client, Served, answer_endpoint, finished, with_namespace};
use crate::auth::{Action, Caller, Target};
use crate::body::{discard, receive};
use crate::registry::Registry;
use crate::source::Sources;

/// Every path of the mirror address.
pub fn mirror_routes(
    registry: &Arc<Registry>,
    sources: &Arc<dyn Sources>,
) -> Vec<(&'static str, MethodRouter)> {
    let served = Served {
        registry: Arc::clone(registry),
        sources: Arc::clone(sources),
    };
    [
        "/v2",
        "/v2/",
        "/v2/{*rest}",
        "/{prefix}/v2/",
        "/{prefix}/v2/{*rest}",
    ]
    .map(|path| (path, any(dispatch).with_state(served.clone())))
    .into()
}

async fn dispatch(State(served): State<Served>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    discard(receive(body, served.registry.limits.idle)).await;
    if head.method != Method::GET && head.method != Method::HEAD {
        let message = "this is a mirror: it answers GET and HEAD only";
        let refused = ApiError::client(ErrorCode::Unsupported, message)
            .with_header(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return finished("invalid", Err(refused));
    }
    match Request::parse(&head) {
        Ok(request) => {
            let label = request.endpoint.label();
            finished(label, serve(&served, request, &head).await)
        }
        Err(error) => finished("invalid", Err(error.into())),
    }
}

async fn serve(served: &Served, request: Request, head: &Parts) -> Result<Response, ApiError> {
    let registry = &served.registry;
    let client = head.extensions.get::<Client>();
    let nobody = Caller::anonymous(client.map(|client| client.address));
    let located = request.locate(&*served.sources, &nobody).await?;
    let Some(located) = located else {
        if let Endpoint::ListRepositories { .. } = request.endpoint {
            return Err(
                ApiError::client(ErrorCode::NameUnknown, "a mirror lists nothing")
                    .with_status(StatusCode::NOT_FOUND),
            );
        }
        let source = registry.hosted();
        return answer_endpoint(
            Arc::clone(registry),
            source,
            request.endpoint,
            head,
            Body::empty(),
            &nobody,
        )
        .await;
    };
    let asked = &request.endpoint;
    let endpoint = asked::renamed(asked.clone(), &located);
    if !pulls(asked) || !may_pull(registry, &endpoint, &nobody).await? {
        return Err(absent(asked));
    }
    if located.by_default && asked::of_nothing(registry, &endpoint).await? {
        return Err(absent(asked));
    }
    let answer = answer_endpoint(
        Arc::clone(registry),
        &located.source,
        endpoint,
        head,
        Body::empty(),
        &nobody,
    );
    match answer.await {
        // Or the answer would tell that no project here has the name.
        Err(error) if located.by_default && error.absent() => Err(absent(asked)),
        answer => Ok(with_namespace(answer?, request.namespace)),
    }
}

/// Sessions of uploads are read too, and are no business of a mirror.
fn pulls(endpoint: &Endpoint) -> bool {
    !matches!(endpoint, Endpoint::GetUpload { .. })
}

async fn may_pull(
    registry: &Registry,
    endpoint: &Endpoint,
    nobody: &Caller,
) -> Result<bool, ApiError> {
    let Some(repository) = endpoint.repository() else {
        return Ok(true);
    };
    let target = Target::Repository(repository);
    Ok(registry.allows(nobody, Action::Pull, target).await?)
}

/// As of something that is not there.
fn absent(endpoint: &Endpoint) -> ApiError {
    let name = endpoint
        .repository()
        .map(ToString::to_string)
        .unwrap_or_default();
    match endpoint {
        Endpoint::GetManifest { reference, .. } | Endpoint::HeadManifest { reference, .. } => {
            let message = match reference {
                Reference::Tag(tag) => format!("{name} has no manifest {tag}"),
                Reference::Digest(digest) => format!("{name} has no manifest {digest}"),
            };
            ApiError::client(ErrorCode::ManifestUnknown, message)
        }
        Endpoint::GetBlob { digest, .. } | Endpoint::HeadBlob { digest, .. } => ApiError::client(
            ErrorCode::BlobUnknown,
            format!("{name} has no blob {digest}"),
        ),
        _ => ApiError::client(
            ErrorCode::NameUnknown,
            format!("there is no repository {name}"),
        ),
    }
}
