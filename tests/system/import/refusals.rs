use std::fs;

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
