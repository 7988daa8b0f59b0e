//! Docker Engine 20.10: its own push and pull, the classic builder and BuildKit.

use std::path::Path;

use reqwest::StatusCode;

use crate::support::{
    BuildContext, Finally, Program, Stored, TestServer, assert_answered, platforms, provided, text,
};

/// With its settings and logins in a folder.
///
/// The engine keeps what BuildKit built, and then pulls nothing; the classic builder's images are
/// really gone when they are removed.
pub(super) fn engine(config: &Path) -> Option<Program> {
    let host = provided("BERTH_TEST_DOCKER_HOST")?;
    let docker = Program::new(&["docker", "--host", &host]);
    Some(
        docker
            .env("DOCKER_CONFIG", text(config))
            .env("DOCKER_BUILDKIT", "0"),
    )
}

/// With a server that it is signed in to.
async fn docker() -> Option<(TestServer, Program)> {
    let server = TestServer::start().await;
    let docker = engine(server.docker_config())?;
    Some((server, docker))
}

pub(super) fn build(docker: &Program, context: &BuildContext, image: &str) -> Finally {
    let remove = docker.finally(&["image", "rm", "--force", image]);
    docker.run(&["build", "--quiet", "--tag", image, context.path()]);
    remove
}

pub(super) fn pushed_digest(docker: &Program, image: &str) -> String {
    let output = docker.run(&["push", image]);
    let digest = output
        .split("digest: ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    digest
        .unwrap_or_else(|| panic!("docker push names no digest:\n{output}"))
        .to_owned()
}

pub(super) fn pulled_digest(docker: &Program, image: &str) -> String {
    let output = docker.run(&["pull", image]);
    let digest = output
        .split("Digest: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    digest
        .unwrap_or_else(|| panic!("docker pull names no digest:\n{output}"))
        .to_owned()
}

#[tokio::test]
async fn docker_runs_what_it_pushed_and_pulled_back() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let context = BuildContext::new(3);
    let image = format!("{}/team/app:1", server.host());
    let _remove = build(&docker, &context, &image);

    let pushed = pushed_digest(&docker, &image);
    let stored = Stored::whole(&server, "team/app", "1").await;
    assert_eq!(stored.digest, pushed);
    assert_eq!(
        stored.media_type,
        "application/vnd.docker.distribution.manifest.v2+json"
    );
    assert_eq!(stored.layers(), 3);

    docker.run(&["image", "rm", &image]);
    assert_eq!(pulled_digest(&docker, &image), pushed);
    // Three layers and a config were just read above, and are fetched now.
    assert_answered(&server, "get_blob", 200, 4 + 4).await;
    let said = docker.run(&["run", "--rm", "--network", "none", &image]);
    assert_eq!(said, context.said);
}

#[tokio::test]
async fn docker_pulls_by_digest() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let context = BuildContext::new(1);
    let image = format!("{}/team/app:1", server.host());
    let _remove = build(&docker, &context, &image);
    let digest = pushed_digest(&docker, &image);
    docker.run(&["image", "rm", &image]);

    let by_digest = format!("{}/team/app@{digest}", server.host());
    let _remove = docker.finally(&["image", "rm", "--force", &by_digest]);
    assert_eq!(pulled_digest(&docker, &by_digest), digest);
    let unknown = format!("{}/team/app:unknown", server.host());
    let said = docker.fail(&["pull", &unknown]);
    assert!(
        said.contains("manifest unknown") || said.contains("not found"),
        "{said}"
    );
}

#[tokio::test]
async fn docker_sends_no_layer_that_is_there_already() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let context = BuildContext::new(2);
    let image = format!("{}/team/app:1", server.host());
    let _remove = build(&docker, &context, &image);

    let first = pushed_digest(&docker, &image);
    // Two layers and a config.
    assert_answered(&server, "append_upload", 202, 3).await;
    assert_eq!(pushed_digest(&docker, &image), first);
    assert_answered(&server, "append_upload", 202, 3).await;
}

