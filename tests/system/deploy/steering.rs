//! People decide when what they want: they hold, pin, approve, roll back, and deploy by hand.

use serde_json::{Value, json};

use super::{bring_up, running};
use crate::support::ask;
use crate::support::deploy::{DeployServer, Deployment, Engine, Project, Version};

async fn post(server: &DeployServer, id: u64, what: &str) -> Value {
    let path = format!("/api/v1/deployments/{id}/{what}");
    let answer = ask(server.post(&path)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

async fn stack(server: &DeployServer, project: &Project) -> Value {
    let list = ask(server.get("/api/v1/targets/local/stacks")).await;
    let list = list.expect(200).json();
    let items = list["items"].as_array().expect("a list");
    let found = items.iter().find(|it| it["stack"] == project.name);
    found.expect("the stack").clone()
}

#[tokio::test]
async fn a_stack_is_shown_with_what_it_runs_and_why_it_would_not_be_deployed() {
    let Some((server, project)) = running(&json!({"deploy": {"replicas": 2}})).await else {
        return;
    };
    let shown = stack(&server, &project).await;
    assert_eq!(shown["held"], Value::Null, "{shown:#}");
    let web = &shown["services"][0];
    assert_eq!(web["service"], "web", "{shown:#}");
    assert_eq!(web["image"], server.image("shop/web:live"));
    assert_eq!(web["digest"], Version::new("1").image().manifest.digest);
    assert_eq!(web["deploys"], true);
    assert_eq!(web["replicas"], 2);
    assert_eq!(web["running"], 2);
    let targets = ask(server.get("/api/v1/targets")).await.expect(200).json();
    let local = &targets["items"][0];
    assert_eq!(local["name"], "local", "{targets:#}");
    assert_eq!(local["kind"], "docker", "{targets:#}");
    assert_eq!(local["reachable"], true, "{targets:#}");
}

#[tokio::test]
async fn after_a_release_the_next_push_is_deployed() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let hold = format!("/api/v1/targets/local/stacks/{}/hold", project.name);
    let answer = ask(server.put(&hold).json(&json!({"reason": "a freeze"}))).await;
    assert!(answer.status.is_success(), "{answer:?}");
    let held = &stack(&server, &project).await["held"];
    assert_eq!(
        (&held["by"], &held["reason"]),
        (&"admin".into(), &"a freeze".into())
    );
    server.push("shop/web:live", &Version::new("2")).await;
    server.decided(&project.name, "web", "held").await;
    assert!(server.deployments(&project.name).await.is_empty());

    let answer = ask(server.delete(&hold)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    server.push("shop/web:live", &Version::new("3")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(project.one("web").image(), Version::new("3").id());
}

#[tokio::test]
async fn a_rollback_brings_back_what_ran_before_a_deployment_and_it_stays() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    for (count, name) in [(1, "2"), (2, "3")] {
        server.push("shop/web:live", &Version::new(name)).await;
        server.ended(&project.name, count).await.expect("succeeded");
    }
    // Back to before the first one, past the second.
    let first = server.deployments(&project.name).await[1].id();
    let rollback = Deployment(post(&server, first, "rollback").await);
    assert_eq!(rollback.0["cause"], "rollback", "{rollback:?}");
    assert_eq!(rollback.0["rolls_back"], first, "{rollback:?}");
    assert_eq!(rollback.0["requested_by"], "admin", "{rollback:?}");
    let ended = server.ended(&project.name, 3).await;
    ended.expect("succeeded");
    assert_eq!(project.one("web").image(), Version::new("1").id());
    project.assert_tidy(&[("web", 1)]);
    project.assert_up_changes_nothing();

    // What the tag names comes back only by a push of something else.
    server.push("shop/web:live", &Version::new("4")).await;
    server.ended(&project.name, 4).await.expect("succeeded");
    assert_eq!(project.one("web").image(), Version::new("4").id());
}

#[tokio::test]
async fn somebody_deploys_by_hand_what_a_push_would_not() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let hold = format!("/api/v1/targets/local/stacks/{}/hold", project.name);
    ask(server.put(&hold).json(&json!({"reason": "a freeze"}))).await;
    let digest = server.push("shop/web:live", &Version::new("2")).await;
    server.decided(&project.name, "web", "held").await;
    server.run(&project.name, None).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.to_digest("web"), digest);
    assert_eq!(deployment.0["requested_by"], "admin");

    let first = Version::new("1").image().manifest.digest;
    let services = json!({"web": first});
    server.run(&project.name, Some(services)).await;
    server.ended(&project.name, 2).await.expect("succeeded");
    assert_eq!(project.one("web").image(), Version::new("1").id());
}

#[tokio::test]
async fn a_pin_keeps_a_service_where_it_is_until_it_is_taken_away() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let pin = format!(
        "/api/v1/targets/local/stacks/{}/services/web/pin",
        project.name
    );
    let digest = Version::new("1").image().manifest.digest;
    let answer = ask(server.put(&pin).json(&json!({"digest": digest}))).await;
    assert!(answer.status.is_success(), "{answer:?}");
    assert_eq!(
        stack(&server, &project).await["services"][0]["pinned"],
        digest
    );
    server.push("shop/web:live", &Version::new("2")).await;
    server.decided(&project.name, "web", "pinned").await;
    let answer = ask(server.delete(&pin)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    server.push("shop/web:live", &Version::new("3")).await;
    server.ended(&project.name, 1).await.expect("succeeded");
    assert_eq!(project.one("web").image(), Version::new("3").id());
}

#[tokio::test]
async fn a_deployment_that_has_not_begun_can_be_cancelled() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let server = DeployServer::on(&engine)
        .env("BERTH_DEPLOY__QUIET_SECONDS", 60)
        .start()
        .await;
    let project = bring_up(&server, &json!({})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    let queued = server.in_state(&project.name, "queued").await;
    post(&server, queued.id(), "cancel").await;
    let ended = server.ended(&project.name, 1).await;
    ended.expect("cancelled");
    let again = format!("/api/v1/deployments/{}/cancel", queued.id());
    ask(server.post(&again)).await.expect(409);
    assert_eq!(project.one("web").image(), Version::new("1").id());
}

#[tokio::test]
async fn approval_by_another_is_not_given_by_who_pushed() {
    let more = json!({"labels": {"berth.deploy.approval": "other"}});
    let Some((server, project)) = running(&more).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    let waiting = server.in_state(&project.name, "waiting").await;
    let path = format!("/api/v1/deployments/{}/approve", waiting.id());
    let refused = ask(server.post(&path)).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
    let actions = ["pull", "deploy.approve"];
    let robot = crate::support::create_robot(&server, "shop", "boss", &actions).await;
    let boss = server.user(&robot.name, &robot.secret);
    let approved = ask(boss.post(&path)).await;
    assert!(approved.status.is_success(), "{approved:?}");
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.0["approved_by"], robot.name);
}
