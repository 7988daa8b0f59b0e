use futures_util::TryStreamExt as _;
use tempfile::TempDir;

use super::*;

struct Fixture {
    folder: TempDir,
    store: LocalStore,
    upload: UploadId,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        Self {
            folder,
            store,
            upload: UploadId::from(Uuid::new_v4()),
        }
    }

    async fn write(&self, offset: u64, bytes: &[u8]) {
        let mut staging = self.store.stage(self.upload, offset).await.unwrap();
        staging
            .write(vec![Bytes::copy_from_slice(bytes)])
            .await
            .unwrap();
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let pieces: Vec<Bytes> = self.store.read(key, range).await?.try_collect().await?;
        Ok(pieces.concat())
    }

    /// The files that hold bytes, relative to the root.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.folder.path()).unwrap();
                    if name != Path::new("lock") {
                        files.push(name.to_str().unwrap().to_owned());
                    }
                }
            }
        }
        files.sort();
        files
    }
}

#[tokio::test]
async fn staged_bytes_are_published_whole_under_one_key() {
    let fixture = Fixture::new();
    fixture.write(0, b"one ").await;
    fixture.write(4, b"two").await;
    let key = fixture.store.publish(fixture.upload).await.unwrap();
    assert_eq!(
        fixture.store.publish(fixture.upload).await.unwrap(),
        key,
        "publishing again is no error"
    );
    fixture.store.settle(fixture.upload).await.unwrap();
    assert_eq!(fixture.read(&key, 0..7).await.unwrap(), b"one two");
    assert_eq!(fixture.read(&key, 2..6).await.unwrap(), b"e tw");
    assert_eq!(fixture.files(), [key.as_str()]);
}

#[tokio::test]
async fn bytes_behind_the_offset_are_cut_off() {
    let fixture = Fixture::new();
    fixture.write(0, b"acknowledged, and not").await;
    fixture.write(12, b"!").await;
    let key = fixture.store.publish(fixture.upload).await.unwrap();
    assert_eq!(fixture.read(&key, 0..13).await.unwrap(), b"acknowledged!");
    assert!(matches!(
        fixture.read(&key, 0..14).await,
        Err(StoreError::Short { at: 13, .. })
    ));
}

#[tokio::test]
async fn an_upload_that_lost_bytes_can_not_go_on() {
    let fixture = Fixture::new();
    assert!(matches!(
        fixture.store.stage(fixture.upload, 1).await,
        Err(StoreError::Missing(_))
    ));
    fixture.write(0, b"abc").await;
    assert!(matches!(
        fixture.store.stage(fixture.upload, 4).await,
        Err(StoreError::Short { at: 3, .. })
    ));
}

#[tokio::test]
async fn a_discarded_upload_leaves_nothing_even_when_it_was_published() {
    let fixture = Fixture::new();
    fixture.write(0, b"abc").await;
    let key = fixture.store.publish(fixture.upload).await.unwrap();
    assert_eq!(fixture.store.staged().await.unwrap(), [fixture.upload]);
    fixture.store.discard(fixture.upload).await.unwrap();
    fixture.store.discard(fixture.upload).await.unwrap();
    assert!(matches!(
        fixture.read(&key, 0..3).await,
        Err(StoreError::Missing(_))
    ));
    assert_eq!(fixture.files(), Vec::<String>::new());
}

#[tokio::test]
async fn objects_longer_than_a_piece_are_read_whole() {
    let fixture = Fixture::new();
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fixture.write(0, &bytes).await;
    let key = fixture.store.publish(fixture.upload).await.unwrap();
    let length = bytes.len() as u64;
    for range in [
        0..length,
        1..length - 1,
        262_143..262_145,
        262_144..524_288,
        5..5,
    ] {
        let expected =
            &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        assert!(
            fixture.read(&key, range.clone()).await.unwrap() == expected,
            "{range:?}"
        );
    }
}

#[tokio::test]
async fn the_probes_leave_nothing() {
    let fixture = Fixture::new();
    fixture.store.probe_read().await.unwrap();
    fixture.store.probe_write().await.unwrap();
    assert_eq!(fixture.files(), Vec::<String>::new());
}

#[tokio::test]
async fn files_of_others_are_left_alone() {
    let fixture = Fixture::new();
    fs::write(fixture.folder.path().join("uploads/notes.txt"), "mine").unwrap();
    assert_eq!(fixture.store.staged().await.unwrap(), []);
}

#[tokio::test]
async fn objects_are_listed_in_parts_and_nothing_else_is() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let mut expected = Vec::new();
    for _ in 0..1500 {
        let key = store.key(UploadId::from(Uuid::new_v4()));
        fs::write(fixture.folder.path().join(key.as_str()), "bytes").unwrap();
        assert_eq!(
            store.upload(&key).map(|upload| store.key(upload)),
            Some(key.clone())
        );
        expected.push(key);
    }
    fs::write(fixture.folder.path().join("blobs/00/notes.txt"), "mine").unwrap();
    fixture.write(0, b"staged").await;
    let parts: Vec<Vec<Key>> = store.objects().try_collect().await.unwrap();
    assert!(parts.len() > 1);
    let mut listed = parts.concat();
    listed.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(listed, expected);
    assert_eq!(store.object_bytes(&listed[0]).await.unwrap(), Some(5));
    let nowhere = store.key(UploadId::from(Uuid::nil()));
    assert_eq!(store.object_bytes(&nowhere).await.unwrap(), None);
    for other in ["blobs/00/notes.txt", "blobs/../a", "a"] {
        assert_eq!(store.upload(&Key(other.to_owned())), None);
    }
}

#[tokio::test]
async fn a_store_is_opened_beside_its_server_and_never_made_there() {
    let fixture = Fixture::new();
    fixture.write(0, b"abc").await;
    let key = fixture.store.publish(fixture.upload).await.unwrap();
    let beside = LocalStore::attach(fixture.folder.path()).unwrap();
    assert_eq!(beside.object_bytes(&key).await.unwrap(), Some(3));
    assert!(LocalStore::open(fixture.folder.path()).is_err());
    let nowhere = fixture.folder.path().join("nowhere");
    assert!(LocalStore::attach(&nowhere).is_err());
    assert!(!nowhere.exists());
}
