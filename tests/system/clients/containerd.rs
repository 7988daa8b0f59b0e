//! containerd 1.6, by its own command line.

use std::fs;

use crate::support::{
    Finally, Layout, Program, Stored, TestServer, assert_answered, platforms, provided, text,
};

/// CONTAINERD_ADDRESS and CONTAINERD_NAMESPACE say where, and keep it off the machine's own.
pub(super) fn ctr() -> Option<Program> {
    provided("BERTH_TEST_CONTAINERD")?;
    Some(Program::new(&["ctr"]))
}

/// What a container of the image says. A file takes it: ctr lets go of the pipes of a container that has ended
/// before it could open them.
pub(super) fn run(ctr: &Program, image: &str, container: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = folder.path().join("said");
    let log = format!("file://{}", text(&said));
    ctr.run(&["run", "--rm", "--log-uri", &log, image, container]);
    let said = fs::read_to_string(&said).expect("what the container said");
    said.trim().to_owned()
}

/// As the first user, over plain HTTP.
const REGISTRY: [&str; 3] = ["--plain-http", "--user", "admin:admin-password"];

fn push(ctr: &Program, words: &[&str]) {
    ctr.run(&[&["images", "push"], &REGISTRY[..], words].concat());
}

fn pull(ctr: &Program, words: &[&str]) {
    ctr.run(&[&["images", "pull"], &REGISTRY[..], words].concat());
}

/// A server with nothing in it, and the name on it of a layout that containerd has been given.
async fn imported(ctr: &Program) -> (TestServer, Layout, String, Finally) {
    let server = TestServer::start().await;
    let layout = Layout::new();
    let name = format!("{}/team/multi", server.host());
    let image = format!("{name}:1");
    let remove = ctr.finally(&["images", "rm", "--sync", &image]);
    let archive = layout.archive();
    let words = [
        "images",
        "import",
        "--all-platforms",
        "--base-name",
        &name,
        text(&archive),
    ];
    ctr.run(&words);
    (server, layout, image, remove)
}

#[tokio::test]
async fn containerd_pulls_back_the_whole_index_that_it_pushed() {
    let Some(ctr) = ctr() else { return };
    let (server, layout, image, _remove) = imported(&ctr).await;

    push(&ctr, &[&image]);
    let stored = Stored::whole(&server, "team/multi", "1").await;
    assert_eq!(stored.digest, layout.index.digest);
    // containerd sends a blob in one PUT.
    assert_answered(&server, "append_upload", 202, 0).await;

    ctr.run(&["images", "rm", "--sync", &image]);
    let gone = ctr.fail(&["content", "get", &layout.index.digest]);
    assert!(gone.contains("not found"), "{gone}");
    pull(&ctr, &["--all-platforms", &image]);
    for manifest in layout.manifests.iter().chain([&layout.index]) {
        let content = ctr.run(&["content", "get", &manifest.digest]);
        assert_eq!(content.as_bytes(), manifest.bytes);
    }
}

#[tokio::test]
async fn containerd_runs_the_one_platform_that_it_pulled() {
    let Some(ctr) = ctr() else { return };
    let (server, layout, image, _remove) = imported(&ctr).await;
    push(&ctr, &[&image]);
    ctr.run(&["images", "rm", "--sync", &image]);

    pull(&ctr, &[&image]);
    // A config and two layers.
    assert_answered(&server, "get_blob", 200, 3).await;
    let container = format!("berth-{}", server.pid());
    let said = run(&ctr, &image, &container);
    assert_eq!(said, layout.said);
}

#[tokio::test]
async fn containerd_pushes_one_platform_without_the_index() {
    let Some(ctr) = ctr() else { return };
    let (server, layout, image, _remove) = imported(&ctr).await;
    let single = format!("{}/team/single:1", server.host());
    let [_, other] = platforms();
    let platform = format!("linux/{other}");
    push(&ctr, &["--platform", &platform, &single, &image]);
    let stored = Stored::whole(&server, "team/single", "1").await;
    assert_eq!(stored.digest, layout.manifests[1].digest);
    // The index was never pushed.
    let path = format!("/v2/team/single/manifests/{}", layout.index.digest);
    let answer = server.head(&path).send().await.expect("an answer");
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn containerd_sends_nothing_when_the_tag_is_there_already() {
    let Some(ctr) = ctr() else { return };
    let (server, _layout, image, _remove) = imported(&ctr).await;
    push(&ctr, &[&image]);
    // Two layers and two configs; two manifests and an index.
    assert_answered(&server, "start_upload", 202, 4).await;
    assert_answered(&server, "put_manifest", 201, 3).await;
    push(&ctr, &[&image]);
    assert_answered(&server, "start_upload", 202, 4).await;
    assert_answered(&server, "put_manifest", 201, 3).await;
}
