use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use utoipa::OpenApi as _;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr, Response as Answer};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

pub(crate) mod activity;
pub(crate) mod attention;
pub(crate) mod audit;
pub(crate) mod caches;
pub(crate) mod collection;
pub(crate) mod deletions;
pub(crate) mod deploy_rules;
pub(crate) mod deployments;
pub(crate) mod document;
pub(crate) mod grant;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod images;
pub(crate) mod immutable_tags;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod me;
pub(crate) mod members;
pub(crate) mod names;

pub(crate) mod problem;
pub(crate) mod projects;
pub(crate) mod quota;
pub(crate) mod repositories;
pub(crate) mod retention;
pub(crate) mod robots;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod signed;
pub(crate) mod tags;
pub(crate) mod targets;
pub(crate) mod texts;
pub(crate) mod time;
pub(crate) mod tokens;
pub(crate) mod upstreams;
pub(crate) mod users;

use crate::console::Console;
use problem::Problem;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Berth",
        description = "Users, projects, rights, tokens, sessions, robots, images, what projects keep and how space is given back, \
                   upstreams and their caches, deployments and their targets, and the audit log of a Berth registry. \
                   Lists come in pages: `next` is the `cursor` of the next page. \
                   Without the right to see something the answer is the same as if it were not there.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(caches::Cache, problem::Document))
)]
struct Frame;

/// Every route below `/api/v1`.
pub(crate) fn router(console: Console) -> Router {
    let described = DESCRIBED.iter().fold(Router::new(), |router, described| {
        router.merge(OpenApiRouter::new().routes(described()))
    });
    undescribed()
        .into_iter()
        .fold(described, |router, (path, answers)| {
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
    let frame = OpenApiRouter::with_openapi(Frame::openapi());
    let described = DESCRIBED
        .iter()
        .fold(frame, |router, described| router.routes(described()));
    completed(described.into_openapi())
}

/// What answers at one path, and what the document says of it.
type Described = fn() -> UtoipaMethodRouter<Console>;

/// Made one by one, since together they take megabytes.
const DESCRIBED: &[Described] = &[
    || routes!(me::get),
    || routes!(me::change_password),
    || routes!(users::list, users::create),
    || routes!(users::get, users::change, users::delete),
    || routes!(users::reset_password),
    || routes!(tokens::list, tokens::create),
    || routes!(tokens::delete),
    || routes!(sessions::list, sessions::delete_all),
    || routes!(sessions::delete),
    || routes!(robots::list, robots::create),
    || routes!(robots::get, robots::change, robots::delete),
    || routes!(robots::renew),
    || routes!(robots::list_of_project, robots::create_in_project),
    || {
        routes!(
            robots::get_of_project,
            robots::change_in_project,
            robots::delete_from_project
        )
    },
    || routes!(robots::renew_in_project),
    || routes!(projects::list, projects::create),
    || routes!(projects::get, projects::change, projects::delete),
    || routes!(quota::get, quota::set),
    || routes!(members::list),
    || routes!(members::set, members::remove),
    || routes!(roles::list),
    || routes!(roles::set, roles::delete),
    || routes!(immutable_tags::list, immutable_tags::create),
    || routes!(immutable_tags::delete),
    || routes!(retention::get, retention::set, retention::delete),
    || routes!(retention::preview),
    || routes!(retention::runs, retention::run),
    || routes!(retention::get_run),
    || routes!(retention::removals),
    || routes!(repositories::list),
    || routes!(repositories::get, repositories::delete),
    || routes!(tags::list),
    || routes!(tags::get, tags::set, tags::delete),
    || routes!(images::list),
    || routes!(images::get, images::delete),
    || routes!(images::referrers),
    || routes!(upstreams::list, upstreams::create),
    || routes!(upstreams::get, upstreams::change, upstreams::delete),
    || routes!(groups::list, groups::create),
    || routes!(groups::get, groups::change, groups::delete),
    || routes!(caches::list),
    || routes!(caches::hours),
    || routes!(caches::warm),
    || routes!(deployments::list, deployments::create),
    || routes!(deployments::plan),
    || routes!(deployments::get),
    || routes!(deployments::steps),
    || routes!(deployments::log),
    || routes!(deployments::events),
    || routes!(deployments::approve),
    || routes!(deployments::cancel),
    || routes!(deployments::roll_back),
    || routes!(targets::list),
    || routes!(targets::stacks),
    || routes!(targets::hold, targets::release),
    || routes!(targets::pin, targets::unpin),
    || routes!(targets::decisions),
    || routes!(deploy_rules::list, deploy_rules::create),
    || routes!(deploy_rules::delete),
    || routes!(deletions::list),
    || routes!(deletions::restore),
    || routes!(collection::get),
    || routes!(collection::blobs),
    || routes!(collection::run),
    || routes!(health::get),
    || routes!(audit::list),
    || routes!(activity::get),
    || routes!(attention::list),
];

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
    document::with_json(document_text(&console).into())
}

/// The document as JSON.
pub(crate) fn document_text(console: &Console) -> Bytes {
    let text = console.document.get_or_init(|| {
        let text = document().to_json();
        text.expect("a document of texts is JSON").into()
    });
    text.clone()
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
