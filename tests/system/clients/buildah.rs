//! Buildah 1.28: an index of two platforms that it built.

use crate::support::{BuildContext, Program, Stored, TestServer, platforms, text};

/// With a server that it is signed in to.
async fn buildah() -> Option<(TestServer, Program)> {
    let buildah = super::containers("buildah")?;
    let server = TestServer::start().await;
    let logins = server.auth_file();
    Some((server, buildah.env("REGISTRY_AUTH_FILE", text(&logins))))
}

#[tokio::test]
async fn buildah_pushes_an_index_of_two_platforms_and_pulls_either() {
    for (format, media_type) in [
        ("oci", "application/vnd.oci.image.index.v1+json"),
        (
            "v2s2",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ),
    ] {
        let Some((server, buildah)) = buildah().await else {
            return;
        };
        let list = format!("{}/team/multi:1", server.host());
        let mut removals = vec![buildah.finally(&["manifest", "rm", &list])];
        buildah.run(&["manifest", "create", &list]);
        for architecture in platforms() {
            let context = BuildContext::new(2);
            let image = format!("{}/team/multi:{architecture}", server.host());
            removals.push(buildah.finally(&["rmi", "--force", &image]));
            let platform = format!("linux/{architecture}");
            let words = [
                "bud",
                "--quiet",
                "--layers",
                "--platform",
                &platform,
                "--tag",
                &image,
            ];
            buildah.run(&[&words[..], &[context.path()]].concat());
            let local = format!("containers-storage:{image}");
            buildah.run(&["manifest", "add", &list, &local]);
        }
        let target = format!("docker://{list}");
        let push = [
            "manifest",
            "push",
            "--all",
            "--tls-verify=false",
            "--format",
            format,
        ];
        buildah.run(&[&push[..], &[&list, &target]].concat());

        let stored = Stored::whole(&server, "team/multi", "1").await;
        assert_eq!(stored.media_type, media_type, "{format}");
        assert_eq!(stored.architectures(), ["amd64", "arm64"], "{format}");

        drop(removals);
        let [_, other] = platforms();
        let platform = format!("linux/{other}");
        let id = buildah.run(&[
            "pull",
            "--quiet",
            "--tls-verify=false",
            "--platform",
            &platform,
            &list,
        ]);
        let _remove = buildah.finally(&["rmi", "--force", &id]);
        let architecture = buildah.run(&[
            "inspect",
            "--type",
            "image",
            "--format",
            "{{.OCIv1.Architecture}}",
            &id,
        ]);
        assert_eq!(architecture, other, "{format}");
    }
}

#[tokio::test]
async fn buildah_names_the_digest_that_the_registry_serves() {
    let Some((server, buildah)) = buildah().await else {
        return;
    };
    let context = BuildContext::new(3);
    let image = format!("{}/team/app:1", server.host());
    let _remove = buildah.finally(&["rmi", "--force", &image]);
    buildah.run(&[
        "bud",
        "--quiet",
        "--layers",
        "--tag",
        &image,
        context.path(),
    ]);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let push = [
        "push",
        "--quiet",
        "--tls-verify=false",
        "--digestfile",
        text(file.path()),
    ];
    buildah.run(&[&push[..], &[&image]].concat());
    let digest = std::fs::read_to_string(file.path()).expect("buildah has written the digest");
    let stored = Stored::whole(&server, "team/app", "1").await;
    assert_eq!((&stored.digest, stored.layers()), (&digest, 3));

    buildah.run(&["rmi", &image]);
    buildah.run(&["pull", "--quiet", "--tls-verify=false", &image]);
    let pulled = buildah.run(&[
        "inspect",
        "--type",
        "image",
        "--format",
        "{{.FromImageDigest}}",
        &image,
    ]);
    assert_eq!(pulled, digest);
}
