//! Images that are pushed together are deployed together, in the order in which services depend on
//! each other.

use serde_json::json;

use super::service;
use crate::support::deploy::{DeployServer, Engine, Version};

#[tokio::test]
async fn three_services_pushed_at_once_are_one_deployment_in_dependency_order() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let server = DeployServer::on(&engine)
        .env("BERTH_DEPLOY__QUIET_SECONDS", 2)
        .start()
        .await;
    let names = ["web", "api", "db"];
    for name in names {
        let image = format!("shop/{name}:live");
        server.push(&image, &Version::new("1")).await;
    }
    let project = server.project("order");
    let patient = json!({"healthcheck": {"retries": 30}});
    let db = service(&server.image("shop/db:live"), &patient);
    let mut api = service(&server.image("shop/api:live"), &patient);
    api["depends_on"] = json!({"db": {"condition": "service_healthy"}});
    let mut web = service(&server.image("shop/web:live"), &patient);
    web["depends_on"] = json!(["api"]);
    project.up(&json!({"services": {"db": db, "api": api, "web": web}}));

    for name in names {
        let image = format!("shop/{name}:live");
        let version = Version::new("2").healthy_after_ms(1500);
        server.push(&image, &version).await;
    }
    let deployment = server.ended(&project.name, 1).await;
    deployment.expect("succeeded");
    let services = deployment.0["services"].as_array().expect("a list");
    assert_eq!(services.len(), 3, "{deployment:?}");

    let [web, api, db] = names.map(|name| project.one(name));
    let healthy = project.engine.said_at(db.id(), "version 2 is healthy");
    assert!(db.started_at() < healthy);
    assert!(healthy <= api.started_at(), "api did not wait for db");
    assert!(api.started_at() < web.started_at(), "web was first");
    project.assert_tidy(&[("api", 1), ("db", 1), ("web", 1)]);
    project.assert_up_changes_nothing();
}

#[tokio::test]
async fn replicas_are_replaced_one_after_another_or_as_many_at_once_as_the_label_allows() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("replicas");
    let more = |parallelism: &str| {
        let labels = json!({
            "berth.deploy.order": "stop-first",
            "berth.deploy.parallelism": parallelism,
        });
        json!({"labels": labels, "deploy": {"replicas": 3}})
    };
    for (count, parallelism) in [(1, "1"), (2, "3")] {
        project.up(&super::alone(&server, &more(parallelism)));
        let version = Version::new(&format!("{parallelism} at once")).healthy_after_ms(500);
        server.push("shop/web:live", &version).await;
        server.ended(&project.name, count).await.expect("succeeded");
        let replicas = project.service("web");
        let mut spans: Vec<_> = replicas
            .iter()
            .map(|replica| {
                let healthy = project.engine.said_at(replica.id(), "is healthy");
                (replica.started_at(), healthy)
            })
            .collect();
        spans.sort();
        let overlap = spans.windows(2).any(|pair| pair[1].0 < pair[0].1);
        assert_eq!(overlap, parallelism == "3", "{spans:?}");
        project.assert_tidy(&[("web", 3)]);
    }
}
