use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::PROJECTS;
use super::worker::Worker;
use crate::support::{Image, TestServer, ask, digest_of, files};

/// What projects use is what they have, each blob counted once.
pub(super) async fn check_usage(server: &TestServer, workers: &[Worker]) {
    for project in PROJECTS {
        let of_project = || workers.iter().filter(|worker| worker.project() == project);
        let blobs: BTreeMap<_, _> = of_project()
            .flat_map(Worker::blobs)
            .map(|blob| (&blob.digest, blob.bytes.len()))
            .collect();
        let manifests: usize = of_project().map(Worker::manifest_bytes).sum();
        let path = format!("/api/v1/projects/{project}/quota");
        let quota = ask(server.get(&path)).await.expect(200).json();
        let counted = blobs.values().sum::<usize>() + manifests;
        assert_eq!(quota["used_bytes"], counted, "{project}");
    }
}

/// The database and the store agree with themselves and with each other.
pub(super) fn check_with_fsck(server: &TestServer) {
    let checked = Command::new(env!("CARGO_BIN_EXE_berth"))
        .arg("fsck")
        .env_clear()
        .env("BERTH_DATA_DIR", server.data_dir())
        .output()
        .expect("berth starts");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}\n{:?}", checked.stderr);
}

/// The store has the blobs of what is there, each once, and nothing else but what the cache may have.
pub(super) async fn check(server: &TestServer, workers: &[Worker], upstream: &[Image]) {
    let store = server.data_dir().join("store");
    let mut objects = BTreeSet::new();
    for file in files(&store.join("blobs")) {
        let upload = file.file_name().expect("a name");
        if store.join("uploads").join(upload).exists() {
            // Of a session that was about to be closed, and can be gone on with.
            continue;
        }
        let digest = digest_of(&fs::read(&file).expect("an object can be read"));
        assert!(objects.insert(digest.clone()), "{digest} has two objects");
    }
    let needed: BTreeSet<_> = workers
        .iter()
        .flat_map(Worker::blobs)
        .map(|blob| blob.digest.clone())
        .collect();
    let cached: BTreeSet<_> = upstream
        .iter()
        .flat_map(|image| image.layers.iter().chain([&image.config]))
        .map(|blob| blob.digest.clone())
        .collect();
    for digest in &needed {
        assert!(objects.contains(digest), "{digest} has no object");
    }
    for digest in &objects {
        assert!(
            needed.contains(digest) || cached.contains(digest),
            "nobody needs {digest}; log: {:#?}",
            server.log()
        );
    }
}
