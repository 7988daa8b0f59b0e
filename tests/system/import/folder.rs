use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::world::World;
use crate::command_line::Account;
use crate::support::{Blob, DockerRegistry, TestServer, assert_answered};

#[tokio::test]
async fn a_storage_folder_is_taken_over_whole() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let world = World::new();
    world.push(&registry).await;
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let storage = registry.storage();

    let report = account.json(&["import", "folder", &storage, "--into", "old"]);
    world.assert_at(&server, "old/").await;
    // Nothing leads to it, and nobody has asked for such.
    world.untagged.assert_not_at(&server, "old/").await;
    assert_eq!(report["failures"], 0, "{report:#}");
    let names = |report: &Value| -> Vec<String> {
        let list = report["repositories"].as_array().expect("a list");
        let names = list.iter().map(|entry| entry["repository"].as_str());
        names.map(|name| name.expect("a name").to_owned()).collect()
    };
    let expected = [
        "old/alpine",
        "old/deep/er/multi",
        "old/shop/api",
        "old/shop/web",
    ];
    assert_eq!(names(&report), expected);
    // The layer that three repositories share was sent once, and so was the config that all share.
    let sum = |kind: &str| -> u64 {
        let list = report["repositories"].as_array().expect("a list");
        list.iter()
            .filter_map(|entry| entry["blobs"][kind].as_u64())
            .sum()
    };
    assert_eq!(sum("sent"), 11, "{report:#}");
    assert_eq!(sum("there"), 0, "{report:#}");

    // Once more: all is there, and nothing is sent.
    let uploads = 11;
    assert_answered(&server, "finish_upload", 201, uploads).await;
    let again = account.json(&["import", "folder", &storage, "--into", "old"]);
    assert_answered(&server, "finish_upload", 201, uploads).await;
    for entry in again["repositories"].as_array().expect("a list") {
        assert_eq!(entry["sent_bytes"], 0, "{again:#}");
        assert_eq!(entry["tags"]["copied"], 0, "{again:#}");
    }

    account.run(&["import", "folder", &storage, "--into", "old", "--untagged"]);
    world.untagged.assert_at(&server, "old/").await;
}

#[tokio::test]
async fn patterns_choose_repositories_and_tags_and_signatures_come_along() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let world = World::new();
    world.push(&registry).await;
    let server = TestServer::start().await;
    let account = Account::admin(&server);
    let storage = registry.storage();

    let import = [
        "import",
        "folder",
        &storage,
        "--repository",
        "shop/*",
        "--tag",
        "v?",
    ];
    let planned = account.json(&[&import[..], &["--dry-run"]].concat());
    let states: Vec<&Value> = planned.as_array().expect("a list").iter().collect();
    assert!(
        states.iter().all(|planned| planned["there"] == false),
        "{planned:#}"
    );
    let list = account.json(&["ls"]);
    assert_eq!(
        list.as_array().map(Vec::len),
        Some(0),
        "a dry run copies nothing"
    );

    let printed = account.run(&import);
    assert!(printed.contains("shop/api"), "{printed}");
    let stem = world.items[0].manifest.digest.replace(':', "-");
    let tags = account.json(&["ls", "shop/web"]);
    let tags: Vec<&str> = (tags.as_array().expect("a list").iter())
        .map(|tag| tag["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(tags, [stem.as_str(), &format!("{stem}.sig"), "v1"]);
    for item in &world.items {
        let chosen = item.repository.starts_with("shop/");
        let only_tagged_otherwise = item.tags.iter().any(|tag| tag.contains("latest"));
        if !chosen {
            item.assert_not_at(&server, "").await;
        } else if item.tags.is_empty() && !only_tagged_otherwise {
            // What refers to a chosen image, and what refers to that.
            item.assert_at(&server, "").await;
        }
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_folder_is_told_and_the_rest_comes() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let world = World::new();
    world.push(&registry).await;
    let server = TestServer::start().await;
    let account = Account::admin(&server);

    // One byte of a layer of shop/api is another.
    let spoilt = &world.items[1];
    let data = registry.data(&spoilt.blobs[1].digest);
    let mut bytes = fs::read(&data).expect("the layer");
    bytes[7] ^= 1;
    fs::write(&data, bytes).expect("the layer");
    // The only layer of alpine is a link to something outside.
    let outside = &world.items[2];
    let secret = tempfile::NamedTempFile::new().expect("a file");
    fs::write(secret.path(), &outside.blobs[0].bytes).expect("a file");
    let data = registry.data(&outside.blobs[0].digest);
    fs::remove_file(&data).expect("the layer");
    symlink(secret.path(), &data).expect("a link");
    // A child of an index was deleted.
    let child = &world.items[3];
    registry
        .delete_manifest(child.repository, &child.manifest.digest)
        .await;

    // A manifest of Docker's version 1, which no registry takes any more.
    let legacy = Blob::new(r#"{"schemaVersion":1,"name":"legacy/app","fsLayers":[]}"#);
    registry.write_manifest("legacy/app", "v1", &legacy);

    let storage = registry.storage();
    let import = ["import", "folder", &storage, "--into", "old", "--json"];
    let output = account.berth(&import, "");
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["failures"], 3, "{report:#}");
    let reason = |repository: usize, list: &str| {
        let problem = &report["repositories"][repository][list][0];
        format!("{}: {}", problem["what"], problem["reason"])
    };
    let [led_out, gone, old, wrong] = [
        (0, "failures"),
        (1, "left_out"),
        (2, "failures"),
        (3, "failures"),
    ]
    .map(|(repository, list)| reason(repository, list));
    assert!(
        old.contains("legacy/app:v1") && old.contains("version 1"),
        "{old}"
    );
    assert!(
        wrong.contains("shop/api:v1") && wrong.contains("other bytes"),
        "{wrong}"
    );
    assert!(led_out.contains("leads out of the folder"), "{led_out}");
    assert!(gone.contains(&child.manifest.digest), "{gone}");
    for failed in [spoilt, outside] {
        failed.assert_not_at(&server, "old/").await;
    }
    world.items[0].assert_at(&server, "old/").await;
    world.items[7].assert_at(&server, "old/").await;
}
