use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use berth_oci::{Algorithm, Digest};
use bytes::Bytes;
use futures_util::TryStreamExt as _;

use crate::fixture::{Fixture, image, pusher};
use crate::manifest::PutManifestError;
use crate::source::SourceError;

const BYTES: &[u8] = b"bytes of a layer";

impl Fixture {
    /// The files of all objects.
    pub(crate) fn object_files(&self) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.folder.path().join("store/blobs")).unwrap();
        folders
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .collect()
    }

    async fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        let hosted = self.registry.hosted();
        let Some(blob) = hosted.blob(&self.repository, digest).await? else {
            return Ok(None);
        };
        let size = blob.size_bytes;
        let pieces: Vec<Bytes> = blob.read(0..size).await?.try_collect().await?;
        Ok(Some(pieces.concat()))
    }

    async fn describes(&self, digest: &Digest) -> bool {
        let hosted = self.registry.hosted();
        let described = hosted.describe_blob(&self.repository, digest).await;
        described.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_blob_whose_bytes_are_gone_is_absent_until_it_is_pushed_again() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_blob(BYTES).await;
    fs::remove_file(&fixture.object_files()[0]).unwrap();
    let gone = fixture.read(&digest).await;
    assert!(matches!(gone, Err(SourceError::Gone(_))), "{gone:?}");
    assert!(!fixture.describes(&digest).await);
    assert_eq!(fixture.read(&digest).await.unwrap(), None);

    fixture.push_blob(BYTES).await;
    assert_eq!(fixture.read(&digest).await.unwrap().unwrap(), BYTES);
}

#[tokio::test]
async fn a_blob_that_is_cut_is_absent_and_its_rest_goes_once_it_is_mended() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_blob(BYTES).await;
    let file = &fixture.object_files()[0];
    OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|file| file.set_len(5))
        .unwrap();
    assert!(fixture.read(&digest).await.is_err());
    assert!(!fixture.describes(&digest).await);

    fixture.push_blob(BYTES).await;
    assert_eq!(fixture.object_files().len(), 2);
    fixture.registry.collect().await.unwrap();
    assert_eq!(fixture.object_files().len(), 1);
    assert_eq!(fixture.read(&digest).await.unwrap().unwrap(), BYTES);
}

#[tokio::test]
async fn a_store_that_is_not_there_marks_nothing() {
    let fixture = Fixture::open().await;
    let digest = fixture.push_blob(BYTES).await;
    let blobs = fixture.folder.path().join("store/blobs");
    let away = fixture.folder.path().join("away");
    fs::rename(&blobs, &away).unwrap();
    let failed = fixture.read(&digest).await;
    assert!(matches!(failed, Err(SourceError::Store(_))), "{failed:?}");
    fs::rename(&away, &blobs).unwrap();
    assert_eq!(fixture.read(&digest).await.unwrap().unwrap(), BYTES);
}

#[tokio::test]
async fn an_image_is_not_pushed_over_a_corrupt_layer() {
    let fixture = Fixture::open().await;
    fixture.push_blob(b"{}").await;
    let digest = fixture.push_blob(BYTES).await;
    let mut database = fixture.database().await;
    sqlx::query("UPDATE blobs SET corrupt_at = 1 WHERE digest = $1")
        .bind(digest.as_str())
        .execute(&mut database)
        .await
        .unwrap();
    let document = Bytes::from(image(b"{}", &[BYTES]).to_string());
    let push = || {
        let reference = "latest".parse().unwrap();
        let (document, repository) = (document.clone(), fixture.repository.clone());
        let registry = &fixture.registry;
        async move {
            registry
                .put_manifest(
                    &repository,
                    &berth_oci::Reference::Tag(reference),
                    Vec::new(),
                    None,
                    document,
                    pusher(),
                )
                .await
        }
    };
    let Err(PutManifestError::MissingBlobs { missing, .. }) = push().await else {
        panic!("an image with a corrupt layer was stored");
    };
    assert_eq!(missing, [Digest::of(Algorithm::Sha256, BYTES)]);
    fixture.push_blob(BYTES).await;
    push().await.unwrap();
}
