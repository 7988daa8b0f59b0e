//! containerd with a `hosts.toml`, as nodes of Kubernetes have it.

use std::fs;

use tempfile::TempDir;

use super::{assert_pulled_once, cut_off, publish};
use crate::clients::containerd::{ctr, run};
use crate::support::{Hub, Layout, Program, text};

/// The folder of hosts in which `docker.io` has a mirror.
fn hosts(mirror: &str, override_path: bool) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("docker.io")).expect("a folder");
    let hosts = format!(
        "server = \"https://docker.io\"\n\
         [host.\"{mirror}\"]\n\
         capabilities = [\"pull\", \"resolve\"]\n\
         override_path = {override_path}\n"
    );
    fs::write(folder.path().join("docker.io/hosts.toml"), hosts).expect("a file");
    folder
}

/// Pulls, runs, and pulls once more without an upstream.
async fn pull_twice(ctr: &Program, hub: &Hub, layout: &Layout, hosts: &TempDir, image: &str) {
    let _remove = ctr.finally(&["images", "rm", "--sync", image]);
    let pull = ["images", "pull", "--hosts-dir", text(hosts.path()), image];
    ctr.run(&pull);
    assert_pulled_once(hub, layout);
    let container = format!("berth-mirror-{}", &layout.index.digest[7..19]);
    let said = run(ctr, image, &container);
    assert_eq!(said, layout.said);

    ctr.run(&["images", "rm", "--sync", image]);
    hub.front.down().await;
    ctr.run(&pull);
    let content = ctr.run(&["content", "get", &layout.index.digest]);
    assert_eq!(content.as_bytes(), layout.index.bytes);
}

#[tokio::test]
async fn containerd_pulls_by_its_mirror_what_it_calls_docker_io() {
    let Some(ctr) = ctr().map(cut_off) else {
        return;
    };
    let hub = Hub::start().await;
    let layout = publish(&hub, "library/by-mirror").await;
    let server = hub.proxy().start().await;
    let hosts = hosts(&server.mirror().url(""), false);
    let image = "docker.io/library/by-mirror:1";
    pull_twice(&ctr, &hub, &layout, &hosts, image).await;
}

#[tokio::test]
async fn containerd_pulls_by_the_path_of_an_upstream_what_it_calls_docker_io() {
    let Some(ctr) = ctr().map(cut_off) else {
        return;
    };
    let hub = Hub::start().await;
    let layout = publish(&hub, "library/by-path").await;
    let server = hub.proxy().start().await;
    let hosts = hosts(&server.url("/v2/hub"), true);
    let image = "docker.io/library/by-path:1";
    pull_twice(&ctr, &hub, &layout, &hosts, image).await;
}

/// Without `override_path` it puts `/v2` behind a path.
#[tokio::test]
async fn containerd_pulls_by_the_path_before_the_version() {
    let Some(ctr) = ctr().map(cut_off) else {
        return;
    };
    let hub = Hub::start().await;
    let layout = publish(&hub, "library/before-version").await;
    let server = hub.proxy().start().await;
    let hosts = hosts(&server.url("/hub"), false);
    let image = "docker.io/library/before-version:1";
    pull_twice(&ctr, &hub, &layout, &hosts, image).await;
}
