//! Whoever has to know is told of every outcome, once, however long it is away.

use serde_json::json;

use super::bring_up;
use crate::support::deploy::{DeployServer, Engine, Receiver, SECRET, Version};
use crate::support::until;

async fn telling(receiver: &Receiver) -> Option<DeployServer> {
    let engine = Engine::shared()?;
    let server = DeployServer::on(&engine)
        .env("BERTH_DEPLOY__NOTIFY_URL", &receiver.url)
        .env("BERTH_DEPLOY__NOTIFY_SECRET", SECRET);
    Some(server.start().await)
}

#[tokio::test]
async fn every_outcome_is_told_once_and_signed_after_the_receiver_was_away() {
    let receiver = Receiver::start();
    let Some(server) = telling(&receiver).await else {
        return;
    };
    let project = bring_up(&server, &json!({})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    server.ended(&project.name, 1).await.expect("succeeded");
    until("the first message", async || {
        receiver.types() == ["deployment.succeeded"]
    })
    .await;

    // Away when it is told first, and back before it is told again.
    receiver.go_away();
    let bad = Version::never_healthy("3");
    server.push("shop/web:live", &bad).await;
    until("a message that is lost", async || receiver.missed() >= 1).await;
    receiver.come_back();
    server.ended(&project.name, 2).await.expect("rolled_back");
    server.push("shop/web:live", &Version::new("4")).await;
    server.ended(&project.name, 3).await.expect("succeeded");

    until("all messages", async || receiver.received().len() >= 3).await;
    let mut types = receiver.types();
    types[1..].sort();
    assert_eq!(
        types,
        [
            "deployment.succeeded",
            "deployment.rolled_back",
            "deployment.succeeded"
        ]
    );
    let received = receiver.received();
    let mut ids: Vec<_> = received.iter().map(|it| it["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{received:#?}");
    for message in &received {
        let data = &message["body"]["data"];
        let id = data["id"].as_u64().expect("a number");
        let shown = server.deployment(id).await.0;
        for (name, value) in data.as_object().expect("an object") {
            assert_eq!(value, &shown[name], "{name}");
        }
        let all = ["id", "target", "stack", "state", "reason", "services"];
        assert!(all.iter().all(|&name| data.get(name).is_some()), "{data:#}");
        assert!(message["body"]["timestamp"].is_string(), "{message}");
    }
}

#[tokio::test]
async fn what_was_not_told_before_a_kill_is_told_after_it() {
    let receiver = Receiver::start();
    let Some(server) = telling(&receiver).await else {
        return;
    };
    receiver.go_away();
    let project = bring_up(&server, &json!({})).await;
    server.push("shop/web:live", &Version::new("2")).await;
    server.ended(&project.name, 1).await.expect("succeeded");
    until("a message that is lost", async || receiver.missed() >= 1).await;
    let _server = server.restart().await;
    receiver.come_back();
    until("the message", async || !receiver.received().is_empty()).await;
    assert_eq!(receiver.types(), ["deployment.succeeded"]);
}

#[tokio::test]
async fn what_fails_before_anything_is_touched_is_told_too() {
    let receiver = Receiver::start();
    let Some(server) = telling(&receiver).await else {
        return;
    };
    let project = bring_up(&server, &json!({})).await;
    server.front.refuse(
        |asked| asked.is("POST", "/images/create"),
        "no route to host",
    );
    server.push("shop/web:live", &Version::new("2")).await;
    server.ended(&project.name, 1).await.expect("failed");
    until("the message", async || !receiver.received().is_empty()).await;
    assert_eq!(receiver.types(), ["deployment.failed"]);
    let text = receiver.received()[0]["body"]["data"]["reason"].to_string();
    assert!(text.contains("no route to host"), "{text}");
}
