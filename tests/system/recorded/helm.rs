//! Helm 3.18, which pushes and pulls with oras-go 2.6.

use serde_json::json;

use crate::support::{Answer, Blob, Caller, Challenge, TestServer, ask, random_bytes};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
/// A tag has no `+`, so Helm writes version 1.2.3+build.4 so.
const TAG: &str = "1.2.3_build.4";

struct Chart {
    blobs: [Blob; 3],
    manifest: Blob,
}

fn chart() -> Chart {
    let config = Blob::new(r#"{"name":"web","version":"1.2.3+build.4","apiVersion":"v2"}"#);
    let content = Blob::new(random_bytes(1, 5000));
    let provenance = Blob::new("-----BEGIN PGP SIGNED MESSAGE-----\n");
    let manifest = json!({
        "schemaVersion": 2,
        "config": config.descriptor(CONFIG),
        "layers": [provenance.descriptor(PROVENANCE), content.descriptor(CHART)],
        "annotations": {
            "org.opencontainers.image.title": "web",
            "org.opencontainers.image.version": "1.2.3+build.4",
        },
    });
    Chart {
        blobs: [config, content, provenance],
        manifest: Blob::new(manifest.to_string()),
    }
}

/// What oras-go makes a descriptor of: it refuses an answer without a length, and one whose digest
/// is not the one it asked for.
fn must_describe(answer: &Answer, blob: &Blob, media_type: &str) {
    assert_eq!(
        answer.header("content-length"),
        blob.bytes.len().to_string()
    );
    assert_eq!(answer.header("docker-content-digest"), blob.digest);
    assert_eq!(answer.header("content-type"), media_type, "{answer:?}");
}

/// `helm registry login` POSTs and then asks for no scope; `helm push` and `helm pull` GET a token.
async fn signed_in(server: &TestServer, actions: &str) -> Caller {
    let challenge = Challenge::of(server, "/v2/").await;
    let login = challenge.post(server, "oras-go", &[]).await;
    ask(login.get("/v2/")).await.expect(200);
    let challenge = Challenge::of(server, "/v2/charts/web/tags/list").await;
    let scope = format!("repository:charts/web:{actions}");
    challenge.get(server, &[&scope]).await
}

async fn push(client: &Caller, chart: &Chart) {
    let path = format!("/v2/charts/web/manifests/{}", chart.manifest.digest);
    ask(client.head(&path).header("accept", ACCEPT))
        .await
        .expect(404);
    for blob in &chart.blobs {
        let path = format!("/v2/charts/web/blobs/{}", blob.digest);
        ask(client.head(&path)).await.expect(404);
        // 202 and 201 exactly.
        let started = ask(client.post("/v2/charts/web/blobs/uploads/"))
            .await
            .expect(202);
        let upload = client
            .put(&started.location_with(&blob.digest))
            .header("content-type", "application/octet-stream")
            .body(blob.bytes.clone());
        ask(upload).await.expect(201);
    }
    let put = client
        .put(&format!("/v2/charts/web/manifests/{TAG}"))
        .header("content-type", MANIFEST)
        .body(chart.manifest.bytes.clone());
    // oras-go compares the digest of a PUT, too.
    let stored = ask(put).await.expect(201);
    assert_eq!(
        stored.header("docker-content-digest"),
        chart.manifest.digest
    );
}

#[tokio::test]
async fn helm_pulls_the_chart_and_provenance_that_it_pushed() {
    let server = TestServer::start().await;
    let client = signed_in(&server, "pull,push").await;
    let chart = chart();
    push(&client, &chart).await;

    let path = format!("/v2/charts/web/manifests/{TAG}");
    let resolved = ask(client.head(&path).header("accept", ACCEPT))
        .await
        .expect(200);
    must_describe(&resolved, &chart.manifest, MANIFEST);
    let path = format!("/v2/charts/web/manifests/{}", chart.manifest.digest);
    let manifest = ask(client.get(&path).header("accept", MANIFEST))
        .await
        .expect(200);
    must_describe(&manifest, &chart.manifest, MANIFEST);
    assert_eq!(manifest.body, chart.manifest.bytes);
    for blob in &chart.blobs {
        let path = format!("/v2/charts/web/blobs/{}", blob.digest);
        let got = ask(client.get(&path)).await.expect(200);
        must_describe(&got, blob, "application/octet-stream");
        // Then oras-go reads on after an interruption.
        assert_eq!(got.header("accept-ranges"), "bytes", "{got:?}");
        assert_eq!(got.body, blob.bytes);
    }
}

/// `helm show chart --version ^1` lists the tags first, and reads `_` as `+`.
#[tokio::test]
async fn helm_finds_the_versions_of_a_chart_by_its_tags() {
    let server = TestServer::start().await;
    let client = signed_in(&server, "pull,push").await;
    push(&client, &chart()).await;
    let client = signed_in(&server, "pull").await;
    let listed = ask(client.get("/v2/charts/web/tags/list"))
        .await
        .expect(200);
    assert_eq!(listed.json()["tags"], json!([TAG]));
    assert_eq!(listed.maybe("link"), None, "{listed:?}");
    ask(server.get("/v2/charts/none/tags/list"))
        .await
        .expect_error(404, "NAME_UNKNOWN");
}
