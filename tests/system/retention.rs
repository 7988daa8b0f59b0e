//! Immutable tags and retention, as an owner of a project uses them.

use std::fs;

use serde_json::{Value, json};

use crate::command_line::Account;
use crate::support::{TestServer, ask};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes an index of its own for each number, and gives the status and the text of the answer.
async fn push(server: &TestServer, tag: &str, number: usize) -> (u16, String) {
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [],
        "annotations": {"number": number.to_string()}});
    let put = server.put(&format!("/v2/shop/web/manifests/{tag}"));
    let put = put.header("Content-Type", INDEX).body(index.to_string());
    let answer = put.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("a body"))
}

#[tokio::test]
async fn a_tag_that_is_immutable_is_refused_to_move_and_the_answer_names_the_rule() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    assert_eq!(push(&server, "v1", 1).await.0, 201);
    assert_eq!(push(&server, "latest", 1).await.0, 201);
    let rule = account.run(&["immutable", "add", "shop", "v*"]);
    assert!(rule.contains("shop/**"), "{rule}");

    assert_eq!(push(&server, "v1", 1).await.0, 201, "the same again");
    assert_eq!(push(&server, "latest", 2).await.0, 201);
    assert_eq!(push(&server, "v2", 2).await.0, 201);
    let (status, said) = push(&server, "v1", 2).await;
    let error: Value = serde_json::from_str(&said).expect("JSON");
    let error = &error["errors"][0];
    let message = error["message"].as_str().expect("a text");
    assert_eq!((status, &error["code"]), (409, &json!("DENIED")), "{said}");
    for part in ["tag v1", "sha256:", "rule 1", "v*", "shop/**"] {
        assert!(message.contains(part), "{message} lacks {part}");
    }
    let said = account.fail(&["tag", "shop/web:latest", "v1"]);
    assert!(said.contains("rule 1"), "{said}");
    let said = account.fail(&["rm", "shop/web:v1"]);
    assert!(said.contains("rule 1"), "{said}");

    assert!(account.run(&["immutable", "ls", "shop"]).contains("v*"));
    account.run(&["immutable", "rm", "shop", "1"]);
    assert_eq!(push(&server, "v1", 2).await.0, 201);
    let said = account.fail(&["immutable", "add", "shop", "regex:("]);
    assert!(said.contains("regular expression"), "{said}");
}

#[tokio::test]
async fn a_policy_is_previewed_run_and_looked_back_at() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    for number in 1..=4 {
        push(&server, &format!("pr-{number}"), number).await;
    }
    push(&server, "latest", 4).await;
    let said = account.fail(&["retention", "show", "shop"]);
    assert!(said.contains("retention policy"), "{said}");
    let said = account.fail(&["retention", "set", "shop", "--tags", "pr-*"]);
    assert!(said.contains("rules[0].keep"), "{said}");
    let said = account.fail(&["retention", "set", "shop"]);
    assert!(said.contains("--help"), "{said}");

    // Before it is set.
    let options = ["--tags", "pr-*", "--keep-pushed", "1"];
    let preview = account.run(&[&["retention", "preview", "shop"], &options[..]].concat());
    let lines: Vec<Vec<&str>> = preview
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let shown: Vec<_> = lines[1..]
        .iter()
        .map(|words| (words[0], words[2]))
        .collect();
    let expected = [
        ("keep", "latest"),
        ("remove", "pr-1"),
        ("remove", "pr-2"),
        ("remove", "pr-3"),
        ("keep", "pr-4"),
    ];
    assert_eq!(shown, expected, "{preview}");
    assert!(preview.contains("no rule selects it"), "{preview}");
    assert!(preview.contains("rule 1 keeps the newest 1 pushed"));

    let set = [
        &["retention", "set", "shop"],
        &options[..],
        &["--every", "24"],
    ]
    .concat();
    let policy = account.run(&set);
    assert!(policy.contains("newest 1 pushed"), "{policy}");
    // As it is printed it can be set.
    let printed = account.run(&["retention", "show", "shop", "--json"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("policy.json");
    fs::write(&file, printed).expect("a file");
    account.run(&["retention", "set", "shop", file.to_str().expect("a path")]);

    let run = account.run(&["retention", "run", "shop"]);
    assert!(
        run.contains("done: 3 tags and 0 manifests removed, 2 tags kept"),
        "{run}"
    );
    let tags = server.get("/v2/shop/web/tags/list");
    let tags = ask(tags).await.expect(200).json();
    assert_eq!(tags["tags"], json!(["latest", "pr-4"]));
    let runs = account.json(&["retention", "runs", "shop"]);
    assert_eq!(runs[0]["requested_by"], "admin");
    let removals = account.json(&["retention", "runs", "shop", &runs[0]["id"].to_string()]);
    assert_eq!(removals[0]["tag"], "pr-1", "{removals}");
    let nothing = account.json(&["retention", "preview", "shop", "--removed"]);
    assert_eq!(nothing, json!([]));
    let audit = account.run(&["audit", "--project", "shop"]);
    for action in ["retention.set", "retention.start", "retention.end"] {
        assert!(audit.contains(action), "{audit} lacks {action}");
    }
    account.run(&["retention", "rm", "shop"]);
    account.fail(&["retention", "run", "shop"]);
}
