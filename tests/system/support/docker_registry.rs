use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, RequestBuilder, StatusCode};
use tempfile::TempDir;

use super::{Blob, text, tool};

const PROGRAM: &str = "docker-registry";
/// With whom a registry of [`DockerRegistry::with_users`] is asked.
pub const REGISTRY_USER: &str = "ann";
pub const REGISTRY_PASSWORD: &str = "source-password";
/// bcrypt of the password, at the least of its costs.
const HTPASSWD: &str = "ann:$2b$04$abcdefghijklmnopqrstuumK.3ELaLzbMe60F7HoJVyczvPdNWZoW\n";

/// Debian's docker-registry (Distribution 2.8), with a storage folder of its own.
pub struct DockerRegistry {
    child: Child,
    address: String,
    client: Client,
    users: bool,
    folder: TempDir,
}

impl DockerRegistry {
    /// `None` where it is not installed.
    pub fn start() -> Option<Self> {
        Self::serve(false)
    }

    /// One that everything needs a password of.
    pub fn with_users() -> Option<Self> {
        Self::serve(true)
    }

    fn serve(users: bool) -> Option<Self> {
        if !tool(PROGRAM) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (root, below) = (text(folder.path()), folder.path());
        let mut config = format!(
            "version: 0.1\nlog: {{ level: info }}\nhttp: {{ addr: \"127.0.0.1:0\" }}\n\
             storage: {{ filesystem: {{ rootdirectory: \"{root}/storage\" }}, \
             delete: {{ enabled: true }} }}\n"
        );
        if users {
            fs::write(below.join("htpasswd"), HTPASSWD).expect("a file");
            config.push_str(&format!(
                "auth: {{ htpasswd: {{ realm: test, path: \"{root}/htpasswd\" }} }}\n"
            ));
        }
        let file = below.join("config.yml");
        fs::write(&file, config).expect("a file");
        let mut child = Command::new(PROGRAM)
            .args(["serve", text(&file)])
            // It would take this file of podman's for a part of its configuration.
            .env_remove("REGISTRY_AUTH_FILE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts");
        let stderr = child.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split('"').next()?.to_owned())
        });
        // The pipe has to be read, or the registry would stop when it is full.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            child,
            address: address.expect("docker-registry listens"),
            client: Client::builder().no_proxy().build().expect("a client"),
            users,
            folder,
        })
    }

    pub fn host(&self) -> &str {
        &self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its `rootdirectory`.
    pub fn storage(&self) -> String {
        text(&self.folder.path().join("storage")).to_owned()
    }

    /// Where it keeps the bytes of a blob or manifest.
    pub fn data(&self, digest: &str) -> PathBuf {
        let (algorithm, hex) = digest.split_once(':').expect("a digest");
        let below = format!(
            "docker/registry/v2/blobs/{algorithm}/{}/{hex}/data",
            &hex[..2]
        );
        Path::new(&self.storage()).join(below)
    }

    /// What it would not take by its API any more, written as it was when it did.
    pub fn write_manifest(&self, repository: &str, tag: &str, manifest: &Blob) {
        let digest = &manifest.digest;
        let manifests = Path::new(&self.storage()).join(format!(
            "docker/registry/v2/repositories/{repository}/_manifests"
        ));
        let revision = manifests.join(format!("revisions/{}/link", digest.replace(':', "/")));
        let current = manifests.join(format!("tags/{tag}/current/link"));
        for (path, bytes) in [
            (self.data(digest), &manifest.bytes[..]),
            (revision, digest.as_bytes()),
            (current, digest.as_bytes()),
        ] {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        if self.users {
            request.basic_auth(REGISTRY_USER, Some(REGISTRY_PASSWORD))
        } else {
            request
        }
    }

    pub async fn push_blob(&self, repository: &str, blob: &Blob) {
        let url = format!("{}/v2/{repository}/blobs/uploads/", self.url());
        let opened = self.signed(self.client.post(url)).send().await;
        let opened = opened.expect("an answer");
        assert_eq!(opened.status(), StatusCode::ACCEPTED);
        let location = opened.headers()["location"].to_str().expect("a URL");
        let put = self.client.put(location).query(&[("digest", &blob.digest)]);
        let put = self.signed(put).body(blob.bytes.clone()).send().await;
        assert_eq!(put.expect("an answer").status(), StatusCode::CREATED);
    }

    /// Under a tag, or its digest.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: &Blob,
    ) {
        let url = format!("{}/v2/{repository}/manifests/{reference}", self.url());
        let put = self.signed(self.client.put(url));
        let put = put.header("content-type", media_type);
        let answer = put.body(manifest.bytes.clone()).send().await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        let said = answer.text().await.unwrap_or_default();
        assert_eq!(status, StatusCode::CREATED, "{said}");
    }

    pub async fn delete_manifest(&self, repository: &str, digest: &str) {
        let url = format!("{}/v2/{repository}/manifests/{digest}", self.url());
        let answer = self.signed(self.client.delete(url)).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::ACCEPTED);
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
