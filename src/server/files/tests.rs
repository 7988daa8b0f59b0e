use std::future::poll_fn;
use std::io::Write as _;

use http_body::Body as _;
use rustix::net::sockopt::tcp_cork;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_socket_waits_for_full_packets_as_long_as_a_file_goes_on_and_no_longer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut server = SendingFiles::new(listener.accept().await.unwrap().0);

    let content: Vec<u8> = (0..2 * PART + 7).map(|at| (at % 251) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let received = tokio::spawn(async move {
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        received
    });
    let mut corked = Vec::new();
    // Twice, as on a connection that is kept.
    for _ in 0..2 {
        let range = 0..content.len() as u64;
        let mut body = server.queue().body(file.try_clone().unwrap(), range);
        while let Some(part) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let part = part.unwrap().into_data().unwrap();
            server.write_all(&part).await.unwrap();
            corked.push(tcp_cork(&server.stream).unwrap());
        }
    }
    server.shutdown().await.unwrap();
    assert_eq!(corked, [true, true, false, true, true, false]);
    assert!(received.await.unwrap() == [&*content, &*content].concat());
}
