//! The page: what the management API does, for people. A page at `/X` shows what `/api/v1/X` says, by a
//! call of the same handler; so the page has no powers of its own and refuses what the API refuses.
//!
//! It is rendered here, works without scripts for reading, and loads nothing from elsewhere.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

mod account;
mod actions;
mod around;
mod assets;
mod audit;
mod caches;
mod changes;
mod collection;
mod cookies;
mod decisions;
mod deletions;
mod deploy_rules;
mod deployments;
mod diff;
mod done;
mod filters;
mod form;
mod frame;
mod grants;
mod groups;
mod home;
mod image_rights;
mod images;
mod immutable_tags;
mod language;
mod lasting;
mod lines;
mod link;
mod live;
mod look;
mod members;
mod mirror;
mod moves;
mod plot;
mod preferences;
mod problem;
mod project_head;
mod projects;
mod reference;
mod repositories;
mod retention;
mod robot;
mod robot_owner;
mod robots;
mod roles;
mod routes;
mod sentences;
mod settings;
mod sign_in;
mod stacks;
mod targets;
mod theme;
mod ticked;
mod told;
mod upstreams;
mod user;
mod users;
mod visitor;

use crate::console::Console;

/// As for a document of the API.
const BODY_BYTES: usize = 256 * 1024;

/// The paths of the page, but for what pages load.
pub fn page_paths() -> impl Iterator<Item = &'static str> {
    routes::ROUTES.iter().map(|(path, _)| *path)
}

pub(crate) fn router(console: Console) -> Router {
    let routes = routes::ROUTES.iter();
    routes
        .fold(Router::new(), |router, (path, answers)| {
            router.route(path, answers())
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn_with_state(console.clone(), around::answer))
        // Nothing in them is anybody's.
        .route("/assets/{name}", get(assets::serve))
        .with_state(console)
}
