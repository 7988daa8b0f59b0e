//! A disk that fails, or is slow, under the store and the database: what was acknowledged is there, what
//! was refused leaves nothing, and everything goes on by itself once the disk does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::support::{
    Blob, Image, OCI_MANIFEST, Session, TestServer, ask, files, full, random_bytes, tool, until,
};

/// What the store and the database ask of the kernel.
const CALLS: [&str; 6] = ["pwrite64", "pread64", "fsync", "linkat", "unlink", "openat"];
const REPOSITORY: &str = "faulty/disk";

/// Lets a system call fail, or wait, until it is dropped.
struct Faults(Child);

impl Faults {
    /// `fault` is one of strace's: `error=EIO:when=3+2`, `delay_enter=1000`.
    fn inject(server: &TestServer, call: &str, fault: &str) -> Self {
        let mut tracer = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-p", &server.pid().to_string()])
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:{fault}")])
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts");
        let stderr = tracer.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let attached =
            |line: &Result<String, _>| line.as_ref().is_ok_and(|line| line.contains("attached"));
        assert!(lines.any(|line| attached(&line)), "strace did not attach");
        // Later lines are about threads that come and go; the pipe has to be read all the same.
        std::thread::spawn(move || lines.for_each(drop));
        Self(tracer)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // SIGTERM, on which it lets the server go.
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "strace is gone"
        );
        self.0.wait().expect("strace ends");
    }
}

/// An image of one layer that differs from every other seed's, and from its config no more than that.
fn image(seed: u64) -> Image {
    Image::new([random_bytes(seed, 200_000)])
}

/// Whether the whole push was acknowledged. What is not acknowledged is an error of the server, in
/// its form.
async fn push(server: &TestServer, image: &Image, tag: &str) -> bool {
    for blob in image.layers.iter().chain([&image.config]) {
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={}", blob.digest);
        let stored = ask(server.post(&path).body(blob.bytes.clone())).await;
        if stored.status != 201 {
            assert!(stored.status.is_server_error(), "{stored:?}");
            assert!(stored.json()["errors"][0]["code"].is_string(), "{stored:?}");
            return false;
        }
    }
    let put = server
        .put(&format!("/v2/{REPOSITORY}/manifests/{tag}"))
        .header("content-type", OCI_MANIFEST)
        .body(image.manifest.bytes.clone());
    let stored = ask(put).await;
    assert!(
        stored.status == 201 || stored.status.is_server_error(),
        "{stored:?}"
    );
    stored.status == 201
}

async fn assert_there(server: &TestServer, image: &Image, tag: &str) {
    let manifest = ask(server.get(&format!("/v2/{REPOSITORY}/manifests/{tag}"))).await;
    assert_eq!(manifest.expect(200).body, image.manifest.bytes, "{tag}");
    for blob in image.layers.iter().chain([&image.config]) {
        let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
        let answer = ask(server.get(&path)).await.expect(200);
        assert_eq!(answer.body, blob.bytes, "{path}");
    }
}

#[tokio::test]
async fn an_error_of_the_disk_loses_nothing_that_was_acknowledged() {
    if !tool("strace") {
        return;
    }
    let moments = if full() { 1..=40 } else { 1..=3 };
    for call in CALLS {
        let mut failures = 0;
        for number in moments.clone() {
            failures += fail(call, &format!("error=EIO:when={number}+2")).await;
        }
        println!("{call}: {failures} requests have failed");
        // Bytes that can not be removed are nobody's failure: they are removed later.
        assert!(failures > 0 || call == "unlink", "{call} has not failed");
    }
}

#[tokio::test]
async fn a_disk_that_is_slow_only_takes_longer() {
    if !tool("strace") {
        return;
    }
    let server = TestServer::start().await;
    for call in ["fsync", "pwrite64"] {
        let faults = Faults::inject(&server, call, "delay_enter=20000");
        let image = image(1);
        assert!(push(&server, &image, call).await, "{call}");
        drop(faults);
        assert_there(&server, &image, call).await;
    }
}

/// The kernel tells of bytes that it could not write once: to who syncs first, which is no request.
#[tokio::test]
async fn a_sync_that_fails_while_bytes_come_fails_the_push() {
    if !tool("strace") {
        return;
    }
    let server = TestServer::start().await;
    let large = Blob::new(random_bytes(1, 20 * 1024 * 1024));
    let session = Session::start(&server, REPOSITORY).await;
    let faults = Faults::inject(&server, "fdatasync", "error=EIO:when=1");
    let put = ask(session.put(&server, &large.digest, &large.bytes)).await;
    drop(faults);
    assert!(put.status.is_server_error(), "{put:?}");
    let path = format!("/v2/{REPOSITORY}/blobs/{}", large.digest);
    ask(server.head(&path)).await.expect(404);
    large.push(&server, REPOSITORY).await;
    ask(server.head(&path)).await.expect(200);
}

/// Pushes and collects while a call fails, and looks at what is there when it no longer does. How many
/// requests have failed.
async fn fail(call: &str, fault: &str) -> usize {
    let builder = TestServer::builder().env("BERTH_COLLECTION__GRACE_SECONDS", 1);
    let server = builder.start().await;
    let before = image(1);
    assert!(push(&server, &before, "before").await);
    let (mut acknowledged, mut refused) = (vec![(before, "before".to_owned())], Vec::new());

    let faults = Faults::inject(&server, call, fault);
    let mut failures = 0;
    for seed in 2..6 {
        let (image, tag) = (image(seed), format!("tag-{seed}"));
        match push(&server, &image, &tag).await {
            true => acknowledged.push((image, tag)),
            false => refused.push((image, tag)),
        }
        // May fail too, and is done by itself later.
        let collect = server.post("/api/v1/collection/runs").json(&json!({}));
        let collected = ask(collect).await;
        assert!(
            collected.status == 200 || collected.status.is_server_error(),
            "{collected:?}"
        );
        failures += usize::from(collected.status != 200);
    }
    drop(faults);
    failures += refused.len();

    for (image, tag) in &acknowledged {
        assert_there(&server, image, tag).await;
    }
    for (image, tag) in refused {
        assert!(push(&server, &image, &tag).await, "{tag} again");
        acknowledged.push((image, tag));
    }
    let server = server.restart().await;
    for (image, tag) in &acknowledged {
        assert_there(&server, image, tag).await;
    }
    // One layer each, and one config for all of them.
    let objects = acknowledged.len() + 1;
    let store = server.data_dir().join("store");
    until("what was refused is gone", async || {
        files(&store.join("blobs")).len() == objects
    })
    .await;
    failures
}
