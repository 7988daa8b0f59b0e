use berth_oci::MediaType;
use serde_json::{Value, json};

use super::*;
use crate::fixture::{Fixture, descriptor, image, index};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

async fn browse(fixture: &Fixture, reference: &str) -> Option<ImageDetail> {
    let reference = reference.parse().unwrap();
    fixture
        .registry
        .browse_image(&fixture.repository, &reference)
        .await
        .unwrap()
}

async fn parts(fixture: &Fixture, reference: &str) -> ImageParts {
    match browse(fixture, reference).await.unwrap().content {
        Content::Image(parts) => *parts,
        Content::Index(_) => panic!("an index"),
    }
}

fn some(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|&text| text.to_owned()).collect())
}

#[tokio::test]
async fn an_image_says_what_its_config_does() {
    const CONFIG: &[u8] = br#"{
        "os": "linux", "architecture": "arm64", "variant": "v8",
        "created": "2024-05-01T12:00:00Z",
        "config": {
            "Env": ["A=1"], "Entrypoint": ["/bin/app"], "Cmd": null, "ExposedPorts": null,
            "Labels": {"key": "value"}
        },
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [
            {"created_by": "ADD one"},
            {"created_by": "ENV A=1", "empty_layer": true},
            {"comment": "who knows"}
        ]
    }"#;
    let fixture = Fixture::open().await;
    let digest = fixture.push_image(Some("v1"), CONFIG, &[b"1", b"22"]).await;
    let detail = browse(&fixture, "v1").await.unwrap();
    assert_eq!(detail.summary.digest, digest);
    assert_eq!(detail.summary.tags, ["v1".parse().unwrap()]);
    assert_eq!(detail.bytes, image(CONFIG, &[b"1", b"22"]).to_string());
    let Content::Image(parts) = detail.content else {
        panic!("an index");
    };
    let sizes: Vec<_> = parts
        .layers
        .iter()
        .map(|layer| layer.descriptor.size_bytes)
        .collect();
    assert_eq!(sizes, [1, 2]);
    let commands: Vec<_> = parts
        .layers
        .iter()
        .map(|layer| layer.created_by.as_deref())
        .collect();
    assert_eq!(commands, [Some("ADD one"), None]);
    assert_eq!(
        parts.platform,
        Some(Platform {
            os: "linux".to_owned(),
            architecture: "arm64".to_owned(),
            variant: Some("v8".to_owned()),
        })
    );
    assert_eq!(parts.created.as_deref(), Some("2024-05-01T12:00:00Z"));
    assert_eq!(parts.labels.unwrap()["key"], "value");
    assert_eq!(parts.env, some(&["A=1"]));
    assert_eq!(parts.entrypoint, some(&["/bin/app"]));
    assert_eq!(parts.cmd, None);
}

#[tokio::test]
async fn a_damaged_config_is_no_error() {
    const CONFIGS: [&[u8]; 7] = [
        b"",
        b"{",
        b"[]",
        b"\xff\x00",
        br#"{"os": 1}"#,
        br#"{"config": {"Env": {}}}"#,
        br#"{"history": null, "config": null}"#,
    ];
    let fixture = Fixture::open().await;
    for config in CONFIGS {
        fixture.push_image(Some("v1"), config, &[b"1"]).await;
        let parts = parts(&fixture, "v1").await;
        assert_eq!(parts.config.size_bytes, config.len() as u64);
        assert_eq!(parts.platform, None);
        assert_eq!(parts.env, None);
        assert_eq!(parts.layers.len(), 1);
        assert_eq!(parts.layers[0].created_by, None);
    }
}

#[tokio::test]
async fn a_config_that_is_not_of_an_image_is_not_read() {
    const CONFIG: &[u8] = br#"{"os": "linux", "architecture": "amd64"}"#;
    let fixture = Fixture::open().await;
    fixture.push_blob(CONFIG).await;
    let mut chart = image(CONFIG, &[]);
    chart["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    fixture.push_manifest(Some("chart"), &chart).await;
    assert_eq!(parts(&fixture, "chart").await.platform, None);
}

#[tokio::test]
async fn steps_are_not_told_apart_when_there_are_more_or_fewer_than_layers() {
    const CONFIG: &[u8] = br#"{"history": [{"created_by": "ADD one"}]}"#;
    let fixture = Fixture::open().await;
    fixture.push_image(Some("v1"), CONFIG, &[b"1", b"2"]).await;
    let parts = parts(&fixture, "v1").await;
    assert!(parts.layers.iter().all(|layer| layer.created_by.is_none()));
}

#[tokio::test]
async fn an_index_says_which_children_are_here_and_which_are_attestations() {
    let fixture = Fixture::open().await;
    fixture.push_image(None, b"{}", &[b"1"]).await;
    fixture.push_blob(b"cache").await;
    let here = image(b"{}", &[b"1"]).to_string();
    let mut amd64 = descriptor(MediaType::OCI_MANIFEST, here.as_bytes());
    amd64["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let mut attestation = descriptor(MediaType::OCI_MANIFEST, b"absent");
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let blob = descriptor(LAYER, b"cache");
    let mut document = index(&[amd64, attestation, blob]);
    document["annotations"] = json!({"of": "the index"});
    document["subject"] = descriptor(MediaType::OCI_MANIFEST, b"subject");
    let digest = fixture.push_manifest(None, &document).await;
    let detail = browse(&fixture, digest.as_str()).await.unwrap();
    assert_eq!(detail.annotations["of"], "the index");
    assert_eq!(
        detail.subject.map(|subject| Value::from(subject.as_str())),
        Some(document["subject"]["digest"].clone())
    );
    assert_eq!(detail.summary.tags, []);
    let Content::Index(children) = detail.content else {
        panic!("an image");
    };
    let marks: Vec<_> = children
        .iter()
        .map(|child| (child.present, child.attestation))
        .collect();
    assert_eq!(marks, [(true, false), (false, true), (true, false)]);
    let platform = children[0].platform.as_ref().unwrap();
    assert_eq!(
        (platform.os.as_str(), platform.architecture.as_str()),
        ("linux", "amd64")
    );
    assert_eq!(children[2].descriptor.media_type, LAYER);
}

#[tokio::test]
async fn an_absent_image_is_none_and_to_look_is_not_to_pull() {
    let fixture = Fixture::open().await;
    assert_eq!(browse(&fixture, "v1").await, None);
    fixture.push_image(Some("v1"), b"{}", &[b"1"]).await;
    assert!(browse(&fixture, "v1").await.is_some());
    assert_eq!(browse(&fixture, "v2").await, None);
    fixture.registry.close().await;
    let pulls: (i64,) = sqlx::query_as(
        "SELECT (SELECT SUM(pulls) FROM tags) + (SELECT COUNT(*) FROM manifest_pulls)
              + (SELECT SUM(pulls) FROM repository_blobs)",
    )
    .fetch_one(&mut fixture.database().await)
    .await
    .unwrap();
    assert_eq!(pulls.0, 0);
}
