//! An engine with `registry-mirrors`, which has to know the mirror's address when it starts.

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use super::{assert_pulled_once, publish};
use crate::clients::docker::pulled_digest;
use crate::support::{Finally, Hub, Program, TestServer, provided, text};

/// Held by the test whose server listens at the mirror's address.
static ADDRESS: Mutex<()> = Mutex::const_new(());

struct Mirrored {
    hub: Hub,
    server: TestServer,
    docker: Program,
    config: TempDir,
    _address: MutexGuard<'static, ()>,
}

async fn mirrored() -> Option<Mirrored> {
    let host = provided("BERTH_TEST_MIRROR_DOCKER_HOST")?;
    let mirror = provided("BERTH_TEST_MIRROR_ADDRESS")?;
    let address = ADDRESS.lock().await;
    let hub = Hub::start().await;
    let proxy = hub.proxy().env("BERTH_MIRROR__LISTEN", mirror);
    let server = proxy.start().await;
    let config = tempfile::tempdir().expect("a temporary folder");
    let docker = Program::new(&["docker", "--host", &host]);
    let docker = docker.env("DOCKER_CONFIG", text(config.path()));
    Some(Mirrored {
        hub,
        server,
        docker,
        config,
        _address: address,
    })
}

fn remove_at_the_end(docker: &Program, image: &str) -> Finally {
    docker.finally(&["image", "rm", "--force", image])
}

#[tokio::test]
async fn docker_pulls_by_its_mirror_what_it_calls_docker_io() {
    let Some(mirrored) = mirrored().await else {
        return;
    };
    let (hub, docker) = (&mirrored.hub, &mirrored.docker);
    let layout = publish(hub, "library/app").await;
    let _remove = remove_at_the_end(docker, "library/app:1");
    assert_eq!(pulled_digest(docker, "library/app:1"), layout.index.digest);
    assert_pulled_once(hub, &layout);
    let said = docker.run(&["run", "--rm", "--network", "none", "library/app:1"]);
    assert_eq!(said, layout.said);

    // All of it is cached, and needs no upstream.
    docker.run(&["image", "rm", "--force", "library/app:1"]);
    hub.front.down().await;
    assert_eq!(pulled_digest(docker, "app:1"), layout.index.digest);
    docker.run(&["image", "rm", "--force", "library/app:1"]);
    let by_digest = format!("library/app@{}", layout.index.digest);
    assert_eq!(pulled_digest(docker, &by_digest), layout.index.digest);
    docker.run(&["image", "rm", "--force", &by_digest]);
}

/// The engine sends the user's password for Docker Hub to mirrors that ask for one (moby#42022).
#[tokio::test]
async fn docker_that_is_signed_in_to_docker_hub_keeps_its_password_to_itself() {
    let Some(mirrored) = mirrored().await else {
        return;
    };
    let (hub, docker) = (&mirrored.hub, &mirrored.docker);
    // Of hub-user:hub-secret-password.
    let auth = "aHViLXVzZXI6aHViLXNlY3JldC1wYXNzd29yZA==";
    let logins = json!({"auths": {"https://index.docker.io/v1/": {"auth": auth}}});
    let file = mirrored.config.path().join("config.json");
    std::fs::write(file, logins.to_string()).expect("a file");
    let layout = publish(hub, "library/signed-in").await;
    let image = "library/signed-in:1";
    let _remove = remove_at_the_end(docker, image);
    assert_eq!(pulled_digest(docker, image), layout.index.digest);
    assert_pulled_once(hub, &layout);

    for line in mirrored.server.log() {
        let line = line.to_string();
        for secret in ["hub-user", "hub-secret", auth] {
            assert!(!line.contains(secret), "{secret} is in {line}");
        }
    }
    hub.front
        .assert_count(0, |request| request.authorization.is_some());
}

#[tokio::test]
async fn docker_is_told_that_its_mirror_does_not_have_an_image() {
    let Some(mirrored) = mirrored().await else {
        return;
    };
    let said = mirrored.docker.fail(&["pull", "library/none:1"]);
    // It goes on to Docker Hub, which is not there.
    assert!(!said.contains("library/none:1: Pulled"), "{said}");
    mirrored
        .hub
        .front
        .assert_count(0, |request| request.is_blob());
    assert!(mirrored.hub.front.count(|request| request.is_tag()) >= 1);
}

#[tokio::test]
async fn docker_pulls_by_its_mirror_while_downloads_of_the_upstream_break() {
    let Some(mirrored) = mirrored().await else {
        return;
    };
    let (hub, docker) = (&mirrored.hub, &mirrored.docker);
    let layout = publish(hub, "library/broken").await;
    let image = "library/broken:1";
    let _remove = remove_at_the_end(docker, image);
    let cut = crate::support::Fault::CutAfter(700);
    hub.front.times(4, crate::support::Request::is_blob, cut);
    assert_eq!(pulled_digest(docker, image), layout.index.digest);
    let said = docker.run(&["run", "--rm", "--network", "none", image]);
    assert_eq!(said, layout.said);
}
