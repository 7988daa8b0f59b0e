//! Pushing is not deploying: each way of steering needs a right of its own.

use serde_json::{Value, json};

use super::{bring_up, running};
use crate::support::deploy::{DeployServer, Engine, Project, Version};
use crate::support::{Answer, Caller, ask, create_project, create_robot, create_user, set_member};

const RIGHTS: [&str; 4] = [
    "deploy.run",
    "deploy.rollback",
    "deploy.hold",
    "deploy.approve",
];

/// What needs a right, and which.
async fn steer(caller: &Caller, project: &Project, deployment: u64, right: &str) -> Vec<Answer> {
    let stack = format!("/api/v1/targets/local/stacks/{}", project.name);
    let deployment = format!("/api/v1/deployments/{deployment}");
    let by_hand = json!({"target": "local", "stack": project.name});
    let digest = Version::new("1").image().manifest.digest;
    let requests = match right {
        "deploy.run" => vec![caller.post("/api/v1/deployments").json(&by_hand)],
        "deploy.rollback" => vec![caller.post(&format!("{deployment}/rollback"))],
        "deploy.hold" => vec![
            caller
                .put(&format!("{stack}/hold"))
                .json(&json!({"reason": "a test"})),
            caller.delete(&format!("{stack}/hold")),
            caller
                .put(&format!("{stack}/services/web/pin"))
                .json(&json!({"digest": digest})),
            caller.delete(&format!("{stack}/services/web/pin")),
        ],
        _ => vec![
            caller.post(&format!("{deployment}/approve")),
            caller.post(&format!("{deployment}/cancel")),
        ],
    };
    let mut answers = Vec::new();
    for request in requests {
        answers.push(ask(request).await);
    }
    answers
}

#[tokio::test]
async fn who_may_push_and_all_but_one_is_refused_that_one() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await.id();
    for (number, right) in RIGHTS.iter().enumerate() {
        let mut actions = vec!["pull", "push", "delete"];
        actions.extend(RIGHTS.iter().filter(|other| *other != right));
        let name = format!("most-{number}");
        let robot = create_robot(&server, "shop", &name, &actions).await;
        let robot = server.user(&robot.name, &robot.secret);
        for answer in steer(&robot, &project, deployment, right).await {
            assert!(
                [403, 404].contains(&answer.status.as_u16()),
                "{right}: {answer:?}"
            );
        }
    }
    assert_eq!(server.deployments(&project.name).await.len(), 1);
}

#[tokio::test]
async fn who_may_pull_and_only_one_may_do_that_one() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await.id();
    for (number, right) in RIGHTS.iter().enumerate() {
        let name = format!("one-{number}");
        let robot = create_robot(&server, "shop", &name, &["pull", right]).await;
        let robot = server.user(&robot.name, &robot.secret);
        for answer in steer(&robot, &project, deployment, right).await {
            let status = answer.status.as_u16();
            // What has ended can not be approved, and what runs already need not be deployed.
            assert!(
                status < 300 || [409, 422].contains(&status),
                "{right}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_writer_pushes_and_sees_what_becomes_of_it_and_steers_nothing() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let server = DeployServer::on(&engine).start().await;
    create_project(&server, "shop").await;
    let project = bring_up(&server, &json!({})).await;
    let login = create_user(&server, "ann", "correct horse battery").await;
    set_member(&server, "shop", "ann", &["writer"]).await;
    let ann = server.user(&login.name, &login.secret);
    Version::new("2").push(&ann, "shop/web", "live").await;
    let deployment = server.ended(&project.name, 1).await;
    let list = ask(ann.get("/api/v1/deployments")).await.expect(200).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list:#}");
    let path = format!("/api/v1/deployments/{}", deployment.id());
    for part in ["", "/steps", "/log"] {
        ask(ann.get(&format!("{path}{part}"))).await.expect(200);
    }
    for right in RIGHTS {
        for answer in steer(&ann, &project, deployment.id(), right).await {
            assert!(
                [403, 404].contains(&answer.status.as_u16()),
                "{right}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_may_not_pull_an_image_sees_nothing_of_its_deployments() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(&project.name, 1).await;
    let login = create_user(&server, "eve", "correct horse battery").await;
    let eve = server.user(&login.name, &login.secret);
    let list = ask(eve.get("/api/v1/deployments")).await.expect(200).json();
    assert_eq!(list["items"], json!([]));
    let path = format!("/api/v1/deployments/{}", deployment.id());
    let unknown = format!("/api/v1/deployments/{}", deployment.id() + 1000);
    for part in ["", "/steps", "/log", "/events"] {
        let hidden = ask(eve.get(&format!("{path}{part}")))
            .await
            .expect(404)
            .json();
        let absent = ask(eve.get(&format!("{unknown}{part}")))
            .await
            .expect(404)
            .json();
        let kind = |answer: &Value| (answer["type"].clone(), answer["title"].clone());
        assert_eq!(kind(&hidden), kind(&absent), "{part}");
    }
    let rule = json!({
        "target": "local",
        "stack": project.name,
        "labels": {"berth.deploy": "true"},
    });
    let refused = ask(eve.post("/api/v1/deploy-rules").json(&rule)).await;
    assert!([403, 404].contains(&refused.status.as_u16()), "{refused:?}");
    for path in ["/api/v1/targets", "/api/v1/targets/local/stacks"] {
        let answer = ask(eve.get(path)).await;
        assert!([403, 404].contains(&answer.status.as_u16()), "{answer:?}");
    }
    ask(server.anonymous().get("/api/v1/deployments"))
        .await
        .expect(401);
}
