use berth_oci::Algorithm;
use futures_util::TryStreamExt as _;

use super::*;
use crate::cache::tests::with_cache;
use crate::fixture::{Fixture, UPLOAD_EXPIRY};

/// More than goes without a row.
const SIZE: u64 = 3 * 1024 * 1024;

fn content() -> Bytes {
    (0..SIZE).map(|at| (at % 251) as u8).collect()
}

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, &content())
}

async fn read(stream: ByteStream) -> Vec<u8> {
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

async fn staged(fixture: &Fixture) -> usize {
    fixture.registry.store.staged().await.unwrap().len()
}

#[tokio::test]
async fn a_fill_goes_on_where_an_earlier_one_has_ended() {
    let fixture = Fixture::open().await;
    let repository = with_cache(&fixture).await;
    let (content, half) = (content(), SIZE / 2);
    let mut spool = fixture.registry.open_spool(&digest(), SIZE).await.unwrap();
    assert!(!spool.inherited());
    let first = content.slice(..half as usize);
    spool.append(vec![first]).await.unwrap();
    drop(spool);

    let mut spool = fixture.registry.open_spool(&digest(), SIZE).await.unwrap();
    assert_eq!((spool.written(), spool.inherited()), (half, true));
    let rest = content.slice(half as usize..);
    spool.append(vec![rest]).await.unwrap();
    spool.prove().unwrap();
    let reader = spool.reader();
    assert_eq!(
        read(reader.read(1..SIZE).await.unwrap()).await,
        content[1..]
    );
    spool.commit(vec![repository.clone()]).await.unwrap();

    // Also behind the end, when the staged name is gone.
    assert_eq!(read(reader.read(0..SIZE).await.unwrap()).await, content);
    let hosted = fixture.registry.hosted();
    let blob = hosted.blob(&repository, &digest()).await.unwrap().unwrap();
    let pieces: Vec<Bytes> = blob
        .read(0..SIZE)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.concat(), content);
    assert_eq!(staged(&fixture).await, 0);
    assert_eq!(fixture.registry.cached_bytes(), SIZE);
}

#[tokio::test]
async fn wrong_bytes_are_never_committed() {
    let fixture = Fixture::open().await;
    let repository = with_cache(&fixture).await;
    let mut wrong = content().to_vec();
    wrong[7] ^= 1;
    let mut spool = fixture.registry.open_spool(&digest(), SIZE).await.unwrap();
    spool.append(vec![wrong.into()]).await.unwrap();
    assert!(matches!(
        spool.prove(),
        Err(SpoolError::DigestMismatch { .. })
    ));
    let committed = spool.commit(vec![repository.clone()]).await;
    assert!(matches!(committed, Err(SpoolError::DigestMismatch { .. })));
    let hosted = fixture.registry.hosted();
    assert!(hosted.blob(&repository, &digest()).await.unwrap().is_none());

    let spool = fixture.registry.open_spool(&digest(), SIZE).await.unwrap();
    assert!(spool.inherited());
    spool.discard().await.unwrap();
    assert_eq!(staged(&fixture).await, 0);
    let spool = fixture.registry.open_spool(&digest(), SIZE).await.unwrap();
    assert_eq!(spool.written(), 0);
}

#[tokio::test]
async fn the_beginning_of_a_blob_stays_over_a_sweep_until_nobody_has_asked_for_long() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    let mut spool = registry.open_spool(&digest(), SIZE).await.unwrap();
    spool.append(vec![content().slice(..10)]).await.unwrap();
    registry.sweep_leftovers().await.unwrap();
    assert_eq!(staged(&fixture).await, 1);
    fixture.clock.advance(UPLOAD_EXPIRY + UPLOAD_EXPIRY);
    registry.expire_fills().await.unwrap();
    assert_eq!(staged(&fixture).await, 1, "it is under way");
    drop(spool);
    registry.expire_fills().await.unwrap();
    assert_eq!(staged(&fixture).await, 0);
}

#[tokio::test]
async fn a_small_blob_leaves_nothing_for_a_restart() {
    let fixture = Fixture::open().await;
    let registry = &fixture.registry;
    let digest = Digest::of(Algorithm::Sha256, b"small");
    let mut spool = registry.open_spool(&digest, 5).await.unwrap();
    spool
        .append(vec![Bytes::from_static(b"sma")])
        .await
        .unwrap();
    drop(spool);
    let again = registry.open_spool(&digest, 5).await.unwrap();
    assert_eq!(again.written(), 0);
    drop(again);
    registry.sweep_leftovers().await.unwrap();
    assert_eq!(staged(&fixture).await, 0);
}
