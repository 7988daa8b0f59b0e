use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use berth_oci::{Algorithm, Digest, RepositoryName};
use tempfile::TempDir;

use super::{Folder, FolderError};

/// A storage folder, written as Distribution writes it.
struct Storage(TempDir);

impl Storage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repositories = folder.path().join("docker/registry/v2/repositories");
        fs::create_dir_all(repositories).expect("a folder");
        Self(folder)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.path().join("docker/registry/v2").join(path);
        let parent = path.parent().expect("a folder");
        fs::create_dir_all(parent).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn manifest(&self, repository: &str, bytes: &str) -> Digest {
        let digest = Digest::of(Algorithm::Sha256, bytes.as_bytes());
        let hex = digest.hex();
        self.write(&format!("blobs/sha256/{}/{hex}/data", &hex[..2]), bytes);
        let revision = format!("repositories/{repository}/_manifests/revisions/sha256/{hex}/link");
        self.write(&revision, digest.as_str());
        digest
    }

    fn tag(&self, repository: &str, tag: &str, digest: &Digest) {
        let link = format!("repositories/{repository}/_manifests/tags/{tag}/current/link");
        self.write(&link, digest.as_str());
    }

    fn open(&self) -> Folder {
        Folder::open(self.0.path()).expect("a storage folder")
    }
}

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

#[tokio::test]
async fn repositories_are_found_at_every_depth_and_not_behind_links() {
    let storage = Storage::new();
    let digest = storage.manifest("a", "{}");
    storage.tag("a", "v1", &digest);
    storage.tag("a/b/c", "v1", &digest);
    storage.write("repositories/empty/_uploads/x/data", "");
    let repositories = storage.0.path().join("docker/registry/v2/repositories");
    symlink(&repositories, repositories.join("a/round")).expect("a link");
    let names = storage.open().repositories().await.expect("names");
    assert_eq!(names, ["a", "a/b/c"]);
}

#[tokio::test]
async fn a_repository_has_its_current_tags_and_what_refers_to_what() {
    let storage = Storage::new();
    let image = storage.manifest("a", r#"{"schemaVersion":2}"#);
    let subject = format!(r#"{{"subject":{{"digest":"{image}"}}}}"#);
    let referrer = storage.manifest("a", &subject);
    storage.tag("a", "v1", &image);
    let deleted = format!(
        "repositories/a/_manifests/tags/old/index/sha256/{}/link",
        image.hex()
    );
    storage.write(&deleted, image.as_str());
    let folder = storage.open();
    let listing = folder.list(&name("a")).await.expect("a listing");
    assert_eq!(listing.tags, ["v1".parse().expect("a tag")]);
    assert_eq!(listing.revisions.len(), 2);
    assert_eq!(listing.referrers[&image], [referrer]);
    let resolved = folder.resolve(&name("a"), &listing.tags[0]).await;
    assert_eq!(resolved.expect("a digest"), image);
}

#[tokio::test]
async fn a_manifest_comes_from_its_repository_only_and_with_the_right_bytes() {
    let storage = Storage::new();
    let digest = storage.manifest("a", "{}");
    storage.tag("b", "v1", &digest);
    let folder = storage.open();
    let fetched = folder
        .manifest(&name("a"), &digest)
        .await
        .expect("a manifest");
    assert_eq!(&fetched.bytes[..], b"{}");
    // Its bytes are there, and were deleted from this repository.
    let missing = folder.manifest(&name("b"), &digest).await.err();
    assert!(missing.expect("an error").missing());
    let hex = digest.hex();
    storage.write(&format!("blobs/sha256/{}/{hex}/data", &hex[..2]), "{ }");
    let wrong = folder.manifest(&name("a"), &digest).await.err();
    assert!(matches!(wrong, Some(FolderError::WrongBytes { .. })));
}

#[test]
fn another_folder_is_refused_with_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in [
        folder.path(),
        Path::new("/nowhere"),
        Path::new("/etc/hostname"),
    ] {
        let refused = Folder::open(path).err().expect("a refusal").to_string();
        assert!(refused.contains("rootdirectory"), "{refused}");
    }
}
