//! A disk without space: pushes fail and say why, pulls go on, and what a failed push took comes
//! back.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    Blob, Disk, Image, OCI_MANIFEST, Session, TestServer, files, random_bytes, until,
};

const MIB: usize = 1024 * 1024;

async fn assert_full(answer: Response, what: &str) {
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{text}");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let error = json!({
        "code": "UNAVAILABLE",
        "message": format!("no space is left to store the {what}"),
    });
    assert_eq!(document, json!({"errors": [error]}));
}

async fn readiness(server: &TestServer) -> (StatusCode, Value) {
    let answer = server.get("/readyz").send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn assert_pulls(server: &TestServer, repository: &str, image: &Image) {
    for (path, digest) in [
        (
            format!("manifests/{}", image.manifest.digest),
            &image.manifest.digest,
        ),
        ("manifests/latest".to_owned(), &image.manifest.digest),
        (
            format!("blobs/{}", image.layers[0].digest),
            &image.layers[0].digest,
        ),
    ] {
        let answer = server.get(&format!("/v2/{repository}/{path}")).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(
            &Blob::new(answer.bytes().await.expect("a body")).digest,
            digest
        );
    }
}

#[tokio::test]
async fn a_blob_that_is_larger_than_the_disk_is_refused_and_leaves_nothing() {
    let Some(disk) = Disk::mount(16) else { return };
    let server = TestServer::builder().start_on(disk.folder()).await;
    let repository = "disk/full";
    let image = Image::new([random_bytes(1, 2 * MIB)]);
    image.push(&server, repository, "latest").await;
    let large = Blob::new(random_bytes(2, 24 * MIB));
    let before = disk.free();

    let single = format!("/v2/{repository}/blobs/uploads/?digest={}", large.digest);
    let by_put = Session::start(&server, repository).await;
    let by_patch = Session::start(&server, repository).await;
    let requests = [
        server.post(&single).body(large.bytes.clone()),
        by_put.put(&server, &large.digest, &large.bytes),
        by_patch.patch(&server, &large.bytes),
    ];
    for request in requests {
        let answer = request.send().await;
        assert_full(answer.expect("an answer"), "blob").await;
        assert_pulls(&server, repository, &image).await;
        let after = disk.free();
        assert!(
            after + (MIB as u64) / 2 > before,
            "{before} bytes were free before, {after} after"
        );
    }
    for session in [by_put, by_patch] {
        let gone = session.status(&server).await;
        assert_eq!(gone.status, 404, "{gone:?}: {:#?}", server.log());
    }
    assert_eq!(
        files(&disk.path().join("store/uploads")),
        Vec::<std::path::PathBuf>::new()
    );
    Image::new([random_bytes(3, 4 * MIB)])
        .push(&server, repository, "next")
        .await;
}

#[tokio::test]
async fn pulls_go_on_while_the_disk_is_full_and_pushes_once_there_is_space() {
    let Some(disk) = Disk::mount(16) else { return };
    let server = TestServer::builder().start_on(disk.folder()).await;
    let repository = "disk/full";
    let image = Image::new([random_bytes(1, 2 * MIB)]);
    image.push(&server, repository, "latest").await;
    let session = Session::start(&server, repository).await;
    disk.fill();

    let blob = Blob::new(random_bytes(2, MIB));
    let answer = session.patch(&server, &blob.bytes).send().await;
    assert_full(answer.expect("an answer"), "blob").await;
    until("a readiness check that finds the disk full", async || {
        let (status, report) = readiness(&server).await;
        assert_eq!(status, StatusCode::OK, "{report}");
        assert_eq!(report["ready"], true, "{report}");
        assert_eq!(report["database"]["reads"], "ok", "{report}");
        assert_eq!(report["store"]["reads"], "ok", "{report}");
        let writes = report["store"]["writes"].as_str().expect("text").to_owned();
        writes.contains("no space")
    })
    .await;
    assert_pulls(&server, repository, &image).await;

    disk.make_space();
    blob.push(&server, repository).await;
    Image::small(3).push(&server, repository, "latest").await;
    until("a readiness check that finds space", async || {
        let (_, report) = readiness(&server).await;
        report["store"]["writes"] == "ok" && report["database"]["writes"] == "ok"
    })
    .await;
}

#[tokio::test]
async fn a_database_without_space_refuses_pushes_and_keeps_what_it_has() {
    let Some(disk) = Disk::mount(8) else { return };
    let database = format!("sqlite://{}", disk.path().join("berth.db").display());
    let server = TestServer::builder()
        .env("BERTH_DATABASE__URL", database)
        .start()
        .await;
    let repository = "disk/full";
    let image = Image::new([random_bytes(1, MIB)]);
    image.push(&server, repository, "latest").await;
    let store = server.data_dir().join("store");
    let before = files(&store);
    disk.fill();

    // More than the log of the database has room for from before.
    let mut large: Value = serde_json::from_slice(&image.manifest.bytes).expect("JSON");
    large["annotations"] = json!({"large": "a".repeat(3 * MIB)});
    let put = |reference: &str| {
        server
            .put(&format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", OCI_MANIFEST)
            .body(large.to_string())
    };
    assert_full(put("latest").send().await.expect("an answer"), "metadata").await;
    assert_pulls(&server, repository, &image).await;

    // Blobs have all the space they want; their rows have none once the log has used up its own.
    let refused = async {
        for seed in 0..100_000 {
            let blob = Blob::new(random_bytes(seed + 100, 10_000));
            let single = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
            let answer = server.post(&single).body(blob.bytes).send().await;
            let answer = answer.expect("an answer");
            if answer.status() != StatusCode::CREATED {
                return (seed, answer);
            }
        }
        panic!("the disk of the database is not full");
    };
    let (stored, answer) = refused.await;
    assert_full(answer, "metadata").await;
    let after = files(&store).len();
    let expected = before.len() + usize::try_from(stored).expect("a count");
    assert_eq!(after, expected, "what the refused push has left");
    let (status, report) = readiness(&server).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_pulls(&server, repository, &image).await;

    disk.make_space();
    let answer = put("latest").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
}
