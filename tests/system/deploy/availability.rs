//! What a client sees that resolves the name for each request, opens a new connection, and tries
//! each address.

use serde_json::{Value, json};

use super::service;
use crate::support::deploy::{Counter, DeployServer, Project, Report, Version};

const DEPLOYMENTS: usize = 5;

async fn running(server: &DeployServer, order: &str, first: &Version) -> Project {
    server.push("shop/web:live", first).await;
    let project = server.project("counts");
    let more = json!({
        "labels": {"berth.deploy.order": order},
        "networks": {"front": {"aliases": ["shop"]}},
        "stop_grace_period": "10s",
    });
    let web = service(&server.image("shop/web:live"), &more);
    project.up(&json!({"services": {"web": web}, "networks": {"front": {}}}));
    project
}

/// What the client saw of so many deployments.
async fn counted(order: &str, version: impl Fn(&str) -> Version) -> Option<Report> {
    let server = DeployServer::start().await?;
    let project = running(&server, order, &version("0")).await;
    let counter = Counter::start(&project, "front", "shop").await;
    let mut down: Vec<Value> = Vec::new();
    for number in 1..=DEPLOYMENTS {
        let version = version(&number.to_string());
        server.push("shop/web:live", &version).await;
        let deployment = server.ended(&project.name, number).await;
        deployment.expect("succeeded");
        down.push(deployment.service("web")["downtime_ms"].clone());
        assert_eq!(project.one("web").image(), version.id());
    }
    let report = counter.finish();
    println!("{order}, {DEPLOYMENTS} deployments: {report}; downtime_ms stated: {down:?}");
    Some(report)
}

#[tokio::test]
async fn start_first_loses_no_request_of_a_server_that_drains() {
    let Some(report) = counted("start-first", Version::draining).await else {
        return;
    };
    assert_eq!(report.failures, 0, "{report}");
}

/// How many fail depends on the server: no promise is made, and the numbers are for the docs.
#[tokio::test]
async fn start_first_deploys_a_server_that_does_not_drain() {
    let Some(report) = counted("start-first", Version::new).await else {
        return;
    };
    assert!(report.requests > 0, "{report}");
}

#[tokio::test]
async fn stop_first_deploys_a_server_that_drains_and_one_that_does_not() {
    for version in [Version::draining, Version::new] {
        let Some(report) = counted("stop-first", version).await else {
            return;
        };
        assert!(report.requests > 0, "{report}");
    }
}

#[tokio::test]
async fn auto_starts_the_new_one_first_where_nothing_fixed_is_shared() {
    let Some(report) = counted("auto", Version::draining).await else {
        return;
    };
    assert_eq!(report.failures, 0, "{report}");
}
