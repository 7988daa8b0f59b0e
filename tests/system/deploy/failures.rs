//! However a deployment fails, the old version serves afterwards, and the history says why.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{alone, published, told, unchecked};
use crate::support::deploy::{
    Asked, Container, DeployServer, Deployment, OwnEngine, Project, Thief, Version,
};
use crate::support::{Disk, ask, files, until};

/// A project whose `web` publishes a port, so that the old one has to stop before the new one starts.
async fn running(server: &DeployServer) -> Project {
    let project = server.project("fails");
    server.push("shop/web:live", &Version::new("1")).await;
    project.up(&published(server, &project, &json!({})));
    until("the first version", async || {
        told(server, &project, 80).await.as_deref() == Some("1")
    })
    .await;
    project
}

/// That the first version serves, in the container that it had.
async fn serves_as_before(server: &DeployServer, project: &Project, before: &Container) {
    until("the old version", async || {
        told(server, project, 80).await.as_deref() == Some("1")
    })
    .await;
    project.assert_tidy(&[("web", 1)]);
    assert_eq!(project.one("web").id(), before.id());
    project.assert_up_changes_nothing();
}

fn state_downtime(deployment: &Deployment) {
    let downtime = deployment.downtime_ms("web");
    let downtime = downtime.unwrap_or_else(|| panic!("no downtime is stated: {deployment:?}"));
    println!("{}: {downtime} ms down", deployment.reason());
}

#[tokio::test]
async fn a_version_that_exits_is_rolled_back_and_the_next_one_is_tried() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("exits");
    let mut web = unchecked(&server.image("shop/web:live"), &json!({}));
    web["ports"] = json!([format!("{}:80:80", project.address.ip)]);
    project.up(&json!({"services": {"web": web}}));
    let before = project.one("web");

    server
        .push("shop/web:live", &Version::that_exits("2"))
        .await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("rolled_back", "exit");
    state_downtime(&deployment);
    serves_as_before(&server, &project, &before).await;
    let log = server.log_of(deployment.id()).await;
    let said = |line: &&Value| {
        line["kind"] == "container" && line["text"].to_string().contains("version 2 gives up")
    };
    assert!(log.iter().any(|line| said(&line)), "{log:#?}");

    server.push("shop/web:live", &Version::new("3")).await;
    server.ended(&project.name, 2).await.expect("succeeded");
    assert_eq!(told(&server, &project, 80).await.as_deref(), Some("3"));
    project.assert_tidy(&[("web", 1)]);
}

#[tokio::test]
async fn a_version_that_never_becomes_healthy_is_rolled_back() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = running(&server).await;
    let before = project.one("web");
    server
        .push("shop/web:live", &Version::never_healthy("2"))
        .await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("rolled_back", "health");
    state_downtime(&deployment);
    serves_as_before(&server, &project, &before).await;
}

#[tokio::test]
async fn a_version_that_is_not_healthy_in_time_is_rolled_back() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = server.project("slow");
    server.push("shop/web:live", &Version::new("1")).await;
    let more = json!({
        "labels": {"berth.deploy.timeout": "3s"},
        "healthcheck": {"start_period": "60s"},
    });
    project.up(&published(&server, &project, &more));
    let before = project.one("web");
    server
        .push("shop/web:live", &Version::never_healthy("2"))
        .await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("rolled_back", "3 s");
    serves_as_before(&server, &project, &before).await;
}

#[tokio::test]
async fn an_image_that_can_not_be_pulled_touches_nothing() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = running(&server).await;
    let before = project.one("web");
    server.front.refuse(
        |asked| asked.is("POST", "/images/create"),
        "no route to host",
    );
    server.front.forget();
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("failed", "no route to host");
    serves_as_before(&server, &project, &before).await;
    assert_eq!(project.one("web").started_at(), before.started_at());
    let touched = |asked: &Asked| asked.changes_something() && asked.path.contains("/containers/");
    let changes = server.front.changes();
    assert!(!changes.iter().any(touched), "{changes:#?}");
}

