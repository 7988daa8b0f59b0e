//! Images of real files, with Debian's static busybox in the first layer, so that they run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tools::{Program, text};
use super::{Blob, digest_of, random_bytes};

const BUSYBOX: &str = "/bin/busybox";

/// The platform that runs here, and one that does not.
pub fn platforms() -> [&'static str; 2] {
    match std::env::consts::ARCH {
        "aarch64" => ["arm64", "amd64"],
        _ => ["amd64", "arm64"],
    }
}

/// A folder to build an image from: `say` prints what the last layer says. Each layer holds
/// something random, because clients do not send or fetch a layer twice.
pub struct BuildContext {
    folder: TempDir,
    pub said: String,
}

impl BuildContext {
    pub fn new(layers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let said = folder.path().display().to_string();
        let mut dockerfile = "FROM scratch\n".to_owned();
        for layer in 0..layers {
            write_layer(&folder.path().join(format!("layer{layer}")), layer, &said);
            dockerfile.push_str(&format!("COPY layer{layer} /\n"));
        }
        dockerfile.push_str("CMD [\"/bin/busybox\", \"cat\", \"/said\"]\n");
        fs::write(folder.path().join("Dockerfile"), dockerfile).expect("a Dockerfile");
        Self { folder, said }
    }

    pub fn path(&self) -> &str {
        text(self.folder.path())
    }
}

fn write_layer(folder: &Path, layer: usize, said: &str) {
    let digest = digest_of(format!("{said} {layer}").as_bytes());
    let seed = u64::from_str_radix(&digest[7..22], 16).expect("a digest in hexadecimal digits");
    fs::create_dir_all(folder.join("bin")).expect("a folder for a layer");
    fs::write(folder.join("said"), said).expect("a file of a layer");
    fs::write(
        folder.join(format!("random{layer}")),
        random_bytes(seed, 5000),
    )
    .expect("a file");
    if layer == 0 {
        fs::copy(BUSYBOX, folder.join("bin/busybox")).expect("busybox-static is installed");
    }
}

/// An OCI layout: an index of two platforms, each of two layers and a config, tagged `1`.
pub struct Layout {
    folder: TempDir,
    pub index: Blob,
    /// The manifest of the platform that runs here, and that of the other one.
    pub manifests: [Blob; 2],
    pub said: String,
}

impl Layout {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let context = BuildContext::new(2);
        fs::create_dir_all(folder.path().join("blobs/sha256")).expect("a folder for blobs");
        let write = |blob: Blob| {
            fs::write(blob_path(folder.path(), &blob.digest), &blob.bytes).expect("a blob");
            blob
        };
        let layers: Vec<(Blob, String)> = (0..2)
            .map(|layer| {
                let tar = folder.path().join("layer.tar");
                let source = context.folder.path().join(format!("layer{layer}"));
                Program::new(&["tar", "--create", "--sort=name"]).run(&[
                    "--file",
                    text(&tar),
                    "--directory",
                    text(&source),
                    ".",
                ]);
                let diff_id = digest_of(&fs::read(&tar).expect("a tar file"));
                Program::new(&["gzip", "--no-name"]).run(&[text(&tar)]);
                let packed = folder.path().join("layer.tar.gz");
                let blob = write(Blob::new(fs::read(&packed).expect("a packed layer")));
                fs::remove_file(packed).expect("the packed layer is there");
                (blob, diff_id)
            })
            .collect();
        let manifests = platforms().map(|architecture| {
            let config = write(Blob::new(config(architecture, &layers).to_string()));
            let descriptors: Vec<Value> = layers
                .iter()
                .map(|(layer, _)| layer.descriptor("application/vnd.oci.image.layer.v1.tar+gzip"))
                .collect();
            write(Blob::new(
                json!({
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
                    "layers": descriptors,
                })
                .to_string(),
            ))
        });
        let children: Vec<Value> = platforms()
            .iter()
            .zip(&manifests)
            .map(|(architecture, manifest)| {
                let mut child = manifest.descriptor("application/vnd.oci.image.manifest.v1+json");
                child["platform"] = json!({"os": "linux", "architecture": architecture});
                child
            })
            .collect();
        let index = write(Blob::new(
            json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": children,
            })
            .to_string(),
        ));
        let mut root = index.descriptor("application/vnd.oci.image.index.v1+json");
        root["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
        fs::write(
            folder.path().join("index.json"),
            json!({"schemaVersion": 2, "manifests": [root]}).to_string(),
        )
        .expect("index.json");
        fs::write(
            folder.path().join("oci-layout"),
            r#"{"imageLayoutVersion": "1.0.0"}"#,
        )
        .expect("oci-layout");
        Self {
            folder,
            index,
            manifests,
            said: context.said,
        }
    }

    pub fn path(&self) -> &str {
        text(self.folder.path())
    }

    /// The names of all its blobs.
    pub fn blobs(&self) -> Vec<String> {
        blobs(self.folder.path())
    }

    /// The layout as one tar file, which is beside its folder's content.
    pub fn archive(&self) -> PathBuf {
        let archive = self.folder.path().join("layout.tar");
        Program::new(&["tar", "--create"]).run(&[
            "--file",
            text(&archive),
            "--directory",
            self.path(),
            "oci-layout",
            "index.json",
            "blobs",
        ]);
        archive
    }
}

/// The names of the blobs of a layout, in order.
pub fn blobs(layout: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(layout.join("blobs/sha256"))
        .expect("a folder of blobs")
        .map(|entry| {
            entry
                .expect("a blob")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

fn blob_path(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn config(architecture: &str, layers: &[(Blob, String)]) -> Value {
    let diff_ids: Vec<&String> = layers.iter().map(|(_, diff_id)| diff_id).collect();
    let history: Vec<Value> = (0..layers.len())
        .map(|layer| json!({"created": "2026-01-01T00:00:00Z", "created_by": format!("layer {layer}")}))
        .collect();
    json!({
        "created": "2026-01-01T00:00:00Z",
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/bin/busybox", "cat", "/said"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    })
}
