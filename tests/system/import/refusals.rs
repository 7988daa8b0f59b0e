use std::fs;

use serde_json::Value;

use crate::command_line::Account;
use crate::support::{TestServer, text};

#[tokio::test]
async fn what_can_not_be_imported_is_said_before_anything_is_done() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = text(folder.path());
    let said = account.fail(&["import", "folder", path]);
    assert!(said.contains("rootdirectory"), "{said}");

    let repositories = folder.path().join("docker/registry/v2/repositories");
    fs::create_dir_all(&repositories).expect("a folder");
    let said = account.fail(&["import", "folder", path]);
    assert!(said.contains("no repositories"), "{said}");

    let said = account.fail(&["import", "folder", path, "--repository", "shop/*"]);
    assert!(said.contains("matches `shop/*`"), "{said}");
    // One that is named, and is not there.
    let said = account.fail(&["import", "folder", path, "--repository", "shop/web"]);
    assert!(said.contains("shop/web"), "{said}");

    fs::create_dir_all(repositories.join("alpine/_manifests")).expect("a folder");
    let said = account.fail(&["import", "folder", path]);
    assert!(said.contains("--into PROJECT"), "{said}");
    assert!(said.contains("alpine"), "{said}");

    let far = [
        "import",
        "registry",
        "http://registry.invalid",
        "--username",
        "ann",
    ];
    let said = account.fail(&[&far[..], &["--password-stdin"]].concat());
    assert!(said.contains("--plain-http"), "{said}");

    let nobody = Account::new();
    let said = nobody.fail(&["import", "folder", path]);
    assert!(said.contains("berth login"), "{said}");
}

#[tokio::test]
async fn a_dry_run_tells_of_a_repository_that_can_not_come() {
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repositories = folder.path().join("docker/registry/v2/repositories");
    fs::create_dir_all(repositories.join("shop/Web/_manifests")).expect("a folder");
    let path = text(folder.path());
    let output = account.berth(&["import", "folder", path, "--dry-run", "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("a plan");
    assert_eq!(plan[0]["source"], "shop/Web", "{plan:#}");
    assert!(plan[0]["failure"].is_string(), "{plan:#}");
}
