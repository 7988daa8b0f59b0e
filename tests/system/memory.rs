//! Memory does not grow with the size of a blob, nor with passwords that were compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::{Body, Client, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::support::{Session, TestServer, admin_headers, ask, provided, random_bytes};

const PIECES: u64 = 1024;
const PIECE_BYTES: usize = 1024 * 1024;
const MOST_KIB: u64 = 40 * 1024;

/// A piece of the blob: one random block, and in front of it the number of the piece.
fn piece(block: &[u8], number: u64) -> Bytes {
    let mut piece = block.to_vec();
    piece[..8].copy_from_slice(&number.to_le_bytes());
    piece.into()
}

fn process(server: &TestServer) -> PathBuf {
    Path::new("/proc").join(server.pid().to_string())
}

/// A line of what the kernel says of the process.
fn kib(server: &TestServer, name: &str) -> u64 {
    let status = fs::read_to_string(process(server).join("status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.expect(name)
        .trim_matches([':', '\t', ' ', 'k', 'B'])
        .parse()
        .expect("a number")
}

/// The most memory that the process has had, since the last [`forget_peak`].
fn peak_kib(server: &TestServer) -> u64 {
    kib(server, "VmHWM")
}

fn forget_peak(server: &TestServer) {
    fs::write(process(server).join("clear_refs"), "5").expect("a process of ours");
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
        .default_headers(admin_headers())
        .read_timeout(Duration::from_secs(60))
        .build()
        .expect("a client");
    let block = random_bytes(1, PIECE_BYTES);
    let mut hash = Sha256::new();
    (0..PIECES).for_each(|number| hash.update(piece(&block, number)));
    let digest = format!("sha256:{}", hex::encode(hash.finalize()));

    let Session { location } = Session::start(&server, "large/blobs").await;
    // What the comparison of the password has taken, once, is told by the other test.
    forget_peak(&server);
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

/// Each takes 19 MiB for some tens of milliseconds, and anybody may have passwords compared.
#[tokio::test]
async fn the_memory_of_a_comparison_of_passwords_is_given_back() {
    let server = TestServer::start().await;
    let compare = async |number: usize| {
        let nobody = server.user(&format!("nobody-{number}"), "wrong horse battery");
        ask(nobody.get("/v2/")).await.expect(401);
    };
    compare(0).await;
    let before = kib(&server, "RssAnon");
    for round in 1..=3 {
        join_all((1..=8).map(|number| compare(10 * round + number))).await;
    }
    let after = kib(&server, "RssAnon");
    assert!(
        after < before + 10 * 1024,
        "the server had {before} KiB before and has {after} KiB"
    );
    assert!(before < MOST_KIB, "the first has left {before} KiB");
}
