//! A plan says what then happens, and changes nothing.

use serde_json::{Value, json};

use super::{published, running, service};
use crate::command_line::Account;
use crate::support::ask;
use crate::support::deploy::{DeployServer, Version};

/// What of a step does not depend on when it is taken.
fn lines(steps: &[Value]) -> Vec<String> {
    let line = |step: &Value| {
        let service = step["service"].as_str().unwrap_or("-");
        format!("{} {service}: {}", step["phase"], step["line"])
    };
    steps.iter().map(line).collect()
}

#[tokio::test]
async fn a_plan_is_what_then_happens() {
    let Some(server) = DeployServer::start().await else {
        return;
    };
    for name in ["web", "db"] {
        let image = format!("shop/{name}:live");
        server.push(&image, &Version::new("1")).await;
    }
    let project = server.project("plans");
    let mut file = published(&server, &project, &json!({"depends_on": ["db"]}));
    let labels = json!({
        "deploy": {"replicas": 2},
        "labels": {"berth.deploy.before": "true", "berth.deploy.after": "true"},
    });
    file["services"]["db"] = service(&server.image("shop/db:live"), &labels);
    project.up(&file);
    let stack = project.name.clone();
    // A hold, so that the plan can be asked for before it happens.
    let hold = format!("/api/v1/targets/local/stacks/{stack}/hold");
    ask(server.put(&hold).json(&json!({"reason": "a look first"}))).await;
    let web = server.push("shop/web:live", &Version::new("2")).await;
    let db = server.push("shop/db:live", &Version::new("2")).await;

    server.front.forget();
    let body = json!({"target": "local", "stack": stack});
    let post = server.post("/api/v1/deployments/plan").json(&body);
    let plan = ask(post).await.expect(200).json();
    let planned = lines(plan["steps"].as_array().expect("a list"));
    assert!(!planned.is_empty(), "{plan:#}");
    let account = Account::admin(&server);
    let printed = account.run(&["deploy", "plan", "local", &stack]);
    for step in plan["steps"].as_array().expect("a list") {
        let line = step["line"].as_str().expect("a text");
        assert!(printed.contains(line), "no {line:?} in:\n{printed}");
    }
    let changes = server.front.changes();
    assert_eq!(changes, [], "a plan changes nothing");

    let deployment = server.run(&stack, None).await;
    let deployment = {
        assert_eq!(deployment.0["cause"], "hand");
        server.ended(&stack, 1).await
    };
    deployment.expect("succeeded");
    assert_eq!(deployment.to_digest("web"), web);
    assert_eq!(deployment.to_digest("db"), db);
    let steps = server.steps_of(deployment.id()).await;
    // What is kept has the number of the deployment in its name.
    let numbered = format!(".old-{}", deployment.id());
    let planned: Vec<_> = planned
        .iter()
        .map(|it| it.replace(".old-0", &numbered))
        .collect();
    assert_eq!(lines(&steps), planned);
    project.assert_tidy(&[("db", 2), ("web", 1)]);
}

#[tokio::test]
async fn a_plan_of_what_runs_already_has_no_step() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let body = json!({"target": "local", "stack": project.name});
    let post = server.post("/api/v1/deployments/plan").json(&body);
    let plan = ask(post).await.expect(200).json();
    assert_eq!(plan["steps"], json!([]), "{plan:#}");
}
