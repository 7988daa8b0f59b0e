//! Start and end of the server.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::block_in_place;

use crate::support::{Blob, Raw, Session, TestServer, TestServerBuilder, ask, random_bytes, until};

/// More than the kernel buffers between two programs, so that a download waits for its reader.
const LARGE: usize = 48 * 1024 * 1024;

/// A server in the middle of a download, of which the head has come.
async fn with_download(builder: TestServerBuilder) -> (TestServer, Blob, Raw) {
    let server = builder.start().await;
    let blob = Blob::new(random_bytes(1, LARGE));
    blob.push(&server, "life/cycle").await;
    let mut download = Raw::connect(&server).await;
    let request = format!(
        "GET /v2/life/cycle/blobs/{} HTTP/1.1\r\nhost: berth\r\n\r\n",
        blob.digest
    );
    download.request(request).await;
    assert!(download.head().await.starts_with("HTTP/1.1 200 "));
    (server, blob, download)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_download_finish_and_takes_no_new_connections() {
    let (mut server, blob, mut download) = with_download(TestServer::builder()).await;
    server.signal("-TERM");
    until("an end to new connections", async || {
        TcpStream::connect(server.host()).await.is_err()
    })
    .await;
    assert!(server.runs(), "it waits for the download");
    let bytes = download.rest().await;
    assert_eq!(Blob::new(bytes).digest, blob.digest);
    let status = block_in_place(|| server.wait());
    assert!(status.success(), "{status}");
    assert!(server.logged("stopped"));
    assert!(!server.logged("transfers"), "{:?}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_an_upload_finish() {
    let mut server = TestServer::start().await;
    let blob = Blob::new(random_bytes(2, 100_000));
    let mut upload = Raw::connect(&server).await;
    upload
        .request(format!(
            "POST /v2/life/cycle/blobs/uploads/?digest={} HTTP/1.1\r\nhost: berth\r\n\
             expect: 100-continue\r\ncontent-length: 100000\r\n\r\n",
            blob.digest
        ))
        .await;
    // The server has the request and waits for its body.
    assert!(upload.head().await.starts_with("HTTP/1.1 100 "));
    server.signal("-TERM");
    until("the beginning of the end", async || {
        server.logged("stopping")
    })
    .await;
    upload.send(&blob.bytes).await;
    assert!(upload.head().await.starts_with("HTTP/1.1 201 "));
    let status = block_in_place(|| server.wait());
    assert!(status.success(), "{status}");
    let server = server.restart().await;
    let pulled = server
        .get(&format!("/v2/life/cycle/blobs/{}", blob.digest))
        .send()
        .await
        .expect("an answer");
    assert_eq!(pulled.bytes().await.expect("a body"), blob.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_are_cut_when_the_time_for_them_is_over() {
    let builder = TestServer::builder().env("BERTH_LIMITS__SHUTDOWN_SECONDS", 1);
    let (mut server, blob, mut download) = with_download(builder).await;
    let status = block_in_place(|| server.stop());
    assert!(status.success(), "{status}");
    assert!(server.logged("transfers were cut"));
    assert!(download.rest().await.len() < blob.bytes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_cuts_transfers_at_once() {
    let builder = TestServer::builder().env("BERTH_LIMITS__SHUTDOWN_SECONDS", 3600);
    let (mut server, blob, mut download) = with_download(builder).await;
    server.signal("-TERM");
    until("the beginning of the end", async || {
        server.logged("stopping")
    })
    .await;
    let begun = Instant::now();
    let status = block_in_place(|| server.stop());
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(download.rest().await.len() < blob.bytes.len());
}

/// The end comes at once for an upload whose client is there and sends nothing, and what arrived
/// is kept.
async fn assert_upload_is_cut(shutdown_seconds: u64, signals: usize) {
    let mut server = TestServer::builder()
        .env("BERTH_LIMITS__SHUTDOWN_SECONDS", shutdown_seconds)
        .env("BERTH_LIMITS__IDLE_SECONDS", 3600)
        .start()
        .await;
    let blob = Blob::new(random_bytes(3, 100_000));
    let session = Session::start(&server, "life/cycle").await;
    let mut upload = Raw::connect(&server).await;
    upload
        .request(format!(
            "PATCH {} HTTP/1.1\r\nhost: berth\r\n\
             expect: 100-continue\r\ncontent-length: 100000\r\n\r\n",
            session.location
        ))
        .await;
    assert!(upload.head().await.starts_with("HTTP/1.1 100 "));
    upload.send(&blob.bytes[..60_000]).await;
    for _ in 0..signals {
        server.signal("-TERM");
        until("the beginning of the end", async || {
            server.logged("stopping")
        })
        .await;
    }
    until("the end of the server", async || !server.runs()).await;
    assert!(server.logged("stopped"), "{:#?}", server.log());

    let server = server.restart().await;
    let status = session.status(&server).await.expect(204);
    assert_eq!(status.header("range"), "0-59999", "{status:?}");
    let put = session.put(&server, &blob.digest, &blob.bytes[60_000..]);
    ask(put).await.expect(201);
}

#[tokio::test]
async fn an_upload_is_cut_when_the_time_for_it_is_over_and_goes_on_after_the_next_start() {
    assert_upload_is_cut(1, 1).await;
}

#[tokio::test]
async fn a_second_sigterm_cuts_an_upload_that_goes_on_after_the_next_start() {
    assert_upload_is_cut(3600, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let mut server = TestServer::builder()
        .env("BERTH_LIMITS__SHUTDOWN_SECONDS", 3600)
        .env("BERTH_LIMITS__HEADER_SECONDS", 3600)
        .start()
        .await;
    let mut used = Raw::connect(&server).await;
    used.request("GET /v2/ HTTP/1.1\r\nhost: berth\r\n\r\n")
        .await;
    used.answer().await;
    let status = block_in_place(|| server.stop());
    assert!(status.success(), "{status}");
    assert!(used.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_sent_nothing_does_not_hold_the_end_up() {
    let mut server = TestServer::builder()
        .env("BERTH_LIMITS__SHUTDOWN_SECONDS", 3600)
        .env("BERTH_LIMITS__HEADER_SECONDS", 3600)
        .start()
        .await;
    let mut silent = Raw::connect(&server).await;
    // Connections are accepted in their order: once this is answered, the silent one is in.
    assert!(
        server
            .get("/v2/")
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );
    let status = block_in_place(|| server.stop());
    assert!(status.success(), "{status}");
    let mut end = Vec::new();
    let _ = silent.stream.read_to_end(&mut end).await;
    assert!(end.is_empty());
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = TestServer::start().await;
    let second = Command::new(env!("CARGO_BIN_EXE_berth"))
        .arg("serve")
        .env("BERTH_LISTEN", "127.0.0.1:0")
        .env("BERTH_DATA_DIR", server.data_dir())
        .output()
        .expect("berth starts");
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    let expected = format!(
        "another berth is running on {}",
        server.data_dir().display()
    );
    assert!(said.contains(&expected), "{said}");
    let answer = server.get("/v2/").send().await.expect("an answer");
    assert!(answer.status().is_success(), "the first goes on");
}

/// Its sweep at the start would take the uploads of the first for leftovers.
#[tokio::test]
async fn a_second_server_on_the_same_store_is_refused() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = format!("file://{}", server.data_dir().join("store").display());
    let second = Command::new(env!("CARGO_BIN_EXE_berth"))
        .arg("serve")
        .env("BERTH_LISTEN", "127.0.0.1:0")
        .env("BERTH_DATA_DIR", folder.path())
        .env("BERTH_STORAGE__URL", store)
        .output()
        .expect("berth starts");
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("which another server may hold"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_of_the_start_and_of_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a time-out");
    let mut server = TestServer::builder()
        .env("NOTIFY_SOCKET", path.display())
        .start()
        .await;
    let next = || {
        let mut message = [0; 256];
        let length = block_in_place(|| socket.recv(&mut message)).expect("a message");
        String::from_utf8_lossy(&message[..length])
            .trim_end()
            .to_owned()
    };
    assert_eq!(next(), "READY=1");
    assert!(block_in_place(|| server.stop()).success());
    assert_eq!(next(), "STOPPING=1");
}
