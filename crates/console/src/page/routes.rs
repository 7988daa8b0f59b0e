//! Every path of the page, and what answers there.

use axum::routing::{MethodRouter, get, post};

use super::*;

type Answers = fn() -> MethodRouter<Console>;

pub(super) const ROUTES: &[(&str, Answers)] = &[
    ("/", || get(home::show)),
    ("/live", || get(live::feed)),
    ("/sign-in", || get(sign_in::show).post(sign_in::sign_in)),
    ("/sign-out", || post(sign_in::sign_out)),
    ("/preferences", || post(preferences::set)),
    ("/projects", || get(projects::list).post(projects::create)),
    ("/projects/{project}", || {
        get(projects::show).post(settings::change)
    }),
    ("/projects/{project}/settings", || get(settings::show)),
    ("/projects/{project}/quota", || post(settings::set_quota)),
    ("/projects/{project}/delete", || {
        post(changes::delete_project)
    }),
    ("/projects/{project}/members", || {
        get(members::list).post(members::add)
    }),
    ("/projects/{project}/members/{user}", || {
        post(members::change)
    }),
    ("/projects/{project}/members/{user}/delete", || {
        post(members::remove)
    }),
    ("/projects/{project}/roles", || {
        get(roles::list).post(roles::create)
    }),
    ("/projects/{project}/roles/{role}", || post(roles::change)),
    ("/projects/{project}/roles/{role}/delete", || {
        post(roles::delete)
    }),
    ("/projects/{project}/robots", || {
        get(robots::list).post(robots::create)
    }),
    ("/projects/{project}/robots/{robot}", || get(robot::show)),
    ("/projects/{project}/robots/{robot}/scopes", || {
        post(robot::change_scopes)
    }),
    ("/projects/{project}/robots/{robot}/ends", || {
        post(robot::change_end)
    }),
    ("/projects/{project}/robots/{robot}/disable", || {
        post(robot::disable)
    }),
    ("/projects/{project}/robots/{robot}/enable", || {
        post(robot::enable)
    }),
    ("/projects/{project}/robots/{robot}/secret", || {
        post(robot::renew)
    }),
    ("/projects/{project}/robots/{robot}/delete", || {
        post(robot::delete)
    }),
    ("/robots", || get(robots::list).post(robots::create)),
    ("/robots/{robot}", || get(robot::show)),
    ("/robots/{robot}/scopes", || post(robot::change_scopes)),
    ("/robots/{robot}/ends", || post(robot::change_end)),
    ("/robots/{robot}/disable", || post(robot::disable)),
    ("/robots/{robot}/enable", || post(robot::enable)),
    ("/robots/{robot}/secret", || post(robot::renew)),
    ("/robots/{robot}/delete", || post(robot::delete)),
    ("/users", || get(users::list).post(users::create)),
    ("/users/{user}", || get(user::show)),
    ("/users/{user}/rights", || post(user::change_rights)),
    ("/users/{user}/disable", || post(user::disable)),
    ("/users/{user}/enable", || post(user::enable)),
    ("/users/{user}/password", || post(user::reset_password)),
    ("/users/{user}/delete", || post(user::delete)),
    ("/users/{user}/tokens/{token}/delete", || {
        post(user::delete_token)
    }),
    ("/users/{user}/sessions/end", || {
        post(user::end_all_sessions)
    }),
    ("/users/{user}/sessions/{session}/end", || {
        post(user::end_session)
    }),
    ("/projects/{project}/retention", || {
        get(retention::show).post(retention::set)
    }),
    ("/projects/{project}/retention/preview", || {
        get(retention::show).post(retention::preview)
    }),
    ("/projects/{project}/retention/delete", || {
        post(retention::delete)
    }),
    ("/projects/{project}/retention/runs", || {
        get(retention::runs::list).post(retention::runs::run)
    }),
    ("/projects/{project}/retention/runs/{run}", || {
        get(retention::runs::show)
    }),
    ("/projects/{project}/immutable-tags", || {
        get(immutable_tags::list).post(immutable_tags::create)
    }),
    ("/projects/{project}/immutable-tags/{rule}/delete", || {
        post(immutable_tags::delete)
    }),
    ("/repositories", || get(repositories::search)),
    ("/repositories/{repository}", || get(repositories::show)),
    ("/repositories/{repository}/diff", || get(diff::show)),
    ("/repositories/{repository}/images/{reference}", || {
        get(images::show)
    }),
    ("/repositories/{repository}/delete", || {
        post(changes::delete_repository)
    }),
    ("/repositories/{repository}/tags", || post(changes::set_tag)),
    ("/repositories/{repository}/tags/{tag}/delete", || {
        post(changes::delete_tag)
    }),
    ("/repositories/{repository}/tags/{tag}/protect", || {
        post(immutable_tags::protect)
    }),
    (
        "/repositories/{repository}/images/{reference}/delete",
        || post(changes::delete_image),
    ),
    ("/deployments", || get(deployments::list)),
    ("/deployments/{deployment}", || get(deployments::show)),
    ("/deployments/{deployment}/approve", || {
        post(deployments::approve)
    }),
    ("/deployments/{deployment}/cancel", || {
        post(deployments::cancel)
    }),
    ("/deployments/{deployment}/rollback", || {
        post(deployments::roll_back)
    }),
    ("/targets", || get(targets::list)),
    ("/targets/{target}", || get(targets::show)),
    ("/targets/{target}/stacks/{stack}/plan", || {
        get(stacks::plan).post(stacks::plan)
    }),
    ("/targets/{target}/stacks/{stack}/deploy", || {
        post(stacks::deploy)
    }),
    ("/targets/{target}/stacks/{stack}/hold", || {
        post(stacks::hold)
    }),
    ("/targets/{target}/stacks/{stack}/release", || {
        post(stacks::release)
    }),
    (
        "/targets/{target}/stacks/{stack}/services/{service}/pin",
        || post(stacks::pin),
    ),
    (
        "/targets/{target}/stacks/{stack}/services/{service}/unpin",
        || post(stacks::unpin),
    ),
    (
        "/targets/{target}/stacks/{stack}/services/{service}/decisions",
        || get(decisions::list),
    ),
    ("/deploy-rules", || {
        get(deploy_rules::list).post(deploy_rules::create)
    }),
    ("/deploy-rules/{rule}/delete", || post(deploy_rules::delete)),
    ("/deletions", || get(deletions::list)),
    ("/deletions/{deletion}/restore", || post(deletions::restore)),
    ("/collection", || get(collection::show)),
    ("/collection/runs", || post(collection::run)),
    ("/audit", || get(audit::list)),
    ("/upstreams", || {
        get(upstreams::list).post(upstreams::create)
    }),
    ("/upstreams/{upstream}", || {
        get(upstreams::show).post(upstreams::change)
    }),
    ("/upstreams/{upstream}/delete", || post(upstreams::delete)),
    ("/groups", || get(groups::list).post(groups::create)),
    ("/groups/{group}", || get(groups::show).post(groups::change)),
    ("/groups/{group}/delete", || post(groups::delete)),
    ("/caches/{project}", || get(caches::show)),
    // Not /caches/warm, which would hide a cache of this name.
    ("/caches/{project}/warm", || {
        get(caches::show_warm).post(caches::warm)
    }),
    ("/caches/{project}/mirror", || get(mirror::show)),
    ("/account", || get(account::show)),
    ("/account/password", || post(account::change_password)),
    ("/account/tokens", || post(account::create_token)),
    ("/account/tokens/{token}/delete", || {
        post(account::delete_token)
    }),
    ("/account/sessions/end", || post(account::end_all_sessions)),
    ("/account/sessions/{session}/end", || {
        post(account::end_session)
    }),
    ("/api/v1/docs", || get(reference::show)),
];
