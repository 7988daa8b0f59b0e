//! `berth backup` beside its server, and `berth restore` elsewhere.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use tempfile::TempDir;

use super::{assert_clean, backup, path, run, said, spawn};
use crate::support::{Disk, Image, Stored, TestServer, files, random_bytes, until};

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("a temporary folder"))
}

/// Pushes images of one small layer each, some at a time.
async fn push_many(server: &TestServer, repository: &str, count: u64) -> Vec<Image> {
    let mut images = Vec::new();
    for begin in (0..count).step_by(8) {
        let part = (begin..count.min(begin + 8)).map(|seed| async move {
            let image = Image::new([random_bytes(seed + 1000, 40_000)]);
            image.push(server, repository, &format!("v{seed}")).await;
            image
        });
        images.extend(join_all(part).await);
    }
    images
}

async fn assert_there(server: &TestServer, repository: &str, images: &[Image]) {
    for (seed, image) in images.iter().enumerate() {
        let stored = Stored::whole(server, repository, &format!("v{seed}")).await;
        assert_eq!(stored.digest, image.manifest.digest);
    }
}

async fn restore(from: &Path, to: &Path) -> String {
    let (code, said) = run(to, &["restore", path(from)]).await;
    assert_eq!(code, Some(0), "{said}");
    said
}