#[tokio::test]
async fn docker_mounts_layers_into_a_second_repository() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let context = BuildContext::new(2);
    let first = format!("{}/team/app:1", server.host());
    let second = format!("{}/other/copy:1", server.host());
    let _remove = build(&docker, &context, &first);
    let _remove_second = docker.finally(&["image", "rm", "--force", &second]);
    docker.run(&["tag", &first, &second]);

    let digest = pushed_digest(&docker, &first);
    assert_answered(&server, "append_upload", 202, 3).await;
    assert_eq!(pushed_digest(&docker, &second), digest);
    // Both layers are mounted; the engine always sends the config.
    assert_answered(&server, "mount_blob", 201, 2).await;
    assert_answered(&server, "append_upload", 202, 3 + 1).await;
    Stored::whole(&server, "other/copy", "1").await;
}

#[tokio::test]
async fn docker_pushes_and_pulls_twelve_layers_at_once() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let context = BuildContext::new(12);
    let image = format!("{}/team/app:1", server.host());
    let _remove = build(&docker, &context, &image);
    let pushed = pushed_digest(&docker, &image);
    assert_eq!(Stored::whole(&server, "team/app", "1").await.layers(), 12);
    docker.run(&["image", "rm", &image]);
    assert_eq!(pulled_digest(&docker, &image), pushed);
}

#[tokio::test]
async fn what_buildkit_built_is_pushed_whole() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let buildkit = docker.env("DOCKER_BUILDKIT", "1");
    let context = BuildContext::new(3);
    let image = format!("{}/team/app:1", server.host());
    let _remove = build(&buildkit, &context, &image);
    let pushed = pushed_digest(&buildkit, &image);
    let stored = Stored::whole(&server, "team/app", "1").await;
    assert_eq!(
        (stored.digest.as_str(), stored.layers()),
        (pushed.as_str(), 3)
    );
    buildkit.run(&["image", "rm", &image]);
    assert_eq!(pulled_digest(&buildkit, &image), pushed);
    let said = buildkit.run(&["run", "--rm", "--network", "none", &image]);
    assert_eq!(said, context.said);
}

#[tokio::test]
async fn docker_manifest_joins_two_platforms_under_one_tag() {
    let Some((server, docker)) = docker().await else {
        return;
    };
    let buildkit = docker.env("DOCKER_BUILDKIT", "1");
    let list = format!("{}/team/multi:1", server.host());
    let [here, other] = platforms();
    let mut removals = Vec::new();
    for architecture in [here, other] {
        let context = BuildContext::new(2);
        let image = format!("{}/team/multi:{architecture}", server.host());
        let platform = format!("linux/{architecture}");
        removals.push(buildkit.finally(&["image", "rm", "--force", &image]));
        buildkit.run(&[
            "build",
            "--quiet",
            "--platform",
            &platform,
            "--tag",
            &image,
            context.path(),
        ]);
        pushed_digest(&buildkit, &image);
    }

    let manifest = |words: &[&str]| {
        let words: Vec<&str> = ["manifest"].iter().chain(words).copied().collect();
        buildkit.run(&words)
    };
    let (one, two) = (
        format!("{}/team/multi:{here}", server.host()),
        format!("{}/team/multi:{other}", server.host()),
    );
    manifest(&["create", "--insecure", &list, &one, &two]);
    manifest(&["annotate", "--arch", other, "--variant", "v8", &list, &two]);
    let pushed = manifest(&["push", "--insecure", "--purge", &list]);

    let stored = Stored::whole(&server, "team/multi", "1").await;
    assert_eq!(
        stored.media_type,
        "application/vnd.docker.distribution.manifest.list.v2+json"
    );
    assert!(
        pushed.contains(&stored.digest),
        "{pushed} is not {}",
        stored.digest
    );
    assert_eq!(stored.architectures(), ["amd64", "arm64"]);
    let inspected = manifest(&["inspect", "--insecure", &list]);
    for child in stored.children() {
        assert!(inspected.contains(&child), "{child} is not in {inspected}");
        let path = format!("/v2/team/multi/manifests/{child}");
        let answer = server.head(&path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
    }
    removals.push(buildkit.finally(&["image", "rm", "--force", &list]));
    let pulled = buildkit.run(&["pull", "--platform", &format!("linux/{other}"), &list]);
    assert!(pulled.contains(&stored.digest), "{pulled}");
}
