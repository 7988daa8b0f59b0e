use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use serde_json::{Map, Value, json};

use super::tar::{Kind, archive};
use crate::support::{Blob, Caller, Image, OCI_MANIFEST, platforms, random_bytes};

const BUSYBOX: &str = "/bin/busybox";
const SOURCE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/system/support/deploy/app.rs"
);
const RUN: &[u8] = include_bytes!("run.sh");
const APPLETS: [&str; 10] = [
    "sh", "cat", "httpd", "ls", "mkdir", "mkfifo", "nslookup", "sleep", "touch", "wget",
];

/// A version of the application: it serves HTTP on port 80, and tells which one it is.
#[derive(Clone)]
pub struct Version {
    /// The test that it is of. An engine knows images by what is in them, and what one test removes
    /// another may be pulling.
    test: String,
    environment: Map<String, Value>,
    volumes: Map<String, Value>,
    labels: Map<String, Value>,
    extra_bytes: usize,
}

impl Version {
    /// One that ends at once when it is told to.
    pub fn new(name: &str) -> Self {
        let environment = json!({"VERSION": name, "ON_TERM": "stop", "PATH": "/bin"});
        Self {
            test: thread::current().name().unwrap_or_default().to_owned(),
            environment: environment.as_object().expect("an object").clone(),
            volumes: Map::new(),
            labels: Map::new(),
            extra_bytes: 0,
        }
    }

    /// One that answers what it was asked before it ends.
    pub fn draining(name: &str) -> Self {
        Self::new(name).env("ON_TERM", "drain")
    }

    /// One that ends right after its start.
    pub fn that_exits(name: &str) -> Self {
        Self::new(name).env("MODE", "exits")
    }

    /// One whose `/health` never says 200.
    pub fn never_healthy(name: &str) -> Self {
        Self::new(name).env("MODE", "unhealthy")
    }

    pub fn healthy_after_ms(self, milliseconds: u64) -> Self {
        self.env("HEALTHY_AFTER_MS", &milliseconds.to_string())
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// A `VOLUME` of the image.
    pub fn volume(mut self, path: &str) -> Self {
        self.volumes.insert(path.to_owned(), json!({}));
        self
    }

    /// A `LABEL` of the image.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.into());
        self
    }

    /// A layer more, of so many bytes that nobody can compress.
    pub fn larger(mut self, bytes: usize) -> Self {
        self.extra_bytes = bytes;
        self
    }

    pub fn image(&self) -> Image {
        let mut layers = vec![base().clone()];
        if self.extra_bytes > 0 {
            let seed = self.environment["VERSION"].as_str().map_or(0, str::len) as u64;
            let extra = random_bytes(seed, self.extra_bytes);
            layers.push(Blob::new(archive(&[("extra", Kind::Program(&extra))])));
        }
        let environment = self.environment.iter();
        let environment = environment.map(|(name, value)| {
            let value = value.as_str().expect("a text");
            format!("{name}={value}")
        });
        // Layers that are not packed have their digests.
        let diff_ids: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
        let config = json!({
            "author": self.test,
            "architecture": platforms()[0],
            "os": "linux",
            "config": {
                "Cmd": ["/bin/sh", "/run.sh"],
                "Env": environment.collect::<Vec<_>>(),
                "Volumes": self.volumes,
                "Labels": self.labels,
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = Blob::new(config.to_string());
        let layer_type = "application/vnd.oci.image.layer.v1.tar";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": layers.iter().map(|layer| layer.descriptor(layer_type)).collect::<Vec<_>>(),
        });
        Image {
            config,
            layers,
            manifest: Blob::new(manifest.to_string()),
        }
    }

    /// What an engine calls it once it is pulled: the digest of its config.
    pub fn id(&self) -> String {
        self.image().config.digest
    }

    /// Pushes it; the answer is the digest of its manifest.
    pub async fn push(&self, caller: &Caller, repository: &str, tag: &str) -> String {
        let image = self.image();
        image.push(caller, repository, tag).await;
        image.manifest.digest
    }
}

/// The layer that all versions share: busybox, the application, and what starts it.
fn base() -> &'static Blob {
    static BASE: OnceLock<Blob> = OnceLock::new();
    BASE.get_or_init(|| {
        let busybox = fs::read(BUSYBOX).expect("busybox-static is installed");
        let app = compiled();
        let links = APPLETS.map(|applet| format!("bin/{applet}"));
        let mut entries = vec![
            ("bin", Kind::Folder),
            ("bin/busybox", Kind::Program(&busybox)),
            ("bin/app", Kind::Program(&app)),
            ("run.sh", Kind::Program(RUN)),
            ("tmp", Kind::Folder),
        ];
        entries.extend(links.iter().map(|link| (&**link, Kind::Link("busybox"))));
        Blob::new(archive(&entries))
    })
}

/// The application, linked so that it needs no file beside itself.
fn compiled() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("app");
    let flags = ["-O", "-Ctarget-feature=+crt-static", "-Cstrip=symbols"];
    let status = Command::new("rustc")
        .args(["--edition", "2024", "--crate-name", "app"])
        .args(flags)
        .arg("-o")
        .args([program.as_os_str(), SOURCE.as_ref()])
        .status()
        .expect("rustc starts");
    assert!(status.success(), "rustc does not compile {SOURCE}");
    fs::read(program).expect("what rustc has made")
}
