use std::hint::black_box;

use berth_oci::{Endpoint, Manifest, MediaType, Reference};
use berth_registry::auth::Scope;
use http::{Method, Uri};
use serde_json::json;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const UPLOAD: &str = "8b6bf0a8-6f4a-4c6d-9a8e-2f1d3f4f7a10";

/// Reads one path of each kind that a push and a pull ask for.
pub(super) fn paths() -> anyhow::Result<impl Fn() -> usize> {
    let name = "/v2/shop/backend/web";
    let asked = [
        (Method::GET, "/v2/".to_owned()),
        (Method::HEAD, format!("{name}/manifests/1.4.2")),
        (Method::GET, format!("{name}/manifests/{DIGEST}")),
        (Method::GET, format!("{name}/blobs/{DIGEST}")),
        (Method::POST, format!("{name}/blobs/uploads/")),
        (Method::PATCH, format!("{name}/blobs/uploads/{UPLOAD}")),
        (
            Method::PUT,
            format!("{name}/blobs/uploads/{UPLOAD}?digest={DIGEST}"),
        ),
        (Method::PUT, format!("{name}/manifests/1.4.2")),
        (Method::GET, format!("{name}/tags/list?n=100&last=1.4.2")),
        (Method::GET, format!("{name}/referrers/{DIGEST}")),
    ];
    let asked = asked
        .into_iter()
        .map(|(method, path)| Ok((method, path.parse::<Uri>()?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(move || {
        let read = |(method, uri): &(Method, Uri)| {
            Endpoint::parse(method, uri.path(), uri.query().unwrap_or_default()).is_ok()
        };
        asked.iter().filter(|one| read(black_box(one))).count()
    })
}

pub(super) fn references() -> [bool; 3] {
    let read = |text: &str| black_box(text).parse::<Reference>().is_ok();
    [read("latest"), read("1.4.2-rc.1_amd64"), read(DIGEST)]
}

/// Checks the manifest of an image of ten layers and an index of ten images.
pub(super) fn manifests() -> impl Fn() -> [bool; 2] {
    let descriptor =
        |media_type: &str| json!({"mediaType": media_type, "digest": DIGEST, "size": 7023});
    let layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip");
    let image = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": vec![layer; 10],
        "annotations": {"org.opencontainers.image.version": "1.4.2"},
    });
    let mut platform = descriptor(MediaType::OCI_MANIFEST);
    platform["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": vec![platform; 10],
    });
    let (image, index) = (image.to_string(), index.to_string());
    move || {
        let check = |kind: &str, text: &str| Manifest::parse(Some(kind), text.as_bytes()).is_ok();
        [
            check(MediaType::OCI_MANIFEST, black_box(&image)),
            check(MediaType::OCI_INDEX, black_box(&index)),
        ]
    }
}

pub(super) fn scopes() -> Vec<Scope> {
    Scope::parse_all(black_box([
        "repository:shop/backend/web:pull,push repository:library/alpine:pull",
        "registry:catalog:*",
    ]))
}
