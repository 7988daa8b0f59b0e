//! What somebody does who wants space back, or something that was deleted.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::command_line::Account;
use crate::support::{
    Blob, Image, Session, TestServer, ask, create_project, files, random_bytes, streamed, until,
};

async fn is_there(server: &TestServer, reference: &str) -> bool {
    let path = format!("/v2/shop/web/manifests/{reference}");
    ask(server.get(&path)).await.status == 200
}

/// The number of the deletion that was made last.
fn last_deletion(admin: &Account) -> String {
    admin.json(&["deleted"])[0]["id"].to_string()
}

#[tokio::test]
async fn what_was_deleted_comes_back_with_its_number() {
    let server = TestServer::start().await;
    let admin = Account::admin(&server);
    let image = Image::small(1);
    image.push(&server, "shop/web", "v1").await;
    let name = format!("shop/web@{}", image.manifest.digest);
    for what in ["shop/web:v1", &name, "shop/web"] {
        admin.run(&["rm", "--yes", what]);
        assert!(!is_there(&server, "v1").await, "{what}");
        let list = admin.run(&["deleted", "shop"]);
        assert!(list.contains(what) && list.contains("admin"), "{list}");
        let number = last_deletion(&admin);
        assert_eq!(admin.run(&["undelete", &number]), "restored\n");
        assert!(is_there(&server, "v1").await, "{what}");
        let again = admin.fail(&["undelete", &number]);
        assert!(again.contains("could be taken back"), "{again}");
    }
    let refused = admin.fail(&["project", "rm", "shop"]);
    assert!(refused.contains("has images"), "{refused}");
    admin.run(&["project", "rm", "shop", "--with-images", "--yes"]);
    assert!(!is_there(&server, "v1").await);
    admin.run(&["undelete", &last_deletion(&admin)]);
    assert!(is_there(&server, "v1").await);
}

#[tokio::test]
async fn a_dry_run_lists_what_then_goes() {
    let builder = TestServer::builder().env("BERTH_COLLECTION__GRACE_SECONDS", 2);
    let server = builder.start().await;
    let admin = Account::admin(&server);
    let (kept, gone) = (Image::small(1), Image::small(2));
    kept.push(&server, "shop/web", "kept").await;
    gone.push(&server, "shop/web", "gone").await;
    admin.run(&["rm", "--yes", &format!("shop/web@{}", gone.manifest.digest)]);
    let told = admin.json(&["gc", "--dry-run"]);
    let layer = &gone.layers[0].digest;
    let blobs = told["blobs"].as_array().expect("blobs");
    assert!(blobs.iter().any(|blob| blob["digest"] == *layer), "{told}");
    let kept_layer = &kept.layers[0].digest;
    assert!(!told.to_string().contains(kept_layer), "{told}");

    // Not by asking for the blob: whoever is told that it is there may rely on it for a while.
    until("it has gone", async || {
        admin.run(&["gc"]);
        admin.json(&["gc", "--dry-run"])["blobs"] == json!([])
    })
    .await;
    let path = format!("/v2/shop/web/blobs/{layer}");
    assert_eq!(ask(server.get(&path)).await.status, 404);
    let audit = ask(server.get("/api/v1/audit")).await.expect(200).json();
    assert_eq!(audit["items"][0]["action"], "collection.run", "{audit}");
    assert!(is_there(&server, "kept").await);
    let path = format!("/v2/shop/web/blobs/{kept_layer}");
    assert_eq!(ask(server.get(&path)).await.status, 200);
}

#[tokio::test]
async fn a_quota_is_shown_set_and_taken_away() {
    let server = TestServer::start().await;
    let admin = Account::admin(&server);
    create_project(&server, "shop").await;
    let quota = |arguments: &[&str]| -> Value {
        admin.json(&[&["project", "quota", "shop"], arguments].concat())
    };
    assert_eq!(quota(&[])["quota_bytes"], Value::Null);
    assert_eq!(quota(&["10GiB"])["quota_bytes"], 10_u64 << 30);
    assert_eq!(quota(&["1kB"])["quota_bytes"], 1000);
    let shown = admin.run(&["project", "quota", "shop"]);
    assert!(shown.contains("quota"), "{shown}");
    let blob = Image::small(1).layers.remove(0);
    let push = async |repository: &str| {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
        ask(server.post(&path).body(blob.bytes.clone())).await
    };
    push("shop/web").await.expect(201);
    push("shop/other").await.expect(201);
    assert_eq!(quota(&[])["used_bytes"], 512);
    let more = Image::small(2).layers.remove(0);
    let path = format!("/v2/shop/web/blobs/uploads/?digest={}", more.digest);
    let refused = ask(server.post(&path).body(more.bytes.clone())).await;
    refused.expect_error(403, "DENIED");
    assert_eq!(quota(&["none"])["quota_bytes"], Value::Null);
    ask(server.post(&path).body(more.bytes)).await.expect(201);
}

/// Docker sends a layer without saying how long it is.
#[tokio::test]
async fn a_quota_holds_while_a_blob_of_unknown_length_comes() {
    let server = TestServer::start().await;
    let admin = Account::admin(&server);
    create_project(&server, "shop").await;
    admin.run(&["project", "quota", "shop", "3MiB"]);
    let blob = Blob::new(random_bytes(1, 2 << 20));
    blob.push(&server, "shop/web").await;

    let large = Blob::new(random_bytes(2, 5 << 20));
    let session = Session::start(&server, "shop/web").await.location;
    let refused = ask(server.patch(&session).body(streamed(&large.bytes))).await;
    refused.expect_error(403, "DENIED");
    ask(server.get(&session)).await.expect(404);
    let staged = files(&server.data_dir().join("store/uploads"));
    assert_eq!(staged, Vec::<PathBuf>::new());

    // What the project has already takes nothing.
    let path = format!("/v2/shop/other/blobs/uploads/?digest={}", blob.digest);
    ask(server.post(&path).body(streamed(&blob.bytes)))
        .await
        .expect(201);
}
