//! Podman 4.3: OCI images by default, Docker's on demand.

use std::fs;

use crate::support::{BuildContext, Finally, Program, Stored, TestServer, assert_answered, text};

/// With a server that it is signed in to.
async fn podman() -> Option<(TestServer, Program)> {
    let podman = super::containers("podman")?;
    let server = TestServer::start().await;
    let logins = server.auth_file();
    Some((server, podman.env("REGISTRY_AUTH_FILE", text(&logins))))
}

pub(super) fn build(podman: &Program, context: &BuildContext, image: &str) -> Finally {
    let remove = podman.finally(&["rmi", "--force", image]);
    podman.run(&["build", "--quiet", "--tag", image, context.path()]);
    remove
}

pub(super) fn pushed_digest(podman: &Program, options: &[&str], image: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut words = vec![
        "push",
        "--tls-verify=false",
        "--digestfile",
        text(file.path()),
    ];
    words.extend(options);
    words.push(image);
    podman.run(&words);
    fs::read_to_string(file.path()).expect("podman has written the digest")
}

#[tokio::test]
async fn podman_runs_what_it_pushed_and_pulled_back() {
    for (format, media_type) in [
        ("oci", "application/vnd.oci.image.manifest.v1+json"),
        (
            "v2s2",
            "application/vnd.docker.distribution.manifest.v2+json",
        ),
    ] {
        let Some((server, podman)) = podman().await else {
            return;
        };
        let context = BuildContext::new(3);
        let image = format!("{}/team/app:1", server.host());
        let _remove = build(&podman, &context, &image);

        let pushed = pushed_digest(&podman, &["--format", format], &image);
        let stored = Stored::whole(&server, "team/app", "1").await;
        assert_eq!(stored.digest, pushed, "{format}");
        assert_eq!(stored.media_type, media_type, "{format}");
        assert_eq!(stored.layers(), 3, "{format}");

        podman.run(&["rmi", &image]);
        podman.run(&["pull", "--quiet", "--tls-verify=false", &image]);
        // Three layers and a config were just read above, and are fetched now.
        assert_answered(&server, "get_blob", 200, 4 + 4).await;
        let digest = podman.run(&["inspect", "--format", "{{.Digest}}", &image]);
        assert_eq!(digest, pushed, "{format}");
        let said = podman.run(&["run", "--rm", "--network", "none", &image]);
        assert_eq!(said, context.said, "{format}");
    }
}

#[tokio::test]
async fn podman_sends_no_layer_that_is_there_already() {
    let Some((server, podman)) = podman().await else {
        return;
    };
    let context = BuildContext::new(2);
    let image = format!("{}/team/app:1", server.host());
    let _remove = build(&podman, &context, &image);
    let first = pushed_digest(&podman, &[], &image);
    // Two layers and a config.
    assert_answered(&server, "append_upload", 202, 3).await;
    assert_eq!(pushed_digest(&podman, &[], &image), first);
    assert_answered(&server, "append_upload", 202, 3).await;
}

#[tokio::test]
async fn podman_pushes_a_manifest_list_with_its_images() {
    let Some((server, podman)) = podman().await else {
        return;
    };
    let context = BuildContext::new(2);
    let image = format!("{}/team/app:1", server.host());
    let list = format!("{}/team/list:1", server.host());
    let _remove = build(&podman, &context, &image);
    pushed_digest(&podman, &[], &image);

    let _remove_list = podman.finally(&["manifest", "rm", &list]);
    podman.run(&["manifest", "create", &list]);
    let source = format!("docker://{image}");
    podman.run(&["manifest", "add", "--tls-verify=false", &list, &source]);
    let target = format!("docker://{list}");
    podman.run(&[
        "manifest",
        "push",
        "--tls-verify=false",
        "--all",
        &list,
        &target,
    ]);

    let stored = Stored::whole(&server, "team/list", "1").await;
    assert_eq!(stored.media_type, "application/vnd.oci.image.index.v1+json");
    let child = Stored::get(&server, "team/app", "1").await.digest;
    assert_eq!(stored.children(), [child]);
}
