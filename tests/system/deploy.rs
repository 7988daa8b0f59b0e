//! A pushed tag redeploys the services of Docker Compose that use it: a real engine, real Compose.

use serde_json::{Value, json};

use crate::support::Caller;
use crate::support::deploy::{DeployServer, Project, Version};

mod availability;
mod berth_itself;
mod carried;
mod command_line;
mod compose;
mod events;
mod failures;
mod harness;
mod hooks;
mod kills;
mod notifications;
mod order;
mod plans;
mod reasons;
mod recipe;
mod repeats;
mod rights;
mod secrets;
mod steering;

/// A service that opts in and is checked, with more of its definition.
fn service(image: &str, more: &Value) -> Value {
    let mut service = json!({
        "image": image,
        "labels": {"berth.deploy": "true"},
        "stop_grace_period": "1s",
        "healthcheck": {
            "test": ["CMD", "app", "ask", "127.0.0.1", "/health"],
            "interval": "300ms",
            "timeout": "5s",
            "retries": 3,
        },
    });
    merge(&mut service, more);
    service
}

/// The same that only has to run for a while.
fn unchecked(image: &str, more: &Value) -> Value {
    let mut service = service(image, more);
    service["healthcheck"] = json!({"disable": true});
    service
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

/// What a project's server says at a port, if there is one.
async fn told(caller: &Caller, project: &Project, port: u16) -> Option<String> {
    let answer = caller.anonymous().get(&project.url(port)).send().await;
    answer.ok()?.text().await.ok()
}

/// A file with one service, `web`, that publishes its port 80 on the project's address.
fn published(server: &DeployServer, project: &Project, more: &Value) -> Value {
    let mut web = service(&server.image("shop/web:live"), more);
    web["ports"] = json!([format!("{}:80:80", project.address.ip)]);
    json!({"services": {"web": web}})
}

/// A server with a project of one service, `web`, that runs version 1 of `shop/web:live`.
async fn running(more: &Value) -> Option<(DeployServer, Project)> {
    let server = DeployServer::start().await?;
    let project = bring_up(&server, more).await;
    Some((server, project))
}

async fn bring_up(server: &DeployServer, more: &Value) -> Project {
    server.push("shop/web:live", &Version::new("1")).await;
    let project = server.project("stack");
    project.up(&alone(server, more));
    project
}

/// A file with one service, `web`, that publishes nothing and shares nothing.
fn alone(server: &DeployServer, more: &Value) -> Value {
    let web = service(&server.image("shop/web:live"), more);
    json!({"services": {"web": web}})
}
