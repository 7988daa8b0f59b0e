use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use berth_deployer::Deployer;
use berth_proxy::Proxy;
use berth_registry::Registry;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Response as Answer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod audit;
mod caches;
mod collection;
mod deletions;
mod deploy_rules;
mod deployments;
mod document;
mod grant;
mod groups;
mod images;
mod immutable_tags;
mod limits;
mod me;
mod members;
mod names;
mod page;
mod problem;
mod projects;
mod quota;
mod repositories;
mod retention;
mod robots;
mod roles;
mod signed;
mod tags;
mod targets;
mod texts;
mod time;
mod tokens;
mod upstreams;
mod users;

use problem::Problem;

/// What handlers work on.
#[derive(Clone)]
struct Console {
    registry: Arc<Registry>,
    proxy: Arc<Proxy>,
    deployer: Arc<Deployer>,
    /// That the server is about to end: answers that would go on for long end too.
    stopping: CancellationToken,
    document: Arc<str>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Berth",
        description = "Users, projects, rights, tokens, robots, images, what projects keep and how space is given back, \
                   upstreams and their caches, deployments and their targets, and the audit log of a Berth registry. \
                   Lists come in pages: `next` is the `cursor` of the page behind. \
                   Without the right to see something the answer is the same as if it were not there.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(problem::Document))
)]
struct Described;

/// Every route below `/api/v1`. Answers that go on for long end when `stopping` is cancelled.
pub fn router(
    registry: Arc<Registry>,
    proxy: Arc<Proxy>,
    deployer: Arc<Deployer>,
    stopping: CancellationToken,
) -> Router {
    let (router, document) = described().split_for_parts();
    let text = completed(document)
        .to_json()
        .expect("a document of texts is JSON");
    let console = Console {
        registry,
        proxy,
        deployer,
        stopping,
        document: text.into(),
    };
    undescribed()
        .into_iter()
        .fold(router, |router, (path, answers)| {
            router.route(path, answers)
        })
        .method_not_allowed_fallback(wrong_method)
        .with_state(console)
}

/// The paths that the document does not describe: with those that it does, they are all.
pub fn undescribed_paths() -> impl Iterator<Item = &'static str> {
    undescribed().into_iter().map(|(path, _)| path)
}

fn undescribed() -> [(&'static str, MethodRouter<Console>); 2] {
    [
        ("/api/v1/openapi.json", get(openapi)),
        ("/api/{*rest}", any(unknown_path)),
    ]
}

/// The OpenAPI document.
pub fn document() -> OpenApi {
    completed(described().into_openapi())
}

fn described() -> OpenApiRouter<Console> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(me::get))
        .routes(routes!(me::change_password))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::change, users::delete))
        .routes(routes!(users::reset_password))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::delete))
        .routes(routes!(robots::list, robots::create))
        .routes(routes!(robots::get, robots::change, robots::delete))
        .routes(routes!(robots::renew))
        .routes(routes!(robots::list_of_project, robots::create_in_project))
        .routes(routes!(
            robots::get_of_project,
            robots::change_in_project,
            robots::delete_from_project
        ))
        .routes(routes!(robots::renew_in_project))
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get, projects::change, projects::delete))
        .routes(routes!(quota::get, quota::set))
        .routes(routes!(members::list))
        .routes(routes!(members::set, members::remove))
        .routes(routes!(roles::list))
        .routes(routes!(roles::set, roles::delete))
        .routes(routes!(immutable_tags::list, immutable_tags::create))
        .routes(routes!(immutable_tags::delete))
        .routes(routes!(retention::get, retention::set, retention::delete))
        .routes(routes!(retention::preview))
        .routes(routes!(retention::runs, retention::run))
        .routes(routes!(retention::get_run))
        .routes(routes!(retention::removals))
        .routes(routes!(repositories::list))
        .routes(routes!(repositories::get, repositories::delete))
        .routes(routes!(tags::list))
        .routes(routes!(tags::get, tags::set, tags::delete))
        .routes(routes!(images::list))
        .routes(routes!(images::get, images::delete))
        .routes(routes!(images::referrers))
        .routes(routes!(upstreams::list, upstreams::create))
        .routes(routes!(
            upstreams::get,
            upstreams::change,
            upstreams::delete
        ))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get, groups::change, groups::delete))
        .routes(routes!(caches::list))
        .routes(routes!(caches::hours))
        .routes(routes!(caches::warm))
        .routes(routes!(deployments::list, deployments::create))
        .routes(routes!(deployments::plan))
        .routes(routes!(deployments::get))
        .routes(routes!(deployments::steps))
        .routes(routes!(deployments::log))
        .routes(routes!(deployments::events))
        .routes(routes!(deployments::approve))
        .routes(routes!(deployments::cancel))
        .routes(routes!(deployments::roll_back))
        .routes(routes!(targets::list))
        .routes(routes!(targets::stacks))
        .routes(routes!(targets::hold, targets::release))
        .routes(routes!(targets::pin, targets::unpin))
        .routes(routes!(targets::decisions))
        .routes(routes!(deploy_rules::list, deploy_rules::create))
        .routes(routes!(deploy_rules::delete))
        .routes(routes!(deletions::list))
        .routes(routes!(deletions::restore))
        .routes(routes!(collection::get))
        .routes(routes!(collection::blobs))
        .routes(routes!(collection::run))
        .routes(routes!(audit::list))
}

/// Adds what holds for all operations: how to sign in, and names that no two share.
fn completed(mut document: OpenApi) -> OpenApi {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let tag = operation.tags.iter().flatten().next();
            let handler = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = tag.map(|tag| format!("{tag}_{handler}"));
            describe_answers(&mut operation.responses.responses);
        }
    }
    let components = document.components.get_or_insert_default();
    for (name, scheme, description) in [
        (
            "basic",
            HttpAuthScheme::Basic,
            "A user and a password, or a personal or robot token in its place",
        ),
        (
            "bearer",
            HttpAuthScheme::Bearer,
            "A personal or robot token, or an access token of /token",
        ),
    ] {
        let http = HttpBuilder::new()
            .scheme(scheme)
            .description(Some(description))
            .build();
        components.add_security_scheme(name, SecurityScheme::Http(http));
    }
    let none: [&str; 0] = [];
    document.security = Some(vec![
        SecurityRequirement::new("basic", none),
        SecurityRequirement::new("bearer", none),
    ]);
    document
}

/// Every answer has to have a description; that of a success is in its schema.
fn describe_answers(responses: &mut BTreeMap<String, RefOr<Answer>>) {
    for (status, response) in responses {
        if let (RefOr::T(answer), Ok(status)) = (response, status.parse::<StatusCode>())
            && answer.description.is_empty()
        {
            answer.description = status.canonical_reason().unwrap_or_default().to_owned();
        }
    }
}

async fn openapi(State(console): State<Console>) -> Response {
    document::json_text(console.document.to_string())
}

async fn unknown_path() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "the API has no such path: /api/v1/openapi.json describes it",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method: /api/v1/openapi.json describes it",
    )
}

#[cfg(test)]
mod tests;
