use berth_oci::{Algorithm, UploadId};

use super::*;
use crate::fixture::{Fixture, UPLOAD_EXPIRY, body};
use crate::upload::Chunk;

const MINUTE: Duration = Duration::from_secs(60);

async fn started(fixture: &Fixture) -> UploadId {
    fixture
        .registry
        .start_upload(&fixture.repository, Algorithm::Sha256)
        .await
        .unwrap()
}

async fn append(fixture: &Fixture, upload: UploadId) -> Result<u64, UploadError> {
    let chunk = Chunk::default();
    fixture
        .registry
        .append_upload(&fixture.repository, upload, chunk, &mut body(b"bytes"))
        .await
}

async fn offset(fixture: &Fixture, upload: UploadId) -> Option<u64> {
    let offset = fixture
        .registry
        .upload_offset(&fixture.repository, upload)
        .await;
    match offset {
        Ok(offset) => Some(offset),
        Err(UploadError::UnknownSession(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_session_that_nobody_continues_expires_with_its_bytes() {
    let fixture = Fixture::open().await;
    let (registry, clock) = (&fixture.registry, &fixture.clock);
    let upload = started(&fixture).await;
    append(&fixture, upload).await.unwrap();

    clock.advance(UPLOAD_EXPIRY - MINUTE);
    registry.sweep().await.unwrap();
    assert_eq!(offset(&fixture, upload).await, Some(5));

    clock.advance(MINUTE);
    assert_eq!(
        offset(&fixture, upload).await,
        None,
        "gone before it is swept"
    );
    assert!(matches!(
        append(&fixture, upload).await,
        Err(UploadError::UnknownSession(_))
    ));
    assert_eq!(registry.store.staged().await.unwrap(), [upload]);
    registry.sweep().await.unwrap();
    assert_eq!(registry.store.staged().await.unwrap(), []);
}

#[tokio::test]
async fn each_chunk_gives_a_session_its_whole_time_again() {
    let fixture = Fixture::open().await;
    let upload = started(&fixture).await;
    for chunks in 1..=4 {
        fixture.clock.advance(UPLOAD_EXPIRY - MINUTE);
        fixture.registry.sweep().await.unwrap();
        assert_eq!(append(&fixture, upload).await.unwrap(), 5 * chunks);
    }
}

#[tokio::test]
async fn a_session_that_is_worked_on_is_not_swept() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    let upload = started(&fixture).await;
    append(&fixture, upload).await.unwrap();
    let lock = registry.locks.acquire(upload).await;
    fixture.clock.advance(UPLOAD_EXPIRY);
    registry.sweep().await.unwrap();
    assert_eq!(registry.store.staged().await.unwrap(), [upload]);
    drop(lock);
    registry.sweep().await.unwrap();
    assert_eq!(registry.store.staged().await.unwrap(), []);
}

#[tokio::test]
async fn more_sessions_than_a_batch_expire_in_one_sweep() {
    let fixture = Fixture::open().await;
    let count = 2 * BATCH + 1;
    for _ in 0..count {
        let upload = started(&fixture).await;
        append(&fixture, upload).await.unwrap();
    }
    let young = {
        fixture.clock.advance(MINUTE);
        let upload = started(&fixture).await;
        append(&fixture, upload).await.unwrap();
        upload
    };
    fixture.clock.advance(UPLOAD_EXPIRY - MINUTE);
    fixture.registry.sweep().await.unwrap();
    assert_eq!(fixture.registry.store.staged().await.unwrap(), [young]);
}
