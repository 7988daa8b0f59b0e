//! Images as people push them: of layers, with a history, in several platforms, and with what is
//! attached to them.

use serde_json::{Value, json};

use crate::support::{Blob, Caller, OCI_MANIFEST, ask, random_bytes};

pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Commands of a history, and the sizes of the layers that they have made; 0 for none.
const HISTORY: [(&str, usize); 7] = [
    ("/bin/sh -c #(nop) ADD file:5a9f1c0e in / ", 2_900_000),
    ("/bin/sh -c #(nop)  CMD [\"bash\"]", 0),
    (
        "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends ca-certificates curl tzdata && rm -rf /var/lib/apt/lists/* # buildkit",
        740_000,
    ),
    ("WORKDIR /srv/app", 32),
    ("COPY package.json package-lock.json ./ # buildkit", 41_000),
    ("RUN /bin/sh -c npm ci --omit=dev # buildkit", 1_300_000),
    ("COPY . . # buildkit", 260_000),
];

/// Pushes a version of a web application for two platforms under a tag.
pub(super) async fn push_web(caller: &Caller, repository: &str, version: &str) -> Pushed {
    let mut entries = Vec::new();
    let mut images = Vec::new();
    for (architecture, variant) in [("amd64", None), ("arm64", Some("v8"))] {
        let image = push_platform(caller, repository, version, architecture).await;
        let mut platform = json!({"os": "linux", "architecture": architecture});
        if let Some(variant) = variant {
            platform["variant"] = json!(variant);
        }
        let mut entry = image.descriptor(OCI_MANIFEST);
        entry["platform"] = platform;
        entries.push(entry);
        images.push(image);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": entries,
        "annotations": {
            "org.opencontainers.image.source": "https://git.example.com/shop/web",
            "org.opencontainers.image.revision": "9f2c1b7e6a5d4c3b2a190807f6e5d4c3b2a19080",
        },
    });
    Pushed {
        index: push_manifest(caller, repository, version, &index).await,
        image: images.swap_remove(0),
    }
}

/// What has the tag, and the image of the first platform.
pub(super) struct Pushed {
    pub(super) index: Blob,
    pub(super) image: Blob,
}

async fn push_platform(
    caller: &Caller,
    repository: &str,
    version: &str,
    architecture: &str,
) -> Blob {
    let made = HISTORY.iter().enumerate();
    let layers = made.filter(|(_, (_, size))| *size > 0);
    let layers: Vec<Blob> = layers
        .map(|(number, (_, size))| {
            // The last ones are different in each version.
            let own = number > 4;
            let seed = if own {
                format!("{version}{architecture}")
            } else {
                architecture.to_owned()
            };
            let seed = seed.bytes().fold(number as u64, |seed, byte| {
                seed.wrapping_mul(257) ^ u64::from(byte)
            });
            Blob::new(random_bytes(seed, *size))
        })
        .collect();
    let history: Vec<Value> = HISTORY
        .iter()
        .map(|(command, size)| {
            json!({"created": "2026-11-03T09:12:44Z", "created_by": command, "empty_layer": *size == 0})
        })
        .collect();
    let diff_ids: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
    let config = Blob::new(
        json!({
            "created": "2026-11-03T09:12:44Z",
            "architecture": architecture,
            "os": "linux",
            "config": {
                "User": "node",
                "Entrypoint": ["/usr/local/bin/docker-entrypoint.sh"],
                "Cmd": ["node", "--enable-source-maps", "server.js"],
                "Env": [
                    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "NODE_ENV=production",
                    format!("VERSION={version}"),
                ],
                "ExposedPorts": {"8080/tcp": {}},
                "WorkingDir": "/srv/app",
                "Labels": {
                    "org.opencontainers.image.title": "Web shop",
                    "org.opencontainers.image.version": version,
                    "org.opencontainers.image.licenses": "Apache-2.0",
                },
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        })
        .to_string(),
    );
    for blob in layers.iter().chain([&config]) {
        blob.push(caller, repository).await;
    }
    let layers: Vec<_> = layers.iter().map(|layer| layer.descriptor(LAYER)).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor(CONFIG),
        "layers": layers,
        "annotations": {"org.opencontainers.image.base.name": "docker.io/library/node:24-slim"},
    });
    let digest = Blob::new(manifest.to_string()).digest;
    push_manifest(caller, repository, &digest, &manifest).await
}

/// Pushes what is no image: of one blob, under a tag, or attached to a subject.
pub(super) async fn push_artifact(
    caller: &Caller,
    repository: &str,
    kind: &str,
    at: Result<&str, &Blob>,
) -> Blob {
    let empty = Blob::new("{}");
    let content = Blob::new(format!("what a {kind} has for {repository}"));
    for blob in [&empty, &content] {
        blob.push(caller, repository).await;
    }
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": empty.descriptor("application/vnd.oci.empty.v1+json"),
        "layers": [content.descriptor("application/octet-stream")],
        "annotations": {"org.opencontainers.image.created": "2026-11-03T09:15:02Z"},
    });
    match at {
        Ok(tag) => push_manifest(caller, repository, tag, &manifest).await,
        Err(subject) => {
            manifest["subject"] = subject.descriptor(INDEX);
            let digest = Blob::new(manifest.to_string()).digest;
            push_manifest(caller, repository, &digest, &manifest).await
        }
    }
}

async fn push_manifest(
    caller: &Caller,
    repository: &str,
    reference: &str,
    manifest: &Value,
) -> Blob {
    let blob = Blob::new(manifest.to_string());
    let put = caller
        .put(&format!("/v2/{repository}/manifests/{reference}"))
        .header(
            "content-type",
            manifest["mediaType"].as_str().unwrap_or_default(),
        )
        .body(blob.bytes.clone());
    ask(put).await.expect(201);
    blob
}
