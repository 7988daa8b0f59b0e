//! The page: what the management API does, for people. A page at `/X` shows what `/api/v1/X` says, by a
//! call of the same handler; so the page has no powers of its own and refuses what the API refuses.
//!
//! It is rendered here, works without scripts for reading, and loads nothing from elsewhere.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

mod account;
mod around;
mod assets;
mod audit;
mod changes;
mod cookies;
mod deletions;
mod deployments;
mod done;
mod filters;
mod frame;
mod images;
mod language;
mod link;
mod look;
mod preferences;
mod problem;
mod projects;
mod repositories;
mod sign_in;
mod theme;
mod visitor;

use crate::console::Console;

/// Every path of the page.
pub(crate) fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(projects::list))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/preferences", post(preferences::set))
        .route("/projects", get(projects::list).post(projects::create))
        .route("/projects/{project}", get(projects::show))
        .route("/projects/{project}/delete", post(changes::delete_project))
        .route("/repositories", get(repositories::search))
        .route("/repositories/{repository}", get(repositories::show))
        .route(
            "/repositories/{repository}/images/{reference}",
            get(images::show),
        )
        .route(
            "/repositories/{repository}/delete",
            post(changes::delete_repository),
        )
        .route("/repositories/{repository}/tags", post(changes::set_tag))
        .route(
            "/repositories/{repository}/tags/{tag}/delete",
            post(changes::delete_tag),
        )
        .route(
            "/repositories/{repository}/images/{reference}/delete",
            post(changes::delete_image),
        )
        .route("/deployments", get(deployments::list))
        .route("/deployments/{deployment}", get(deployments::show))
        .route(
            "/deployments/{deployment}/approve",
            post(deployments::approve),
        )
        .route(
            "/deployments/{deployment}/cancel",
            post(deployments::cancel),
        )
        .route(
            "/deployments/{deployment}/rollback",
            post(deployments::roll_back),
        )
        .route("/deletions", get(deletions::list))
        .route("/deletions/{deletion}/restore", post(deletions::restore))
        .route("/audit", get(audit::list))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route("/account/tokens", post(account::create_token))
        .route(
            "/account/tokens/{token}/delete",
            post(account::delete_token),
        )
        .route("/account/sessions/end", post(account::end_all_sessions))
        .route(
            "/account/sessions/{session}/end",
            post(account::end_session),
        )
        .layer(from_fn(around::answer))
        // Nothing in them is anybody's.
        .route("/assets/{name}", get(assets::serve))
        .with_state(console)
}