#[tokio::test]
async fn a_version_that_is_gone_when_it_is_pulled_touches_nothing() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = running(&server).await;
    let before = project.one("web");
    let open = server
        .front
        .hold(|asked| asked.is("POST", "/images/create"));
    let digest = server.push("shop/web:live", &Version::new("2")).await;
    server.in_state(&project.name, "pulling").await;
    // Nobody can delete it; but disks fail.
    let manifest = format!("/v2/shop/web/manifests/{digest}");
    let refused = ask(server.delete(&manifest)).await;
    let message = refused.expect_error(409, "DENIED").to_string();
    assert!(message.contains("deployment 1 brings it"), "{message}");
    for object in files(&server.data_dir().join("store/blobs")) {
        fs::remove_file(object).expect("an object");
    }
    open.send_replace(true);
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("failed", "unknown");
    serves_as_before(&server, &project, &before).await;
    assert_eq!(project.one("web").started_at(), before.started_at());
}

/// Nothing is pulled that nobody can pull any more.
#[tokio::test]
async fn a_version_whose_tag_is_deleted_before_its_deployment_begins_is_not_deployed() {
    let Some(engine) = crate::support::deploy::Engine::shared() else {
        return;
    };
    let server = DeployServer::on(&engine)
        .env("BERTH_DEPLOY__QUIET_SECONDS", 2)
        .start()
        .await;
    let project = running(&server).await;
    let before = project.one("web");
    server.push("shop/web:live", &Version::new("2")).await;
    server.in_state(&project.name, "queued").await;
    ask(server.delete("/v2/shop/web/manifests/live"))
        .await
        .expect(202);
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("superseded", "the tag has moved on");
    serves_as_before(&server, &project, &before).await;
    assert_eq!(project.one("web").started_at(), before.started_at());
}

#[tokio::test]
async fn a_port_that_somebody_takes_in_between_does_not_keep_the_old_version_from_serving() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    let project = running(&server).await;
    let before = project.one("web");
    let port = SocketAddr::from((project.address.ip, 80));
    let mut thief = Thief::lie_in_wait(port);
    server.push("shop/web:live", &Version::new("2")).await;
    until("a start that fails", async || {
        let changes = server.front.changes();
        changes
            .iter()
            .any(|asked| asked.is("POST", "/start") && asked.status == Some(500))
    })
    .await;
    assert!(thief.has_it());
    thief.let_go();
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("rolled_back", "already in use");
    state_downtime(&deployment);
    serves_as_before(&server, &project, &before).await;
}

#[tokio::test]
async fn a_full_disk_on_pull_touches_nothing_and_there_is_room_for_the_next_version() {
    let Some(disk) = Disk::mount(64) else { return };
    let Some(own) = OwnEngine::start_on(disk.folder()).await else {
        return;
    };
    let server = DeployServer::on(&own.engine).start().await;
    let project = running(&server).await;
    let before = project.one("web");
    let large = Version::new("2").larger(96 * 1024 * 1024);
    server.push("shop/web:live", &large).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("failed", "no space left on device");
    serves_as_before(&server, &project, &before).await;
    assert_eq!(project.one("web").started_at(), before.started_at());

    server.push("shop/web:live", &Version::new("3")).await;
    server.ended(&project.name, 2).await.expect("succeeded");
    drop(project);
    drop(server);
    drop(own);
    assert_eq!(Arc::strong_count(&disk.folder()), 2);
}

#[tokio::test]
async fn a_service_that_wants_no_rollback_is_left_as_it_is_and_the_next_version_clears_up() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("forward");
    let labels = json!({"berth.deploy.rollback": "false", "berth.deploy.order": "stop-first"});
    project.up(&alone(&server, &json!({"labels": labels})));
    let second = Version::never_healthy("2");
    server.push("shop/web:live", &second).await;
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect_because("rollback_failed", "berth.deploy.rollback");
    let name = format!("{}-web-1", project.name);
    let new = project.engine.container(&name).expect("the new one");
    assert_eq!(new.image(), second.id());
    assert!(new.runs());

    let third = Version::new("3");
    server.push("shop/web:live", &third).await;
    server.ended(&project.name, 2).await.expect("succeeded");
    project.assert_tidy(&[("web", 1)]);
    assert_eq!(project.one("web").image(), third.id());
}
