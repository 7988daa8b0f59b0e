use serde_json::{Value, json};

use super::images::{push_artifact, push_web};
use crate::support::{
    ADMIN, ADMIN_PASSWORD, Answer, Login, TestServer, ask, create_project, create_robot,
    create_token, create_user, publish_project, set_member, until,
};

const PASSWORD: &str = "correct horse battery";

/// A server that has been in use for a while, and what it pulls from.
pub(super) struct World {
    pub(super) server: TestServer,
    /// The names that it has given.
    pub(super) names: Vec<(&'static str, String)>,
    _hub: TestServer,
}

impl World {
    pub(super) async fn make() -> Self {
        let (server, hub) = (TestServer::start().await, TestServer::start().await);
        create_project(&server, "shop").await;
        create_project(&server, "tools").await;
        publish_project(&server, "tools").await;
        delete(&server, "/projects/tools/members/admin").await;
        let alice = make_people(&server).await;
        let names = make_images(&server, &alice).await;
        make_policies(&server).await;
        make_caches(&server, &hub).await;
        delete_some(&server).await;
        Self {
            server,
            names,
            _hub: hub,
        }
    }
}

async fn post(server: &TestServer, path: &str, body: Value) -> Answer {
    let path = format!("/api/v1{path}");
    let answer = ask(server.post(&path).json(&body)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer
}

async fn put(server: &TestServer, path: &str, body: Value) {
    let path = format!("/api/v1{path}");
    let answer = ask(server.put(&path).json(&body)).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

async fn delete(server: &TestServer, path: &str) {
    let answer = ask(server.delete(&format!("/api/v1{path}"))).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

/// Users, who are members of projects, and robots; the answer is one who pushes.
async fn make_people(server: &TestServer) -> Login {
    let alice = create_user(server, "alice", PASSWORD).await;
    for name in ["bob", "carol", "dave.the-second"] {
        create_user(server, name, PASSWORD).await;
    }
    let disabled = json!({"disabled": true});
    let carol = server.patch("/api/v1/users/carol").json(&disabled);
    ask(carol).await.expect(200);
    let grants = json!([
        {"repositories": "shop/web", "actions": ["pull", "deploy.approve", "deploy.rollback"]},
        {"repositories": "shop/**", "actions": ["pull"]},
    ]);
    let role = json!({"grants": grants});
    put(server, "/projects/shop/roles/release-manager", role).await;
    set_member(server, "shop", "alice", &["owner"]).await;
    set_member(server, "shop", "bob", &["reader", "release-manager"]).await;
    create_token(server, &alice, "laptop").await;
    create_robot(server, "shop", "ci", &["pull", "push"]).await;
    let scopes = json!([{"repositories": "**", "actions": ["metrics.read"]}]);
    let robot = json!({"name": "metrics", "scopes": scopes, "expires_at": "2099-12-31T00:00:00Z"});
    post(server, "/robots", robot).await;
    let guess = server.user("bob", "a wrong password").get("/api/v1/me");
    ask(guess).await.expect(401);
    alice
}

async fn make_images(server: &TestServer, alice: &Login) -> Vec<(&'static str, String)> {
    let pusher = server.user(&alice.name, &alice.secret);
    let mut newest = push_web(&pusher, "shop/web", "1.9.3").await;
    for version in ["2.0.0", "2.1.0-rc.1", "2.1.0"] {
        newest = push_web(&pusher, "shop/web", version).await;
    }
    let kinds = [
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/spdx+json",
    ];
    let mut signature = None;
    for kind in kinds {
        let attached = push_artifact(&pusher, "shop/web", kind, Err(&newest.index)).await;
        signature = signature.or(Some(attached));
    }
    let chart = "application/vnd.cncf.helm.config.v1+json";
    push_artifact(&pusher, "shop/charts", chart, Ok("1.0.0")).await;
    push_web(
        &pusher,
        "shop/backend/orders-and-invoices-service",
        "2026.11",
    )
    .await;
    let pull = server.get("/v2/shop/web/manifests/2.1.0");
    ask(pull).await.expect(200);
    vec![
        ("image", newest.image.digest),
        ("signature", signature.expect("two are attached").digest),
    ]
}

async fn make_policies(server: &TestServer) {
    let rules = json!([
        {"tags": "semver:>=2.0.0", "keep": {"always": true}},
        {"repositories": "shop/web", "keep": {"newest_pushed": 2}},
    ]);
    let policy = json!({"rules": rules, "untagged_after_days": 14, "every_hours": 24});
    put(server, "/projects/shop/retention", policy).await;
    post(server, "/projects/shop/retention/runs", json!({})).await;
    until("the end of the run", async || {
        let run = server.get("/api/v1/projects/shop/retention/runs/1");
        !ask(run).await.expect(200).json()["finished_at"].is_null()
    })
    .await;
    let rule = json!({"repositories": "shop/web", "tags": "regex:2\\.[0-9]+\\.[0-9]+"});
    post(server, "/projects/shop/immutable-tags", rule).await;
    // Of which little is left.
    let quota = ask(server.get("/api/v1/projects/shop/quota")).await;
    let used = quota.expect(200).json()["used_bytes"].as_u64();
    let quota = json!({"quota_bytes": used.expect("a number") + 500_000});
    put(server, "/projects/shop/quota", quota).await;
}

/// One upstream that gives, and one that can not be reached.
async fn make_caches(server: &TestServer, hub: &TestServer) {
    push_web(hub, "library/nginx", "1.29").await;
    let upstream = json!({"name": "hub", "registry": "docker.io", "url": hub.url(""),
        "username": ADMIN, "password": ADMIN_PASSWORD, "allow": ["library/**"], "warm": ["library/nginx:1.29"]});
    post(server, "/upstreams", upstream).await;
    let away = json!({"name": "ghcr", "registry": "ghcr.io", "url": "http://127.0.0.1:1"});
    post(server, "/upstreams", away).await;
    let group = json!({"name": "all", "members": ["shop", "hub"], "push": "shop"});
    post(server, "/groups", group).await;
    for (path, status) in [
        ("/v2/hub/library/nginx/manifests/1.29", 200),
        ("/v2/ghcr/example/app/manifests/latest", 502),
    ] {
        ask(server.get(path)).await.expect(status);
    }
    // What is fetched ahead comes behind the answer, and its size is shown.
    let nginx = "/api/v1/repositories/hub%2Flibrary%2Fnginx";
    until("the image that is fetched ahead", async || {
        let shown = ask(server.get(nginx)).await.json();
        let all = ask(hub.get("/api/v1/repositories/library%2Fnginx")).await;
        shown["size_bytes"] == all.json()["size_bytes"]
    })
    .await;
}

async fn delete_some(server: &TestServer) {
    delete(server, "/repositories/shop%2Fweb/tags/2.1.0-rc.1").await;
    delete(server, "/repositories/shop%2Fcharts").await;
    push_artifact(
        server,
        "shop/charts",
        "application/vnd.cncf.helm.config.v1+json",
        Ok("1.0.0"),
    )
    .await;
}
