//! Skopeo 1.9: copies between every place that it knows.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Layout, Program, Stored, TestServer, blobs, text};

fn copy(skopeo: &Program, options: &[&str], from: &str, to: &str) {
    let mut words = vec!["copy", "--quiet", "--all"];
    words.extend(["--src-tls-verify=false", "--dest-tls-verify=false"]);
    words.extend(options);
    words.extend([from, to]);
    skopeo.run(&words);
}

/// Skopeo, signed in to a server with a layout's index under `team/multi:1`.
async fn with_layout() -> Option<(Program, TestServer, Layout)> {
    let skopeo = super::containers("skopeo")?;
    let server = TestServer::start().await;
    let skopeo = skopeo.env("REGISTRY_AUTH_FILE", text(&server.auth_file()));
    let layout = Layout::new();
    let source = format!("oci:{}:1", layout.path());
    let target = format!("docker://{}/team/multi:1", server.host());
    copy(&skopeo, &[], &source, &target);
    Some((skopeo, server, layout))
}

#[tokio::test]
async fn skopeo_copies_all_platforms_there_and_back_byte_for_byte() {
    let Some((skopeo, server, layout)) = with_layout().await else {
        return;
    };
    let stored = Stored::whole(&server, "team/multi", "1").await;
    assert_eq!(stored.digest, layout.index.digest);

    let back = tempfile::tempdir().expect("a temporary folder");
    let source = format!("docker://{}/team/multi:1", server.host());
    copy(
        &skopeo,
        &[],
        &source,
        &format!("oci:{}:1", text(back.path())),
    );
    assert_eq!(blobs(back.path()), layout.blobs());
    let root = fs::read(back.path().join("index.json")).expect("index.json");
    let root: Value = serde_json::from_slice(&root).expect("index.json is JSON");
    assert_eq!(root["manifests"][0]["digest"], *layout.index.digest);
}

#[tokio::test]
async fn skopeo_converts_an_index_to_a_manifest_list_and_back() {
    let Some((skopeo, server, layout)) = with_layout().await else {
        return;
    };
    let [original, docker, oci] =
        ["multi", "docker", "oci"].map(|name| format!("docker://{}/team/{name}:1", server.host()));

    copy(&skopeo, &["--format", "v2s2"], &original, &docker);
    let stored = Stored::whole(&server, "team/docker", "1").await;
    assert_eq!(
        stored.media_type,
        "application/vnd.docker.distribution.manifest.list.v2+json"
    );
    assert_eq!(stored.architectures(), ["amd64", "arm64"]);
    let child = Stored::get(&server, "team/docker", &stored.children()[0]).await;
    assert_eq!(
        child.media_type,
        "application/vnd.docker.distribution.manifest.v2+json"
    );

    copy(&skopeo, &["--format", "oci"], &docker, &oci);
    let stored = Stored::whole(&server, "team/oci", "1").await;
    assert_eq!(stored.media_type, "application/vnd.oci.image.index.v1+json");
    assert_eq!(stored.children().len(), layout.manifests.len());
}

#[tokio::test]
async fn skopeo_copies_through_a_folder_without_a_change() {
    let Some((skopeo, server, layout)) = with_layout().await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = format!("dir:{}", text(folder.path()));
    let source = format!("docker://{}/team/multi:1", server.host());
    let target = format!("docker://{}/other/multi:again", server.host());
    copy(&skopeo, &[], &source, &folder);
    copy(&skopeo, &[], &folder, &target);
    let stored = Stored::whole(&server, "other/multi", "again").await;
    assert_eq!(stored.digest, layout.index.digest);
}

#[tokio::test]
async fn skopeo_inspects_and_lists_what_is_there() {
    let Some((skopeo, server, layout)) = with_layout().await else {
        return;
    };
    let repository = format!("docker://{}/team/multi", server.host());
    let image = format!("{repository}:1");
    copy(&skopeo, &[], &image, &format!("{repository}:2"));

    let inspect = |options: &[&str]| {
        skopeo.run(&[&["inspect", "--tls-verify=false"], options, &[&image]].concat())
    };
    assert_eq!(inspect(&["--raw"]).as_bytes(), layout.index.bytes);
    let inspected: Value = serde_json::from_str(&inspect(&[])).expect("JSON");
    assert_eq!(inspected["Digest"], *layout.index.digest);
    assert_eq!(inspected["RepoTags"], serde_json::json!(["1", "2"]));
    let config: Value = serde_json::from_str(&inspect(&["--config"])).expect("JSON");
    assert_eq!(config["config"]["Cmd"][0], "/bin/busybox");
    let listed = skopeo.run(&["list-tags", "--tls-verify=false", &repository]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["Tags"], serde_json::json!(["1", "2"]));
}

#[tokio::test]
async fn skopeo_deletes_a_manifest_with_its_tags() {
    let Some((skopeo, server, _layout)) = with_layout().await else {
        return;
    };
    let image = format!("docker://{}/team/multi:1", server.host());
    // Skopeo asks for the tag's digest, and deletes that.
    skopeo.run(&["delete", "--tls-verify=false", &image]);
    let said = skopeo.fail(&["inspect", "--tls-verify=false", &image]);
    assert!(
        said.contains("manifest unknown") || said.contains("no manifest"),
        "{said}"
    );
}

#[tokio::test]
async fn skopeo_syncs_a_repository_to_a_folder_and_to_another_prefix() {
    let Some((skopeo, server, layout)) = with_layout().await else {
        return;
    };
    let repository = format!("{}/team/multi", server.host());
    let tagged = format!("docker://{repository}:2");
    copy(&skopeo, &[], &format!("docker://{repository}:1"), &tagged);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let there = [
        "sync",
        "--all",
        "--src",
        "docker",
        "--dest",
        "dir",
        "--src-tls-verify=false",
    ];
    skopeo.run(&[&there[..], &[&repository, text(folder.path())]].concat());
    for tag in ["1", "2"] {
        let manifest = folder.path().join(format!("multi:{tag}/manifest.json"));
        assert_eq!(
            read(&manifest),
            layout.index.bytes,
            "{}",
            manifest.display()
        );
    }
    let back = [
        "sync",
        "--all",
        "--src",
        "dir",
        "--dest",
        "docker",
        "--dest-tls-verify=false",
    ];
    let prefix = format!("{}/mirror", server.host());
    skopeo.run(&[&back[..], &[text(folder.path()), &prefix]].concat());
    for tag in ["1", "2"] {
        let stored = Stored::whole(&server, "mirror/multi", tag).await;
        assert_eq!(stored.digest, layout.index.digest, "tag {tag}");
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}
