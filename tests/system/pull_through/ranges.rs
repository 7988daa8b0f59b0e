//! Parts of blobs that are not there yet: containerd 2.1 fetches layers in pieces, and lazy pullers
//! begin with the end.

use futures_util::future::join_all;

use super::{Cold, MIB};
use crate::support::{Download, Hub, Request, ask};

const PIECE: usize = 8 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_are_fetched_at_once_of_a_cold_blob_cost_one_download() {
    let cold = Cold::start(Hub::start().await, 8 * PIECE).await;
    let piece = async |number: usize| {
        let range = number * PIECE..(number + 1) * PIECE;
        let text = format!("bytes={}-{}", range.start, range.end - 1);
        let piece = Download::begin_range(cold.get(), &text, cold.layer(), range);
        piece.await.finish().await;
    };
    join_all((0..8).map(piece)).await;
    cold.hub.front.assert_count(1, Request::is_blob);
    let size = cold.layer().bytes.len() as u64;
    assert_eq!(cold.hub.front.sent(Request::is_blob), size);
    cold.cached().await;
}

/// As containerd does: it asks for the rest, takes its piece and hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_ask_for_the_rest_and_hang_up_after_a_piece_cost_one_download() {
    let cold = Cold::start(Hub::start().await, 8 * PIECE).await;
    let size = cold.layer().bytes.len();
    let piece = async |number: usize| {
        let start = number * PIECE;
        let text = format!("bytes={start}-");
        let piece = Download::begin_range(cold.get(), &text, cold.layer(), start..size);
        piece.await.up_to(PIECE).await;
    };
    join_all((0..8).map(piece)).await;
    cold.hub.front.assert_count(1, Request::is_blob);
    cold.cached().await;
    cold.pull().await;
    cold.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn the_end_of_a_large_cold_blob_comes_at_once() {
    let cold = Cold::start(Hub::start().await, 80 * MIB).await;
    let size = cold.layer().bytes.len();
    // Whoever fetches the whole is held far before the end.
    let _gate = cold.hub.front.gate(&cold.layer().digest, MIB as u64);
    for (text, range) in [
        ("bytes=-1000".to_owned(), size - 1000..size),
        (format!("bytes={}-", size - 500), size - 500..size),
    ] {
        let end = Download::begin_range(cold.get(), &text, cold.layer(), range);
        end.await.finish().await;
    }
    let sent = cold.hub.front.sent(Request::is_blob);
    assert!(sent <= 2 * MIB as u64, "{sent} bytes were fetched");
}

#[tokio::test]
async fn a_range_from_the_first_byte_of_a_cold_blob_is_answered() {
    let cold = Cold::start(Hub::start().await, 3 * MIB).await;
    let size = cold.layer().bytes.len();
    let whole = Download::begin_range(cold.get(), "bytes=0-", cold.layer(), 0..size);
    whole.await.finish().await;
    cold.cached().await;
    let first = Download::begin_range(cold.get(), "bytes=0-99", cold.layer(), 0..100);
    first.await.finish().await;
    cold.hub.front.assert_count(1, Request::is_blob);
}

#[tokio::test]
async fn a_range_that_begins_behind_the_end_of_a_cold_blob_can_not_be_satisfied() {
    let cold = Cold::start(Hub::start().await, 3 * MIB).await;
    let size = cold.layer().bytes.len();
    for text in [
        format!("bytes={size}-"),
        format!("bytes={}-{}", size + 5, size + 9),
    ] {
        let answer = ask(cold.get().header("range", &text)).await.expect(416);
        let whole = format!("bytes */{size}");
        assert_eq!(answer.header("content-range"), whole, "{text}");
    }
    let sent = cold.hub.front.sent(Request::is_blob);
    assert!(sent <= size as u64, "{sent} bytes were fetched");
}

#[tokio::test]
async fn a_range_that_nobody_understands_gives_the_whole_cold_blob() {
    for text in ["bytes=0-1,5-9", "pieces=0-1"] {
        let cold = Cold::start(Hub::start().await, 2 * MIB).await;
        let whole = Download::begin(cold.get().header("range", text), cold.layer());
        whole.await.finish().await;
    }
}

#[tokio::test]
async fn a_range_of_a_manifest_is_ignored() {
    let hub = Hub::start().await;
    let image = hub.push("1", [vec![1; 2000]]).await;
    let server = hub.proxy().start().await;
    for reference in ["1", &image.manifest.digest, "1"] {
        for text in ["bytes=0-", "bytes=5-9", "bytes=100000-"] {
            let get = server.get(&Hub::manifest(reference)).header("range", text);
            let answer = ask(get).await.expect(200);
            assert_eq!(answer.body, image.manifest.bytes, "{text}");
        }
    }
}
