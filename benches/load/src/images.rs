use std::ops::Range;

use berth_oci::{Algorithm, Digest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const LAYERS: u64 = 3;
const LAYER_BYTES: usize = 4096;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image that no other has anything of.
pub(super) struct Image {
    pub(super) tag: String,
    /// The layers, and the config last, as clients send them.
    pub(super) blobs: Vec<Blob>,
    pub(super) manifest: Blob,
}

pub(super) struct Blob {
    pub(super) media_type: &'static str,
    pub(super) digest: Digest,
    pub(super) bytes: Vec<u8>,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            media_type,
            digest: Digest::of(Algorithm::Sha256, &bytes),
            bytes,
        }
    }

    fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": self.digest.as_str(),
            "size": self.bytes.len(),
        })
    }
}

/// The images of each client, of which `numbers` are all.
pub(super) fn shares(numbers: Range<u64>, clients: usize) -> Vec<Vec<Image>> {
    let mut shares: Vec<_> = (0..clients).map(|_| Vec::new()).collect();
    for (number, share) in numbers.zip((0..clients).cycle()) {
        shares[share].push(image(number));
    }
    shares
}

fn image(number: u64) -> Image {
    let mut blobs: Vec<_> = (0..LAYERS)
        .map(|layer| Blob::new(LAYER, layer_bytes(number * LAYERS + layer)))
        .collect();
    let layers: Vec<_> = blobs.iter().map(Blob::descriptor).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"number": number.to_string()}},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = Blob::new(CONFIG, config.to_string().into_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(),
        "layers": layers,
    });
    blobs.push(config);
    Image {
        tag: format!("v{number}"),
        blobs,
        manifest: Blob::new(MANIFEST, manifest.to_string().into_bytes()),
    }
}

/// Bytes that no file system can make smaller.
fn layer_bytes(number: u64) -> Vec<u8> {
    (0..LAYER_BYTES as u64 / 32)
        .flat_map(|part| {
            let mut hash = Sha256::new();
            hash.update(number.to_be_bytes());
            hash.update(part.to_be_bytes());
            hash.finalize()
        })
        .collect()
}
