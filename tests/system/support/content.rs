use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use super::{Caller, Session, ask};

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// `sha256:…` of bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// `sha512:…` of bytes.
pub fn sha512_of(bytes: &[u8]) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
}

/// Bytes that nobody has sent before, always the same for a seed (splitmix64).
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(length);
    bytes
}

/// Bytes to push, with their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    pub bytes: Vec<u8>,
    pub digest: String,
}

impl Blob {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: digest_of(&bytes),
            bytes,
        }
    }

    pub fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.bytes.len()})
    }

    /// POST, then PUT with the whole body, as containerd does.
    pub async fn push(&self, server: &Caller, repository: &str) {
        let session = Session::start(server, repository).await;
        let put = session.put(server, &self.digest, &self.bytes);
        ask(put).await.expect(201);
    }
}

/// An OCI image of a config and layers.
#[derive(Clone, Debug)]
pub struct Image {
    pub config: Blob,
    pub layers: Vec<Blob>,
    pub manifest: Blob,
}

impl Image {
    pub fn new(layers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let config = Blob::new(
            r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#,
        );
        let layers: Vec<Blob> = layers.into_iter().map(Blob::new).collect();
        let document = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": layers.iter().map(|layer| layer.descriptor("application/vnd.oci.image.layer.v1.tar")).collect::<Vec<_>>(),
        });
        Self {
            config,
            layers,
            manifest: Blob::new(document.to_string()),
        }
    }

    /// An image of one small layer that differs from every other seed's.
    pub fn small(seed: u64) -> Self {
        Self::new([random_bytes(seed, 512)])
    }

    /// Pushes the blobs and then the manifest, under `reference`.
    pub async fn push(&self, server: &Caller, repository: &str, reference: &str) {
        for blob in self.layers.iter().chain([&self.config]) {
            blob.push(server, repository).await;
        }
        let stored = self.put_manifest(server, repository, reference).await;
        assert_eq!(stored.status(), StatusCode::CREATED);
    }

    pub async fn put_manifest(
        &self,
        server: &Caller,
        repository: &str,
        reference: &str,
    ) -> reqwest::Response {
        server
            .put(&format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", OCI_MANIFEST)
            .body(self.manifest.bytes.clone())
            .send()
            .await
            .expect("an answer")
    }
}
