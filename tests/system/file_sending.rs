//! Large blobs on a plain connection go from their files to the socket, and have to be what they are.

use std::fs::{self, File};
use std::path::PathBuf;

use rustix::fs::{Advice, fadvise};

use crate::support::{Blob, Image, Raw, TestServer, random_bytes};

/// Some parts and a rest.
const LARGE: usize = 3 * 1024 * 1024 + 77;

/// The file of the only blob that has so many bytes.
fn file_of(server: &TestServer, blob: &Blob) -> PathBuf {
    let folders = fs::read_dir(server.data_dir().join("store/blobs")).expect("the folder of blobs");
    let folders = folders.map(|folder| folder.expect("a folder").path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let mut files = files.map(|file| file.expect("a file").path());
    let is_it = |path: &PathBuf| {
        let file = path.metadata().expect("a file");
        file.len() == blob.bytes.len() as u64
    };
    files.find(is_it).expect("the file of the blob")
}

fn get(blob: &Blob, range: &str) -> String {
    format!(
        "GET /v2/team/app/blobs/{} HTTP/1.1\r\nhost: berth\r\n{range}\r\n",
        blob.digest
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_files_and_of_memory_come_in_their_order() {
    let server = TestServer::start().await;
    let image = Image::small(1);
    image.push(&server, "team/app", "1").await;
    let [one, other] =
        [1, 2].map(|seed| Blob::new(random_bytes(seed, LARGE + usize::try_from(seed).unwrap())));
    one.push(&server, "team/app").await;
    other.push(&server, "team/app").await;
    // All are asked for before the first is answered.
    let mut client = Raw::connect(&server).await;
    let range = "range: bytes=1000000-2999999\r\n";
    for _ in 0..3 {
        for request in [
            get(&one, ""),
            get(&image.config, ""),
            get(&other, range),
            get(&other, ""),
        ] {
            client.request(request).await;
        }
    }
    for _ in 0..3 {
        assert_eq!(client.answer().await.body, one.bytes);
        assert_eq!(client.answer().await.body, image.config.bytes);
        let part = client.answer().await;
        assert!(part.head.starts_with("HTTP/1.1 206 "), "{}", part.head);
        assert_eq!(part.body, other.bytes[1_000_000..3_000_000]);
        assert_eq!(client.answer().await.body, other.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_on_the_disk_alone_is_sent_whole() {
    let server = TestServer::start().await;
    let blob = Blob::new(random_bytes(3, LARGE));
    blob.push(&server, "team/app").await;
    let file = File::open(file_of(&server, &blob)).expect("the file of the blob");
    for _ in 0..5 {
        fadvise(&file, 0, None, Advice::DontNeed).expect("advice");
        let mut client = Raw::connect(&server).await;
        client.request(get(&blob, "")).await;
        assert_eq!(client.answer().await.body, blob.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_becomes_shorter_cuts_the_answer() {
    let server = TestServer::start().await;
    // More than the kernel buffers between two programs.
    let blob = Blob::new(random_bytes(4, 48 * 1024 * 1024));
    blob.push(&server, "team/app").await;
    let mut client = Raw::connect(&server).await;
    client.request(get(&blob, "")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    let file = File::options().write(true).open(file_of(&server, &blob));
    file.expect("the file")
        .set_len(1000)
        .expect("a shorter file");
    let came = client.rest().await;
    assert!(came.len() < blob.bytes.len(), "{}", came.len());
    // Who reads it next finds the damage, and then it is absent and can be pushed again.
    let mut client = Raw::connect(&server).await;
    client.request(get(&blob, "")).await;
    assert!(client.rest().await.len() < blob.bytes.len());
    let mut client = Raw::connect(&server).await;
    client.request(get(&blob, "")).await;
    let answer = client.answer().await;
    assert!(answer.head.starts_with("HTTP/1.1 404 "), "{}", answer.head);
    blob.push(&server, "team/app").await;
    let mut client = Raw::connect(&server).await;
    client.request(get(&blob, "")).await;
    assert_eq!(client.answer().await.body, blob.bytes);
}
