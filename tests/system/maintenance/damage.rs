//! `berth fsck`, beside its server.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use reqwest::StatusCode;
use serde_json::Value;

use super::{assert_clean, run};
use crate::support::{Blob, Image, TestServer, files, random_bytes};

/// The file of a blob.
fn object(server: &TestServer, blob: &Blob) -> PathBuf {
    let store = server.data_dir().join("store/blobs");
    files(&store)
        .into_iter()
        .find(|file| fs::read(file).is_ok_and(|bytes| bytes == blob.bytes))
        .expect("the file of a blob")
}

async fn head(server: &TestServer, blob: &Blob) -> StatusCode {
    let path = format!("/v2/shop/web/blobs/{}", blob.digest);
    let answer = server.head(&path).send().await;
    answer.expect("an answer").status()
}

#[tokio::test]
async fn a_corrupt_blob_is_found_marked_and_mended_by_a_push() {
    let server = TestServer::start().await;
    let data = server.data();
    let image = Image::new([random_bytes(1, 300_000), random_bytes(2, 1000)]);
    image.push(&server, "shop/web", "latest").await;
    Image::small(3).push(&server, "shop/other", "latest").await;
    assert_clean(data.path()).await;

    let layer = &image.layers[0];
    let file = object(&server, layer);
    let mut bytes = layer.bytes.clone();
    bytes[200_000] ^= 0x10;
    fs::write(&file, bytes).expect("a damaged blob");

    let (code, said) = run(data.path(), &["fsck", "--json"]).await;
    assert_eq!(code, Some(1), "{said}");
    let report: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        report["findings"].as_array().map(Vec::len),
        Some(1),
        "{said}"
    );
    let finding = &report["findings"][0];
    assert_eq!(finding["problem"], "corrupt_object", "{said}");
    assert_eq!(finding["digest"], *layer.digest, "{said}");
    assert_eq!(finding["advice"], "push again: shop/web:latest", "{said}");
    assert_eq!(report["checked"]["manifests"], 2, "{said}");
    // Without --repair nothing has changed, and sizes are as they should be.
    assert_eq!(head(&server, layer).await, StatusCode::OK);
    let (code, said) = run(data.path(), &["fsck", "--no-hash"]).await;
    assert_eq!(code, Some(0), "{said}");

    let (code, said) = run(data.path(), &["fsck", "--repair"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 blobs not served"), "{said}");
    assert_eq!(head(&server, layer).await, StatusCode::NOT_FOUND);
    let blob = format!("/v2/shop/web/blobs/{}", layer.digest);
    let answer = server.get(&blob).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    // As docker does: what is there is not sent again, what is not is.
    for blob in image.layers.iter().chain([&image.config]) {
        if head(&server, blob).await == StatusCode::NOT_FOUND {
            blob.push(&server, "shop/web").await;
        }
    }
    let put = image.put_manifest(&server, "shop/web", "latest").await;
    assert_eq!(put.status(), StatusCode::CREATED);
    let answer = server.get(&blob).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.bytes().await.expect("a body"), layer.bytes);
    assert_clean(data.path()).await;
}

#[tokio::test]
async fn a_check_and_its_repairs_take_nothing_from_pushes_beside_them() {
    let server = TestServer::start().await;
    let data = server.data();
    let checking = Cell::new(true);
    let push = async |pusher: u64| {
        let mut pushed = Vec::new();
        while checking.get() || pushed.is_empty() {
            let seed = pusher * 10_000 + pushed.len() as u64;
            let image = Image::new([random_bytes(seed, 2000), random_bytes(seed + 5000, 100)]);
            let repository = format!("busy/{pusher}");
            image.push(&server, &repository, "latest").await;
            pushed.push((repository, image));
        }
        pushed
    };
    let check = async {
        for _ in 0..5 {
            let (code, said) = run(data.path(), &["fsck", "--repair"]).await;
            assert_eq!(code, Some(0), "{said}");
        }
        checking.set(false);
    };
    let ((), first, second, third) = tokio::join!(check, push(1), push(2), push(3));
    for (repository, image) in first.iter().chain(&second).chain(&third) {
        for blob in &image.layers {
            let path = format!("/v2/{repository}/blobs/{}", blob.digest);
            let answer = server.get(&path).send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.bytes().await.expect("a body"), blob.bytes);
        }
    }
    assert_clean(data.path()).await;
}

#[tokio::test]
async fn a_check_of_nothing_is_no_clean_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (code, said) = run(folder.path(), &["fsck"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no database"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
