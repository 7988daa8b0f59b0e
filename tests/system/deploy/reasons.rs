//! Why something that was pushed was not deployed: each reason, as the API and the command line tell
//! it.

use chrono::{TimeDelta, Timelike as _, Utc};
use serde_json::json;

use super::{bring_up, running, service};
use crate::command_line::Account;
use crate::support::deploy::{DeployServer, Engine, Project, Version};
use crate::support::{Caller, ask, create_project, create_user, set_member};

/// That a push was not deployed to `web` for this reason, which the command line tells as well.
async fn assert_not_deployed(server: &DeployServer, project: &Project, reason: &str) -> String {
    let before = project.one("web");
    let text = server.decided(&project.name, "web", reason).await;
    let decision = server.decisions(&project.name, "web").await.remove(0);
    assert_eq!(decision["outcome"], "not_deployed", "{decision:#}");
    let account = Account::admin(server);
    let printed = account.run(&["deploy", "why", "local", &project.name, "web"]);
    assert!(printed.contains(&text), "no {text:?} in:\n{printed}");
    assert!(printed.contains("not deployed"), "{printed}");
    assert_eq!(project.one("web").id(), before.id());
    text
}

async fn change(caller: &Caller, project: &Project, thing: &str, body: serde_json::Value) {
    let path = format!("/api/v1/targets/local/stacks/{}/{thing}", project.name);
    let answer = ask(caller.put(&path).json(&body)).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

#[tokio::test]
async fn a_service_without_a_label_is_not_deployed() {
    for label in [None, Some("false")] {
        let Some(server) = DeployServer::start().await else {
            return;
        };
        server.push("shop/web:live", &Version::new("1")).await;
        let project = server.project("stack");
        let mut file = super::alone(&server, &json!({}));
        let labels = &mut file["services"]["web"]["labels"];
        *labels = label.map_or(json!({}), |label| json!({"berth.deploy": label}));
        project.up(&file);
        server.push("shop/web:live", &Version::new("2")).await;
        assert_not_deployed(&server, &project, "no_label").await;
    }
}

#[tokio::test]
async fn a_rule_opts_in_what_carries_no_label() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("stack");
    let mut file = super::alone(&server, &json!({}));
    file["services"]["web"]["labels"] = json!({});
    project.up(&file);
    let rule = json!({
        "target": "local",
        "stack": project.name,
        "service": "web",
        "labels": {"berth.deploy": "true", "berth.deploy.order": "stop-first"},
    });
    let rule = ask(server.post("/api/v1/deploy-rules").json(&rule)).await;
    let rule = rule.expect(201).json();
    server.push("shop/web:live", &Version::new("2")).await;
    server.ended(&project.name, 1).await.expect("succeeded");
    project.assert_up_changes_nothing();

    let path = format!("/api/v1/deploy-rules/{}", rule["id"]);
    ask(server.delete(&path)).await.expect(204);
    server.push("shop/web:live", &Version::new("3")).await;
    assert_not_deployed(&server, &project, "no_label").await;
}

#[tokio::test]
async fn a_tag_that_only_a_pattern_matches_is_answered_with_the_tag_of_the_file() {
    let more = json!({"labels": {"berth.deploy.policy": "glob:v*"}});
    let Some((server, project)) = running(&more).await else {
        return;
    };
    server.push("shop/web:v2", &Version::new("2")).await;
    let text = assert_not_deployed(&server, &project, "another_tag").await;
    assert!(
        text.contains("the compose file names another tag"),
        "{text}"
    );
}

#[tokio::test]
async fn a_tag_that_the_service_does_not_use_is_not_deployed() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.push("shop/web:other", &Version::new("2")).await;
    let text = assert_not_deployed(&server, &project, "another_tag").await;
    assert!(text.contains("live"), "{text}");
}

#[tokio::test]
async fn an_image_of_another_host_is_not_deployed_and_the_answer_says_what_would_help() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("stack");
    let docker = &project.engine.docker;
    let (here, elsewhere) = (
        server.image("shop/web:live"),
        format!("{}.example.com/shop/web:live", project.name),
    );
    docker.run(&["pull", "--quiet", &here]);
    docker.run(&["tag", &here, &elsewhere]);
    let _remove = docker.finally(&["image", "rm", "--force", &elsewhere]);
    project.up(&json!({"services": {"web": service(&elsewhere, &json!({}))}}));
    server.push("shop/web:live", &Version::new("2")).await;
    let text = assert_not_deployed(&server, &project, "no_match").await;
    assert!(
        text.contains("example.com") && text.contains("aliases"),
        "{text}"
    );
}

#[tokio::test]
async fn a_stack_that_is_held_is_not_deployed_until_it_is_released() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    change(&server, &project, "hold", json!({"reason": "fair week"})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let text = assert_not_deployed(&server, &project, "held").await;
    assert!(text.contains("fair week"), "{text}");
}

