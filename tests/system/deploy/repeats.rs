//! However often and at whatever moment something comes, the last digest is deployed, once.

use serde_json::json;

use super::{alone, published};
use crate::support::deploy::{DeployServer, Deployment, Engine, OwnEngine, Project, Side, Version};
use crate::support::until;

async fn running(server: &DeployServer) -> Project {
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("repeats");
    let more = json!({"restart": "always"});
    project.up(&published(server, &project, &more));
    project
}

async fn quiet(seconds: u64) -> Option<DeployServer> {
    let engine = Engine::shared()?;
    let server = DeployServer::on(&engine);
    let server = server.env("BERTH_DEPLOY__QUIET_SECONDS", seconds);
    Some(server.start().await)
}

/// The one deployment of a stack that was not superseded before it began, once all have ended.
async fn only(server: &DeployServer, stack: &str) -> Deployment {
    let mut found = Vec::new();
    until("an end of all deployments", async || {
        found = server.deployments(stack).await;
        !found.is_empty() && found.iter().all(Deployment::has_ended)
    })
    .await;
    found.retain(|deployment| deployment.state() != "superseded");
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// That so many events of a service's tag have been decided on.
async fn decided(server: &DeployServer, stack: &str, count: usize) {
    until("the decisions", async || {
        server.decisions(stack, "web").await.len() >= count
    })
    .await;
}

#[tokio::test]
async fn the_same_digest_pushed_fourteen_times_is_deployed_once() {
    let Some(server) = quiet(0).await else { return };
    let project = running(&server).await;
    let version = Version::new("2");
    for _ in 0..14 {
        server.push("shop/web:live", &version).await;
    }
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    server.push("shop/web:live", &version).await;
    // What comes after it is decided on after it.
    server.push("shop/web:live", &Version::new("3")).await;
    let deployment = server.ended(&project.name, 2).await;
    deployment.expect("succeeded");
    assert_eq!(project.one("web").image(), Version::new("3").id());
}

#[tokio::test]
async fn three_pushes_of_one_tag_in_a_row_are_one_deployment_of_the_last() {
    let Some(server) = quiet(2).await else { return };
    let project = running(&server).await;
    let mut last = String::new();
    for number in 2..=4 {
        let version = Version::new(&number.to_string());
        last = server.push("shop/web:live", &version).await;
    }
    decided(&server, &project.name, 3).await;
    let deployment = only(&server, &project.name).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.to_digest("web"), last);
    assert_eq!(project.one("web").image(), Version::new("4").id());
}

#[tokio::test]
async fn what_is_pushed_while_a_deployment_runs_is_deployed_after_it() {
    let Some(server) = quiet(0).await else { return };
    let project = running(&server).await;
    let open = server
        .front
        .hold(|asked| asked.is("POST", "/images/create"));
    server.push("shop/web:live", &Version::new("2")).await;
    server.in_state(&project.name, "pulling").await;
    let last = server.push("shop/web:live", &Version::new("3")).await;
    open.send_replace(true);
    let deployment = server.ended(&project.name, 2).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.to_digest("web"), last);
    assert_eq!(project.one("web").image(), Version::new("3").id());
    project.assert_tidy(&[("web", 1)]);
}

#[tokio::test]
async fn a_worker_that_is_killed_after_claiming_deploys_once_when_it_is_back() {
    let Some(mut server) = quiet(0).await else {
        return;
    };
    let project = running(&server).await;
    server.front.kill_at(server.pid(), 1, Side::Before);
    let version = Version::new("2");
    let digest = server.push("shop/web:live", &version).await;
    until("a kill", async || server.front.has_killed()).await;
    server.front.disarm();
    server.server.wait();
    let server = server.restart().await;
    let deployment = only(&server, &project.name).await;
    deployment.expect("succeeded");
    assert_eq!(deployment.to_digest("web"), digest);
    assert_eq!(project.one("web").image(), version.id());
    project.assert_tidy(&[("web", 1)]);
}

#[tokio::test]
async fn what_was_pushed_while_nobody_worked_is_deployed_at_the_start() {
    let Some(server) = quiet(60).await else {
        return;
    };
    let project = running(&server).await;
    let version = Version::new("2");
    let digest = server.push("shop/web:live", &version).await;
    decided(&server, &project.name, 1).await;
    let server = server.restart().await;
    let waiting = server.in_state(&project.name, "queued").await;
    assert_eq!(waiting.to_digest("web"), digest);
    assert_eq!(server.deployments(&project.name).await.len(), 1);
}

/// An operator's restart stops the containers; a crash leaves them to the next start.
#[tokio::test]
async fn an_engine_that_restarts_in_the_middle_gets_the_last_digest_once() {
    for end in [OwnEngine::stop, OwnEngine::kill] {
        let Some(mut own) = OwnEngine::start().await else {
            return;
        };
        let server = DeployServer::on(&own.engine).start().await;
        let project = running(&server).await;
        let open = server.front.hold(|asked| asked.is("POST", "/start"));
        let version = Version::new("2");
        let digest = server.push("shop/web:live", &version).await;
        server.in_state(&project.name, "replacing").await;
        end(&mut own);
        open.send_replace(true);
        own.start_again().await;
        let deployment = only(&server, &project.name).await;
        deployment.expect("succeeded");
        assert_eq!(deployment.to_digest("web"), digest);
        assert_eq!(project.one("web").image(), version.id());
        project.assert_tidy(&[("web", 1)]);
    }
}

#[tokio::test]
async fn an_engine_that_is_away_is_waited_for() {
    let Some(server) = quiet(0).await else { return };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("away");
    project.up(&alone(&server, &json!({})));
    server.front.go_away();
    let version = Version::new("2");
    server.push("shop/web:live", &version).await;
    until("a target that is not reached", async || {
        let targets = server
            .get("/api/v1/targets")
            .send()
            .await
            .expect("an answer");
        let targets: serde_json::Value = targets.json().await.expect("JSON");
        let local = targets["items"][0].clone();
        local["reachable"] == false && local["trouble"].is_string()
    })
    .await;
    server.front.come_back();
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    assert_eq!(project.one("web").image(), version.id());
}
