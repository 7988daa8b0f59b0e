use serde_json::{Value, json};

use super::*;

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64))
        .parse()
        .expect("a digest")
}

fn descriptor(media_type: &str, letter: char) -> Value {
    json!({"mediaType": media_type, "digest": digest(letter).to_string(), "size": 1})
}

fn edge(role: EdgeRole, letter: char) -> Edge {
    Edge {
        role,
        digest: digest(letter),
        size_bytes: 1,
    }
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", 'a'),
        "layers": [
            descriptor("application/vnd.oci.image.layer.v1.tar+gzip", 'b'),
            descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar", 'c'),
            descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", 'd'),
            descriptor("application/vnd.oci.image.layer.v1.tar+gzip", 'b'),
        ],
    })
}

fn index() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": [descriptor(MediaType::OCI_MANIFEST, 'a'), descriptor("application/vnd.oci.image.layer.v1.tar", 'b')],
    })
}

fn parse(document: &Value) -> Result<Manifest, InvalidManifest> {
    Manifest::parse(None, document.to_string().as_bytes())
}

fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

fn without(mut document: Value, member: &str) -> Value {
    document.as_object_mut().expect("an object").remove(member);
    document
}

#[test]
fn an_image_names_its_config_and_each_layer_once() {
    let manifest = parse(&image()).expect("an image");
    let expected = vec![
        edge(EdgeRole::Config, 'a'),
        edge(EdgeRole::Layer, 'b'),
        edge(EdgeRole::OptionalBlob, 'c'),
        edge(EdgeRole::OptionalBlob, 'd'),
    ];
    assert_eq!(manifest.edges, expected);
    assert_eq!(
        manifest.artifact_type.as_deref(),
        Some("application/vnd.oci.image.config.v1+json")
    );
}

#[test]
fn a_digest_that_is_config_and_layer_at_once_counts_once() {
    let empty = descriptor("application/vnd.oci.empty.v1+json", 'a');
    let artifact = with(
        with(image(), "config", empty.clone()),
        "layers",
        json!([empty]),
    );
    assert_eq!(
        parse(&artifact).expect("an artifact").edges,
        vec![edge(EdgeRole::Config, 'a')]
    );
    let foreign = descriptor(
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        'b',
    );
    let layer = descriptor("application/vnd.oci.image.layer.v1.tar", 'b');
    let twice = with(image(), "layers", json!([foreign, layer]));
    assert_eq!(
        parse(&twice).expect("an image").edges,
        vec![edge(EdgeRole::Config, 'a'), edge(EdgeRole::Layer, 'b')]
    );
}

#[test]
fn an_index_names_manifests_and_blobs_that_need_not_be_there() {
    let manifest = parse(&index()).expect("an index");
    assert_eq!(
        manifest.edges,
        vec![
            edge(EdgeRole::Child, 'a'),
            edge(EdgeRole::OptionalBlob, 'b')
        ]
    );
    assert_eq!(manifest.artifact_type, None);
}

#[test]
fn what_is_legal_is_accepted() {
    let subject = descriptor(MediaType::OCI_MANIFEST, 'f');
    let cases = [
        without(image(), "layers"),
        with(image(), "layers", json!([])),
        with(index(), "manifests", json!([])),
        with(image(), "unknown", json!({"deep": [1, 2, 3]})),
        with(image(), "artifactType", json!("application/vnd.example")),
        with(image(), "subject", subject.clone()),
        with(index(), "subject", subject),
        with(image(), "annotations", json!({"key": "value"})),
        with(image(), "mediaType", json!(MediaType::DOCKER_MANIFEST)),
        with(index(), "mediaType", json!(MediaType::DOCKER_LIST)),
        with(
            index(),
            "manifests",
            json!([descriptor(MediaType::OCI_INDEX, 'a')]),
        ),
    ];
    for document in cases {
        parse(&document).unwrap_or_else(|error| panic!("{error}: {document}"));
    }
}

#[test]
fn what_is_not_a_manifest_is_refused_by_name() {
    let bad_digest = json!({"mediaType": "a/b", "digest": "md5:0a", "size": 1});
    let cases = [
        (without(image(), "config"), "the manifest has no `config`"),
        (
            without(index(), "manifests"),
            "the manifest has no `manifests`",
        ),
        (
            with(image(), "manifests", json!([])),
            "can not have `manifests`",
        ),
        (with(index(), "layers", json!([])), "can not have `layers`"),
        (
            with(index(), "config", descriptor("a/b", 'a')),
            "can not have `config`",
        ),
        (
            with(image(), "schemaVersion", json!(1)),
            "schemaVersion must be 2",
        ),
        (without(image(), "schemaVersion"), "schemaVersion must be 2"),
        (without(image(), "mediaType"), "no mediaType either"),
        (
            with(image(), "mediaType", json!("application/json")),
            "not the media type of a manifest",
        ),
        (
            with(image(), "mediaType", json!(MediaType::DOCKER_SCHEMA1)),
            "not the media type of a manifest",
        ),
        (with(image(), "config", bad_digest), "md5:0a"),
        (with(image(), "layers", json!({})), "can not be read"),
        (
            with(
                image(),
                "config",
                json!({"mediaType": "a/b", "digest": digest('a').to_string(), "size": -1}),
            ),
            "can not be read",
        ),
        (
            with(image(), "annotations", json!({"key": 1})),
            "can not be read",
        ),
        (
            with(image(), "artifactType", json!("a/b\u{0}")),
            "control character",
        ),
        (json!([]), "can not be read"),
        (json!(null), "can not be read"),
    ];
    for (document, expected) in cases {
        let error = parse(&document).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}: {document}");
    }
    let many = vec![descriptor(MediaType::OCI_MANIFEST, 'a'); DESCRIPTORS + 1];
    assert_eq!(
        parse(&with(index(), "manifests", json!(many))),
        Err(InvalidManifest::TooManyDescriptors {
            count: DESCRIPTORS + 1
        })
    );
}

#[test]
fn content_type_and_media_type_agree() {
    let bytes = image().to_string().into_bytes();
    let parse = |content_type| Manifest::parse(content_type, &bytes);
    assert!(parse(Some(MediaType::OCI_MANIFEST)).is_ok());
    assert!(
        parse(Some(
            "application/vnd.oci.image.manifest.v1+json; charset=utf-8"
        ))
        .is_ok()
    );
    assert!(matches!(
        parse(Some(MediaType::DOCKER_MANIFEST)),
        Err(InvalidManifest::Mismatch { .. })
    ));
    assert!(matches!(
        parse(Some(MediaType::DOCKER_SCHEMA1_SIGNED)),
        Err(InvalidManifest::Schema1(_))
    ));
    assert!(matches!(
        parse(Some("nonsense")),
        Err(InvalidManifest::MediaType(_))
    ));
    let bare = without(image(), "mediaType").to_string();
    assert_eq!(
        Manifest::parse(Some(MediaType::OCI_MANIFEST), bare.as_bytes())
            .expect("an image")
            .media_type
            .as_str(),
        MediaType::OCI_MANIFEST
    );
}
