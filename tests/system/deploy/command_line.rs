//! `berth deploy`, as somebody uses it who has a server somewhere.

use serde_json::json;

use super::running;
use crate::command_line::Account;
use crate::support::deploy::Version;

#[tokio::test]
async fn a_deployment_is_listed_shown_followed_and_rolled_back() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let stack = project.name.as_str();
    let account = Account::admin(&server);
    server.push("shop/web:live", &Version::new("2")).await;
    let deployment = server.ended(stack, 1).await;
    let id = deployment.id().to_string();

    let listed = account.run(&["deploy", "list", "--stack", stack]);
    assert!(
        listed.contains("succeeded") && listed.contains(&id),
        "{listed}"
    );
    let listed = account.run(&["deploy", "list", "--stack", stack, "--state", "failed"]);
    assert!(!listed.contains("succeeded"), "{listed}");
    let shown = account.run(&["deploy", "show", &id]);
    for part in ["succeeded", stack, "web", "admin"] {
        assert!(shown.contains(part), "no {part} in:\n{shown}");
    }
    assert_eq!(
        account.json(&["deploy", "show", &id])["id"],
        deployment.id()
    );
    for arguments in [&["deploy", "logs", &id][..], &["deploy", "logs", &id, "-f"]] {
        let log = account.run(arguments);
        assert!(log.contains("version 2 starts"), "{log}");
    }

    let rolled_back = account.run(&["deploy", "rollback", &id, "--wait"]);
    assert!(rolled_back.contains("succeeded"), "{rolled_back}");
    assert_eq!(project.one("web").image(), Version::new("1").id());
    let digest = Version::new("2").image().manifest.digest;
    let service = format!("web={digest}");
    let ran = account.run(&["deploy", "run", "local", stack, &service, "--wait"]);
    assert!(ran.contains("succeeded"), "{ran}");
    assert_eq!(project.one("web").image(), Version::new("2").id());
}

#[tokio::test]
async fn a_deployment_that_fails_while_somebody_waits_for_it_fails_the_command() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let stack = project.name.as_str();
    let account = Account::admin(&server);
    account.run(&["deploy", "hold", "local", stack, "--reason", "by hand"]);
    let bad = Version::never_healthy("2");
    server.push("shop/web:live", &bad).await;
    server.decided(stack, "web", "held").await;
    let said = account.fail(&["deploy", "run", "local", stack, "--wait"]);
    assert!(said.contains("rolled"), "{said}");
    account.run(&["deploy", "release", "local", stack]);
}

#[tokio::test]
async fn stacks_are_held_pinned_and_explained() {
    let Some((server, project)) = running(&json!({})).await else {
        return;
    };
    let stack = project.name.as_str();
    let account = Account::admin(&server);
    let targets = account.run(&["deploy", "targets"]);
    assert!(targets.contains("local"), "{targets}");
    account.run(&["deploy", "hold", "local", stack, "--reason", "a freeze"]);
    let stacks = account.run(&["deploy", "stacks", "local"]);
    assert!(
        stacks.contains(stack) && stacks.contains("a freeze"),
        "{stacks}"
    );
    server.push("shop/web:live", &Version::new("2")).await;
    server.decided(stack, "web", "held").await;
    let why = account.run(&["deploy", "why", "local", stack, "web"]);
    assert!(
        why.contains("not deployed") && why.contains("a freeze"),
        "{why}"
    );
    account.run(&["deploy", "release", "local", stack]);
    let digest = Version::new("1").image().manifest.digest;
    account.run(&["deploy", "pin", "local", stack, "web", &digest]);
    server.push("shop/web:live", &Version::new("3")).await;
    server.decided(stack, "web", "pinned").await;
    account.run(&["deploy", "unpin", "local", stack, "web"]);
    server.push("shop/web:live", &Version::new("4")).await;
    server.ended(stack, 1).await.expect("succeeded");
}
