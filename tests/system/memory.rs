//! Memory does not grow with the size of a blob.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::support::{Session, TestServer, provided, random_bytes};

const PIECES: u64 = 1024;
const PIECE_BYTES: usize = 1024 * 1024;
const MOST_KIB: u64 = 40 * 1024;

/// A piece of the blob: one random block, and in front of it the number of the piece.
fn piece(block: &[u8], number: u64) -> Bytes {
    let mut piece = block.to_vec();
    piece[..8].copy_from_slice(&number.to_le_bytes());
    piece.into()
}

/// The most memory that the process has had.
fn peak_kib(server: &TestServer) -> u64 {
    let status = Path::new("/proc")
        .join(server.pid().to_string())
        .join("status");
    let status = fs::read_to_string(status).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let line = line.expect("VmHWM").trim_start_matches("VmHWM:");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}

fn rate(begun: Instant) -> f64 {
    PIECES as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_of_a_gibibyte_is_pushed_and_pulled_in_forty_mebibytes_of_memory() {
    let Some(release) = provided("BERTH_TEST_RELEASE") else {
        return;
    };
    let server = TestServer::builder().program(release).start().await;
    let client = Client::builder()
        .read_timeout(Duration::from_secs(60))
        .build()
        .expect("a client");
    let block = random_bytes(1, PIECE_BYTES);
    let mut hash = Sha256::new();
    (0..PIECES).for_each(|number| hash.update(piece(&block, number)));
    let digest = format!("sha256:{}", hex::encode(hash.finalize()));

    let Session { location } = Session::start(&server, "large/blobs").await;
    let begun = Instant::now();
    let pieces = stream::iter((0..PIECES).map({
        let block = block.clone();
        move |number| Ok::<_, std::io::Error>(piece(&block, number))
    }));
    let sent = client
        .patch(server.url(&location))
        .body(Body::wrap_stream(pieces))
        .send()
        .await
        .expect("an answer");
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    let stored = client
        .put(server.url(&format!("{location}?digest={digest}")))
        .send()
        .await
        .expect("an answer");
    assert_eq!(stored.status(), StatusCode::CREATED);
    println!(
        "pushed at {:.0} MiB/s, peak {} KiB",
        rate(begun),
        peak_kib(&server)
    );

    let begun = Instant::now();
    let url = server.url(&format!("/v2/large/blobs/blobs/{digest}"));
    let mut pulled = client.get(url).send().await.expect("an answer");
    let mut hash = Sha256::new();
    while let Some(piece) = pulled.chunk().await.expect("more of it") {
        hash.update(&piece);
    }
    assert_eq!(format!("sha256:{}", hex::encode(hash.finalize())), digest);
    let peak = peak_kib(&server);
    println!("pulled at {:.0} MiB/s, peak {peak} KiB", rate(begun));
    assert!(peak < MOST_KIB, "the server has taken {peak} KiB");
}