#[tokio::test]
async fn a_backup_during_pushes_has_all_that_was_acknowledged_before_it() {
    let server = TestServer::start().await;
    let before = push_many(&server, "shop/web", 20).await;
    let pushing = Cell::new(true);
    let push = async |pusher: u64| {
        let mut number = 0;
        // And deletes what it has pushed, which counts from then on for the collection.
        while pushing.get() {
            let seed = pusher * 100_000 + number;
            let image = Image::new([random_bytes(seed, 30_000)]);
            let repository = format!("busy/{pusher}");
            image.push(&server, &repository, "latest").await;
            let manifest = format!("/v2/{repository}/manifests/{}", image.manifest.digest);
            let deleted = server.delete(&manifest).send().await.expect("an answer");
            assert_eq!(deleted.status(), StatusCode::ACCEPTED);
            number += 1;
        }
    };
    let to = folder();
    let make = async {
        let said = backup(&server, to.path()).await;
        backup(&server, to.path()).await;
        pushing.set(false);
        said
    };
    let (said, (), (), ()) = tokio::join!(make, push(1), push(2), push(3));
    assert!(said.contains("secret-key elsewhere"), "{said}");
    assert_clean(server.data_dir()).await;

    let elsewhere = folder();
    // The key comes from where its owner keeps it.
    fs::copy(
        server.data_dir().join("secret-key"),
        elsewhere.path().join("secret-key"),
    )
    .expect("the key");
    let said = restore(to.path(), elsewhere.path()).await;
    assert!(!said.contains("entered again"), "{said}");
    assert_clean(elsewhere.path()).await;
    let restored = TestServer::builder().start_on(elsewhere).await;
    assert_there(&restored, "shop/web", &before).await;
    Image::small(7).push(&restored, "shop/web", "new").await;
    assert_clean(restored.data_dir()).await;
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_the_one_before_it() {
    let server = TestServer::start().await;
    let first = push_many(&server, "shop/web", 3).await;
    let to = folder();
    let (code, text) = run(folder().path(), &["restore", path(to.path())]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no backup that was finished"), "{text}");
    backup(&server, to.path()).await;
    let later = push_many(&server, "shop/later", 400).await;

    let blobs = to.path().join("blobs");
    let few = files(&blobs).len();
    let mut child = spawn(server.data_dir(), &["backup", path(to.path())]);
    until("some copied blobs", async || files(&blobs).len() > few + 10).await;
    child.kill().expect("a child that can be killed");
    let (code, text) = said(child.wait_with_output().expect("berth ends"));
    assert_eq!(
        code, None,
        "the backup was done before it was killed: {text}"
    );

    let elsewhere = folder();
    restore(to.path(), elsewhere.path()).await;
    assert_clean(elsewhere.path()).await;
    let restored = TestServer::builder().start_on(elsewhere).await;
    assert_there(&restored, "shop/web", &first).await;

    // The next one goes on with what is there.
    let said = backup(&server, to.path()).await;
    let (before, _) = said.split_once(" of them copied now").expect("a count");
    let copied = before.rsplit_once(' ').expect("a count").1;
    let copied: usize = copied.parse().expect("a count");
    assert!(copied > 0 && copied < later.len() - 10, "{said}");
    let elsewhere = folder();
    restore(to.path(), elsewhere.path()).await;
    assert_clean(elsewhere.path()).await;
    let restored = TestServer::builder().start_on(elsewhere).await;
    assert_there(&restored, "shop/later", &later).await;
}

#[tokio::test]
async fn a_restore_that_is_killed_is_begun_again() {
    let server = TestServer::start().await;
    let images = push_many(&server, "shop/web", 400).await;
    let to = folder();
    backup(&server, to.path()).await;
    let elsewhere = folder();
    let objects = elsewhere.path().join("store/blobs");
    let mut child = spawn(elsewhere.path(), &["restore", path(to.path())]);
    until("some restored blobs", async || {
        objects.exists() && files(&objects).len() > 10
    })
    .await;
    child.kill().expect("a child that can be killed");
    let (code, text) = said(child.wait_with_output().expect("berth ends"));
    assert_eq!(
        code, None,
        "the restore was done before it was killed: {text}"
    );

    // No server takes what is there for an empty registry.
    let (code, text) = run(elsewhere.path(), &["serve"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("a restore was interrupted"), "{text}");
    restore(to.path(), elsewhere.path()).await;
    assert_clean(elsewhere.path()).await;
    let (code, text) = run(elsewhere.path(), &["restore", path(to.path())]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("there is a database already"), "{text}");
    let restored = TestServer::builder().start_on(elsewhere).await;
    assert_there(&restored, "shop/web", &images).await;
    let (code, text) = run(restored.data_dir(), &["restore", path(to.path())]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("another berth is running"), "{text}");
}

#[tokio::test]
async fn a_restore_without_the_key_says_what_to_enter_again_and_is_served() {
    let server = TestServer::start().await;
    let images = push_many(&server, "shop/web", 2).await;
    let upstream = json!({
        "name": "hub",
        "registry": "registry.example",
        "url": "http://127.0.0.1:1",
        "username": "ann",
        "password": "hunter2",
    });
    let made = server
        .post("/api/v1/upstreams")
        .json(&upstream)
        .send()
        .await;
    let made = made.expect("an answer");
    let status = made.status();
    assert_eq!(
        status,
        StatusCode::CREATED,
        "{}",
        made.text().await.expect("text")
    );
    let to = folder();
    backup(&server, to.path()).await;
    for file in files(to.path()) {
        let bytes = fs::read(file).expect("a file");
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
    }
    let elsewhere = folder();
    let said = restore(to.path(), elsewhere.path()).await;
    assert!(said.contains("users have to sign in again"), "{said}");
    assert!(said.contains("upstream hub: its password"), "{said}");
    let restored = TestServer::builder().start_on(elsewhere).await;
    assert_there(&restored, "shop/web", &images).await;
}

#[tokio::test]
async fn a_backup_without_space_says_so_and_keeps_the_one_before_it() {
    let Some(disk) = Disk::mount(8) else { return };
    let server = TestServer::start().await;
    let images = push_many(&server, "shop/web", 2).await;
    let to = disk.path().join("backup");
    backup(&server, &to).await;
    Image::new([random_bytes(1, 12 * 1024 * 1024)])
        .push(&server, "shop/large", "latest")
        .await;
    let (code, said) = run(server.data_dir(), &["backup", path(&to)]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no space is left"), "{said}");
    let elsewhere = folder();
    restore(&to, elsewhere.path()).await;
    assert_clean(elsewhere.path()).await;
    let restored = TestServer::builder().start_on(elsewhere).await;
    assert_there(&restored, "shop/web", &images).await;
}
