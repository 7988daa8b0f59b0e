//! What the server tells of itself.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::block_in_place;

use crate::support::{Blob, Image, Raw, TestServer, random_bytes, until};

/// The samples of `/metrics` by name and labels.
async fn metrics(server: &TestServer) -> BTreeMap<String, f64> {
    let answer = server.get("/metrics").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = answer.text().await.expect("text");
    assert!(text.ends_with("# EOF\n"), "{text}");
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a sample");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

#[tokio::test]
async fn an_answer_to_head_is_complete_whatever_it_says() {
    let server = TestServer::start().await;
    for path in ["/v2/", "/v2/app/manifests/latest"] {
        let answer = server.head(path).send().await.expect("an answer");
        let id = answer.headers()["x-request-id"].to_str().expect("an id");
        assert_eq!(server.access_line(id).await["complete"], true, "{path}");
    }
}

#[tokio::test]
async fn the_health_checks_answer() {
    let server = TestServer::start().await;
    let live = server.get("/livez").send().await.expect("an answer");
    assert_eq!(live.status(), StatusCode::OK);
    assert_eq!(live.text().await.expect("text"), "ok\n");
    let ready = server.get("/readyz").send().await.expect("an answer");
    assert_eq!(ready.status(), StatusCode::OK);
    assert_eq!(ready.headers()["content-type"], "application/json");
    assert_eq!(ready.headers()["cache-control"], "no-store");
    assert_eq!(
        ready.json::<Value>().await.expect("JSON"),
        json!({
            "ready": true,
            "database": {"reads": "ok", "writes": "ok"},
            "store": {"reads": "ok", "writes": "ok"},
        })
    );
    let post = server.post("/livez").send().await.expect("an answer");
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_store_that_is_gone_is_not_ready() {
    let server = TestServer::start().await;
    std::fs::remove_dir_all(server.data_dir().join("store")).expect("a folder");
    let ready = server.get("/readyz").send().await.expect("an answer");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let report: Value = ready.json().await.expect("JSON");
    assert_eq!(report["ready"], false);
    assert_eq!(report["database"], json!({"reads": "ok", "writes": "ok"}));
    assert_ne!(report["store"]["reads"], "ok");
    let text = report.to_string();
    let place = server.data_dir().to_str().expect("a path");
    assert!(!text.contains(place), "it tells where the data is: {text}");
}

#[tokio::test]
async fn the_metrics_move_with_what_happens() {
    let server = TestServer::start().await;
    let before = metrics(&server).await;
    let image = Image::small(1);
    image.push(&server, "observed/image", "latest").await;
    for _ in 0..3 {
        let pulled = server
            .get("/v2/observed/image/manifests/latest")
            .send()
            .await;
        pulled.expect("an answer").bytes().await.expect("a body");
    }
    server
        .get("/v2/observed/image/manifests/none")
        .send()
        .await
        .expect("an answer");
    let mut after = BTreeMap::new();
    let moved = |after: &BTreeMap<String, f64>, name: &str| {
        after.get(name).copied().unwrap_or_default() - before.get(name).copied().unwrap_or_default()
    };
    let expected = [
        (
            r#"berth_http_requests_total{endpoint="get_manifest",status="200"}"#,
            3.0,
        ),
        (
            r#"berth_http_requests_total{endpoint="get_manifest",status="404"}"#,
            1.0,
        ),
        (
            r#"berth_http_requests_total{endpoint="put_manifest",status="201"}"#,
            1.0,
        ),
        (
            r#"berth_http_requests_total{endpoint="finish_upload",status="201"}"#,
            2.0,
        ),
        (
            r#"berth_http_request_duration_seconds_count{endpoint="get_manifest"}"#,
            4.0,
        ),
    ];
    // An answer is counted when its last byte has gone, which may be after its client has it.
    until("the counts of what was done", async || {
        after = metrics(&server).await;
        expected
            .iter()
            .all(|(name, count)| moved(&after, name) >= *count)
    })
    .await;
    for (name, count) in expected {
        assert_eq!(moved(&after, name), count, "{name} in {after:#?}");
    }
    let blobs = image.layers[0].bytes.len() + image.config.bytes.len();
    let pushed = (blobs + image.manifest.bytes.len()) as f64;
    assert_eq!(moved(&after, "berth_http_received_bytes_total"), pushed);
    assert!(
        moved(&after, "berth_http_sent_bytes_total") >= 3.0 * image.manifest.bytes.len() as f64
    );
    assert!(moved(&after, "berth_database_commits_total") >= 3.0);
    assert!(after["berth_http_connections"] >= 1.0);
}

#[tokio::test]
async fn each_request_has_one_line_with_the_id_of_its_answer() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(1, 10_000));
    blob.push(&server, "observed/lines").await;
    let digest = &blob.digest;
    let cases = [
        (
            "GET",
            format!("/v2/observed/lines/blobs/{digest}"),
            "get_blob",
            200,
            10_000,
        ),
        (
            "HEAD",
            format!("/v2/observed/lines/blobs/{digest}"),
            "head_blob",
            200,
            0,
        ),
        ("GET", "/v2/".to_owned(), "version", 200, 2),
        (
            "PUT",
            "/v2/UPPER/manifests/latest".to_owned(),
            "invalid",
            400,
            -1,
        ),
        ("GET", "/nowhere".to_owned(), "other", 404, -1),
    ];
    for (method, path, endpoint, status, sent) in cases {
        let method = method.parse().expect("a method");
        let answer = server
            .request(method, &path)
            .send()
            .await
            .expect("an answer");
        let id = answer.headers()["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned();
        let method = if endpoint == "head_blob" { "HEAD" } else { "" };
        let length = answer.bytes().await.expect("a body").len();
        let line = server.access_line(&id).await;
        assert_eq!(line["path"], path, "{line}");
        assert_eq!(line["endpoint"], endpoint, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["complete"], true, "{line}");
        assert_eq!(line["sent_bytes"], length, "{line}");
        assert!(sent < 0 || line["sent_bytes"] == sent, "{line}");
        assert!(
            line["message"]
                .as_str()
                .is_some_and(|text| text.contains(method)),
            "{line}"
        );
        assert!(
            line["peer"]
                .as_str()
                .is_some_and(|peer| peer.starts_with("127.0.0.1:")),
            "{line}"
        );
        assert!(line["duration_ms"].is_u64(), "{line}");
    }
}

#[tokio::test]
async fn a_download_that_is_cut_is_told_from_one_that_is_whole() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(2, 48 * 1024 * 1024));
    blob.push(&server, "observed/cuts").await;
    let mut leaving = Raw::connect(&server).await;
    leaving
        .request(format!(
            "GET /v2/observed/cuts/blobs/{} HTTP/1.1\r\nhost: berth\r\n\r\n",
            blob.digest
        ))
        .await;
    let head = leaving.head().await;
    let id = head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    let id = id.expect("an id").to_owned();
    drop(leaving);
    let line = server.access_line(&id).await;
    assert_eq!(line["complete"], false, "{line}");
    assert!(
        line["sent_bytes"].as_u64() < Some(blob.bytes.len() as u64),
        "{line}"
    );
    let message = line["message"].as_str().expect("text");
    assert!(message.ends_with(", cut short"), "{message}");
}

