//! What is run before and after a deployment, in one-shot containers of the new image.

use serde_json::{Value, json};

use super::service;
use crate::support::deploy::{Asked, DeployServer, Project, Version};
use crate::support::until;

/// A project whose `db` tells what it was asked for, and whose `web` has these hooks.
async fn running(server: &DeployServer, hooks: &Value) -> Project {
    server.push("shop/web:live", &Version::new("1")).await;
    server.push("shop/db:live", &Version::new("db")).await;
    let project = server.project("hooks");
    let web = json!({"labels": hooks, "networks": ["back"]});
    project.up(&json!({
        "services": {
            "web": service(&server.image("shop/web:live"), &web),
            "db": {
                "image": server.image("shop/db:live"),
                "networks": ["back"],
                "stop_grace_period": "1s",
            },
        },
        "networks": {"back": {}},
    }));
    until("the server that is asked", async || {
        let db = project.one("db");
        let log = project.engine.docker.run(&["logs", db.id()]);
        log.contains("version db starts")
    })
    .await;
    project
}

/// How often `db` was asked for a path.
fn asked(project: &Project, path: &str) -> usize {
    let log = project.engine.docker.run(&["logs", project.one("db").id()]);
    let line = format!("asked for {path}");
    log.lines().filter(|it| *it == line).count()
}

#[tokio::test]
async fn before_and_after_run_once_on_the_networks_of_the_stack_in_the_new_image() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let hooks = json!({
        "berth.deploy.before": r#"["app", "ask", "db", "/hook/before"]"#,
        // Compose makes one dollar of two.
        "berth.deploy.after": "app ask db /hook/after/$$VERSION",
    });
    let project = running(&server, &hooks).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(asked(&project, "/hook/before"), 1);
    assert_eq!(asked(&project, "/hook/after/2"), 1);
    let (db, web) = (project.one("db"), project.one("web"));
    let said_at = |text| project.engine.said_at(db.id(), text);
    assert!(said_at("/hook/before") < web.started_at());
    let healthy = project.engine.said_at(web.id(), "is healthy");
    assert!(healthy < said_at("/hook/after"));
    project.assert_tidy(&[("db", 1), ("web", 1)]);
    project.assert_up_changes_nothing();

    let steps = server.steps_of(deployment.id()).await;
    let phases: Vec<_> = steps.iter().map(|step| step["phase"].clone()).collect();
    for phase in ["pull", "before", "replace", "verify", "after"] {
        assert!(phases.contains(&phase.into()), "no {phase} in {phases:?}");
    }
}

#[tokio::test]
async fn a_failing_before_leaves_everything_untouched() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let hooks = json!({"berth.deploy.before": "echo no such column >&2; exit 7"});
    let project = running(&server, &hooks).await;
    let before = project.one("web");
    server.front.forget();
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("failed", "7");
    let after = project.one("web");
    assert_eq!(after.id(), before.id());
    assert_eq!(after.started_at(), before.started_at());
    project.assert_tidy(&[("db", 1), ("web", 1)]);
    let touches_web = |asked: &Asked| asked.path.contains(before.id());
    let changes = server.front.changes();
    assert!(!changes.iter().any(touches_web), "{changes:#?}");
    let log = server.log_of(deployment.id()).await;
    let said = |line: &Value| {
        line["kind"] == "container" && line["text"].to_string().contains("no such column")
    };
    assert!(log.iter().any(said), "{log:#?}");
}

#[tokio::test]
async fn a_failing_after_rolls_back() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let hooks = json!({
        "berth.deploy.order": "stop-first",
        "berth.deploy.after": "app ask db /hook/after; exit 3",
    });
    let project = running(&server, &hooks).await;
    let before = project.one("web");
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("rolled_back", "3");
    assert!(deployment.downtime_ms("web").is_some(), "{deployment:?}");
    assert_eq!(asked(&project, "/hook/after"), 1);
    assert_eq!(project.one("web").id(), before.id());
    project.assert_tidy(&[("db", 1), ("web", 1)]);
    project.assert_up_changes_nothing();
}