#[tokio::test]
async fn a_service_that_is_pinned_is_not_deployed() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let digest = Version::new("1").image().manifest.digest;
    let pin = json!({"digest": digest});
    change(&server, &project, "services/web/pin", pin).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let text = assert_not_deployed(&server, &project, "pinned").await;
    assert!(text.contains(&digest[..19]), "{text}");
}

#[tokio::test]
async fn a_digest_that_has_failed_is_not_tried_again_unless_somebody_asks() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let bad = Version::never_healthy("2");
    let digest = server.push("shop/web:live", &bad).await;
    server.ended(&project.name, 1).await.expect("rolled_back");
    server.push("shop/web:live", &Version::new("1")).await;
    server
        .decided(&project.name, "web", "already_running")
        .await;
    server.push("shop/web:live", &bad).await;
    assert_not_deployed(&server, &project, "quarantined").await;

    server
        .run(&project.name, Some(json!({"web": digest})))
        .await;
    server.ended(&project.name, 2).await.expect("rolled_back");
}

#[tokio::test]
async fn what_is_pushed_outside_of_its_window_waits_for_it() {
    let (from, to) = (
        Utc::now() + TimeDelta::hours(2),
        Utc::now() + TimeDelta::hours(4),
    );
    let window = format!("{:02}:00-{:02}:00", from.hour(), to.hour());
    let more = json!({"labels": {"berth.deploy.window": format!("Mon-Sun {window}")}});
    let Some((server, project)) = running(&more).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    let text = server.decided(&project.name, "web", "window").await;
    assert!(text.contains(&window), "{text}");
    let waiting = server.in_state(&project.name, "waiting").await;
    let cancel = format!("/api/v1/deployments/{}/cancel", waiting.id());
    let answer = ask(server.post(&cancel)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    server.ended(&project.name, 1).await.expect("cancelled");

    // One that is open now.
    let (from, to) = (
        Utc::now() - TimeDelta::hours(2),
        Utc::now() + TimeDelta::hours(2),
    );
    let window = format!("{:02}:00-{:02}:00", from.hour(), to.hour());
    let more = json!({"labels": {"berth.deploy.window": format!("Mon-Sun {window} UTC")}});
    project.up(&super::alone(&server, &more));
    server.push("shop/web:live", &Version::new("3")).await;
    server.ended(&project.name, 2).await.expect("succeeded");
}

#[tokio::test]
async fn what_needs_approval_waits_for_it() {
    let more = json!({"labels": {"berth.deploy.approval": "true"}});
    let Some((server, project)) = running(&more).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    server.decided(&project.name, "web", "approval").await;
    let waiting = server.in_state(&project.name, "waiting").await;
    assert_eq!(project.one("web").image(), Version::new("1").id());
    let approve = format!("/api/v1/deployments/{}/approve", waiting.id());
    let answer = ask(server.post(&approve)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.0["approved_by"], "admin");
}

#[tokio::test]
async fn only_those_whom_a_target_names_deploy_there_by_a_push() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let server = DeployServer::on(&engine);
    let server = server.triggers("ann,shop+ci").start().await;
    create_project(&server, "shop").await;
    let ann = create_user(&server, "ann", "correct horse battery").await;
    set_member(&server, "shop", "ann", &["writer"]).await;
    let project = bring_up(&server, &json!({})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let text = assert_not_deployed(&server, &project, "no_rights").await;
    assert!(text.contains("admin"), "{text}");

    let ann = server.user(&ann.name, &ann.secret);
    Version::new("3").push(&ann, "shop/web", "live").await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.service("web")["pushed_by"], "ann");
}

#[tokio::test]
async fn a_label_that_says_nothing_sensible_is_answered_with_what_would() {
    for (label, value, right) in [
        ("berth.deploy.order", "sideways", "start-first"),
        ("berth.deploy.monitor", "soon", "30s"),
        ("berth.deploy.policy", "semver:newest", "semver"),
        ("berth.deploy.window", "Mon-Fry 20:00-23:00", "Fri"),
        ("berth.deploy.parallelism", "0", "1"),
    ] {
        let more = json!({"labels": {label: value}});
        let Some((server, project)) = running(&more).await else {
            return;
        };
        server.push("shop/web:live", &Version::new("2")).await;
        let text = assert_not_deployed(&server, &project, "bad_label").await;
        for part in [label, value, right] {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
}

#[tokio::test]
async fn a_service_that_was_stopped_stays_stopped() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    project.compose(&["stop", "web"]);
    server.push("shop/web:live", &Version::new("2")).await;
    assert_not_deployed(&server, &project, "stopped").await;
    assert!(!project.one("web").runs());
}

#[tokio::test]
async fn a_push_of_what_the_tag_names_already_deploys_nothing() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    assert_not_deployed(&server, &project, "unchanged").await;
    assert_eq!(server.deployments(&project.name).await.len(), 0);
}
