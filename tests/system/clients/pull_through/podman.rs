//! podman with mirrors in its `registries.conf`.

use std::fs;

use tempfile::TempDir;

use super::{assert_pulled_once, cut_off, publish};
use crate::clients::containers;
use crate::support::{Hub, Program, text};

/// podman for which `docker.io` has a mirror at this location.
fn podman(mirror: &str) -> Option<(TempDir, Program)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, logins) = (
        folder.path().join("registries.conf"),
        folder.path().join("auth.json"),
    );
    let registries = format!(
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n\
         [[registry.mirror]]\nlocation = \"{mirror}\"\ninsecure = true\n"
    );
    fs::write(&file, registries).expect("a file");
    fs::write(&logins, "{}").expect("a file");
    let podman = cut_off(containers("podman")?)
        .env("CONTAINERS_REGISTRIES_CONF", text(&file))
        .env("REGISTRY_AUTH_FILE", text(&logins));
    Some((folder, podman))
}

#[tokio::test]
async fn podman_pulls_by_its_mirror_what_it_calls_docker_io() {
    if containers("podman").is_none() {
        return;
    }
    let hub = Hub::start().await;
    let server = hub.proxy().start().await;
    let mirror = server.mirror().url("").replace("http://", "");
    for (repository, location) in [
        ("library/by-mirror", mirror),
        ("library/by-path", format!("{}/hub", server.host())),
    ] {
        let Some((_folder, podman)) = podman(&location) else {
            return;
        };
        let layout = publish(&hub, repository).await;
        let image = format!("docker.io/{repository}:1");
        let _remove = podman.finally(&["rmi", "--force", &image]);
        hub.front.forget();
        podman.run(&["pull", "--quiet", &image]);
        assert_pulled_once(&hub, &layout);
        let said = podman.run(&["run", "--rm", "--network", "none", &image]);
        assert_eq!(said, layout.said);

        podman.run(&["rmi", "--force", &image]);
        hub.front.down().await;
        podman.run(&["pull", "--quiet", &image]);
        hub.front.up();
    }
}