#[tokio::test]
async fn the_access_lines_can_be_turned_off() {
    let mut server = TestServer::builder()
        .env("BERTH_LOG__ACCESS", false)
        .start()
        .await;
    let blob = Blob::new(random_bytes(3, 100));
    blob.push(&server, "observed/quiet").await;
    until("the line of the push", async || {
        let log = server.log();
        log.iter()
            .any(|line| line["digest"] == blob.digest.as_str())
    })
    .await;
    server.stop();
    let log = server.log();
    assert!(
        log.iter().all(|line| line["target"] != "access"),
        "{log:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_their_own_serves_the_metrics_alone() {
    let mut server = TestServer::builder()
        .env("BERTH_METRICS__LISTEN", "127.0.0.1:0")
        .start()
        .await;
    let log = server.log();
    let mut addresses = log
        .iter()
        .filter_map(|line| line["metrics_address"].as_str());
    let listener = addresses.next().expect("an address").to_owned();
    assert_ne!(listener, server.host());
    let ask = async |path: &str| {
        let answer = server.get(&format!("http://{listener}{path}")).send().await;
        answer.expect("an answer")
    };
    let scrape = ask("/metrics").await;
    assert_eq!(scrape.status(), StatusCode::OK);
    let text = scrape.text().await.expect("text");
    assert!(text.contains("berth_http_connections "), "{text}");
    for path in ["/", "/v2/", "/livez", "/metrics/"] {
        assert_eq!(ask(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    metrics(&server).await;
    assert!(block_in_place(|| server.stop()).success());
    assert!(TcpStream::connect(&listener).await.is_err());
}
