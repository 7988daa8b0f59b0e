//! cosign 2.4 with signatures under tags, and 3.0 with bundles as referrers. It pushes as crane
//! does.

use serde_json::{Value, json};

use super::crane::{APP, Body, push_blob, push_manifest, signed_in};
use crate::support::{Blob, Image, TestServer, ask};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// An image of payloads, each with the signature in its descriptor.
fn signatures(config: &Blob, payloads: &[&Blob], media_type: &str) -> Blob {
    let layers: Vec<Value> = payloads
        .iter()
        .map(|payload| {
            let mut layer = payload.descriptor(media_type);
            layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "MEUCIQ=="});
            layer
        })
        .collect();
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(CONFIG),
        "layers": layers,
    });
    Blob::new(document.to_string())
}

#[tokio::test]
async fn cosign_2_keeps_signatures_and_attestations_under_tags() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let accept = format!("{MANIFEST},{INDEX}");
    let resolved = client
        .get("/v2/team/app/manifests/1")
        .header("accept", accept);
    let resolved = ask(resolved).await.expect(200);
    let digest = resolved.header("docker-content-digest");
    let name = digest.replace(':', "-");

    for (suffix, media_type) in [("sig", SIGNING), ("att", DSSE)] {
        let tag = format!("{name}.{suffix}");
        let path = format!("/v2/team/app/manifests/{tag}");
        // No signature yet is a 404; any other error ends it.
        ask(client.get(&path))
            .await
            .expect_error(404, "MANIFEST_UNKNOWN");
        let payload = Blob::new(format!(r#"{{"critical":"{suffix}"}}"#));
        let config = Blob::new(format!(r#"{{"architecture":"","os":"{suffix}"}}"#));
        push_blob(&client, "team/app", &payload, Body::Sized).await;
        push_blob(&client, "team/app", &config, Body::Sized).await;
        let first = signatures(&config, &[&payload], media_type);
        push_manifest(&client, "team/app", &tag, &first).await;

        // A second signature: the manifest is read, and written anew with one layer more.
        assert_eq!(ask(client.get(&path)).await.expect(200).body, first.bytes);
        let second = Blob::new(format!(r#"{{"critical":"{suffix} 2"}}"#));
        push_blob(&client, "team/app", &second, Body::Sized).await;
        let both = signatures(&config, &[&payload, &second], media_type);
        let put = client.put(&path).header("content-type", MANIFEST);
        ask(put.body(both.bytes.clone())).await.expect(201);
        assert_eq!(ask(client.get(&path)).await.expect(200).body, both.bytes);
    }
}

#[tokio::test]
async fn cosign_3_attaches_a_bundle_and_finds_it_by_its_subject() {
    let server = TestServer::start().await;
    let client = signed_in(&server, &[APP]).await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let subject = &image.manifest;
    let referrers = format!("/v2/team/app/referrers/{}", subject.digest);

    let empty = Blob::new("{}");
    let bundle = Blob::new(r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#);
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": BUNDLE,
        "config": empty.descriptor(EMPTY),
        "layers": [bundle.descriptor(BUNDLE)],
        "subject": subject.descriptor(MANIFEST),
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
        },
    });
    let signature = Blob::new(document.to_string());
    push_blob(&client, "team/app", &empty, Body::Sized).await;
    push_blob(&client, "team/app", &bundle, Body::Sized).await;
    push_manifest(&client, "team/app", &signature.digest, &signature).await;

    // After a push with a subject go-containerregistry asks whether there are referrers. Were this
    // not 200, it would write an index under the tag sha256-….
    let listed = ask(client.get(&referrers).header("accept", INDEX))
        .await
        .expect(200);
    assert_eq!(listed.header("content-type"), INDEX, "{listed:?}");
    let entry = &listed.json()["manifests"][0];
    assert_eq!(entry["digest"], *signature.digest);
    assert_eq!(entry["mediaType"], MANIFEST);
    assert_eq!(entry["size"], signature.bytes.len());
    assert_eq!(entry["artifactType"], BUNDLE);
    // cosign verify reads these before it fetches the bundle.
    assert_eq!(entry["annotations"], document["annotations"]);

    let kind = BUNDLE.replace('/', "%2F").replace('+', "%2B");
    let filtered = format!("{referrers}?artifactType={kind}");
    let filtered = ask(client.get(&filtered).header("accept", INDEX))
        .await
        .expect(200);
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    assert_eq!(
        filtered.json()["manifests"].as_array().map(Vec::len),
        Some(1)
    );
    let other = format!("{referrers}?artifactType=application%2Fother");
    assert_eq!(
        ask(client.get(&other)).await.expect(200).json()["manifests"],
        json!([])
    );

    let path = format!("/v2/team/app/manifests/{}", signature.digest);
    assert_eq!(
        ask(client.get(&path)).await.expect(200).body,
        signature.bytes
    );
    let path = format!("/v2/team/app/blobs/{}", bundle.digest);
    assert_eq!(ask(client.get(&path)).await.expect(200).body, bundle.bytes);
}
