//! Clients behind proxies: whose word about them is believed. The access line tells.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::support::{TestServer, signed_in, until};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn behind(proxies: &str) -> TestServer {
    TestServer::builder()
        .env("BERTH_TRUSTED_PROXIES", proxies)
        .start()
        .await
}

/// The client in the access line of a request with these values of X-Forwarded-For; null when it
/// is the peer.
async fn forwarded(server: &TestServer, values: &[&str]) -> Value {
    let mut request = server.get("/v2/");
    for value in values {
        request = request.header("x-forwarded-for", *value);
    }
    let answer = request.send().await.expect("an answer");
    let id = answer.headers()["x-request-id"].to_str().expect("an id");
    let line = server.access_line(id).await;
    let peer = line["peer"].as_str().expect("a peer");
    assert!(peer.starts_with("127.0.0.1:"), "{line}");
    line["client"].clone()
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_its_client_is() {
    let server = behind("127.0.0.1,10.0.0.0/8").await;
    let cases: [(&[&str], Value); 6] = [
        (&["192.0.2.1"], "192.0.2.1".into()),
        (&["[2001:db8::1]:4711"], "2001:db8::1".into()),
        (&["203.0.113.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1".into()),
        (&["203.0.113.9", "192.0.2.1"], "192.0.2.1".into()),
        (&["192.0.2.1, nobody"], Value::Null),
        (&[], Value::Null),
    ];
    for (values, client) in cases {
        assert_eq!(forwarded(&server, values).await, client, "{values:?}");
    }
}

#[tokio::test]
async fn nobody_else_tells_who_a_client_is() {
    for proxies in ["", "192.0.2.1, 127.0.0.2"] {
        let server = behind(proxies).await;
        let client = forwarded(&server, &["192.0.2.1"]).await;
        assert_eq!(client, Value::Null, "{proxies}");
    }
}

const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n";
const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\x12\x67\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A connection that begins with `header`.
async fn connect(server: &TestServer, header: &[u8]) -> TcpStream {
    let stream = TcpStream::connect(server.host()).await;
    let mut stream = stream.expect("a connection");
    stream.write_all(header).await.expect("a server that reads");
    stream
}

/// What comes back for a request to `/v2/` until the server ends the connection.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, headers: &str) -> String {
    let request = format!("GET /v2/ HTTP/1.1\r\nhost: berth\r\nconnection: close\r\n{headers}\r\n");
    // The server may have ended the connection, which shows in what comes.
    let _ = stream.write_all(signed_in(&request).as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the server ends the connection");
    String::from_utf8(answer).expect("text")
}

/// The client in the access line of an answer.
async fn client(server: &TestServer, answer: &str) -> Value {
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    let id = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    server.access_line(id.expect("an id")).await["client"].clone()
}

#[tokio::test]
async fn the_proxy_protocol_tells_who_a_client_is() {
    let server = behind("127.0.0.1").await;
    let cases: [(&[u8], &str, Value); 9] = [
        (VERSION_1, "", "192.0.2.1".into()),
        (VERSION_2, "", "192.0.2.1".into()),
        (b"", "", Value::Null),
        (LOCAL, "", Value::Null),
        (b"PROXY UNKNOWN\r\n", "", Value::Null),
        // These headers are the proxy's own.
        (
            b"",
            "x-forwarded-for: 203.0.113.9\r\n",
            "203.0.113.9".into(),
        ),
        (
            LOCAL,
            "x-forwarded-for: 203.0.113.9\r\n",
            "203.0.113.9".into(),
        ),
        // And these are its client's.
        (
            VERSION_1,
            "x-forwarded-for: 203.0.113.9\r\n",
            "192.0.2.1".into(),
        ),
        (
            b"PROXY UNKNOWN\r\n",
            "x-forwarded-for: 203.0.113.9\r\n",
            Value::Null,
        ),
    ];
    for (header, headers, expected) in cases {
        let answer = exchange(connect(&server, header).await, headers).await;
        let told = client(&server, &answer).await;
        assert_eq!(told, expected, "{} {headers}", header.escape_ascii());
    }
}

#[tokio::test]
async fn the_proxy_protocol_stands_before_tls() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.expect("a certificate");
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    fs::write(&certificate, made.cert.pem()).expect("a file");
    fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let server = TestServer::builder()
        .env("BERTH_TRUSTED_PROXIES", "127.0.0.1")
        .tls(&certificate, &key)
        .start()
        .await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    for (header, expected) in [
        (VERSION_1, "192.0.2.1".into()),
        (VERSION_2, "192.0.2.1".into()),
        (LOCAL, Value::Null),
        (b"", Value::Null),
    ] {
        let stream = connect(&server, header).await;
        let name = "localhost".try_into().expect("a name");
        let stream = connector.connect(name, stream).await.expect("TLS");
        let answer = exchange(stream, "").await;
        let told = client(&server, &answer).await;
        assert_eq!(told, expected, "{}", header.escape_ascii());
    }
}

#[tokio::test]
async fn the_proxy_protocol_of_anybody_else_is_a_bad_request() {
    let server = behind("192.0.2.1, 127.0.0.2").await;
    for header in [VERSION_1, VERSION_2, LOCAL] {
        let answer = exchange(connect(&server, header).await, "").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    }
    let lines = server.log();
    let served = lines.iter().any(|line| line["target"] == "access");
    assert!(!served, "{lines:#?}");
}

#[tokio::test]
async fn a_header_that_is_malformed_or_does_not_come_ends_the_connection() {
    let server = TestServer::builder()
        .env("BERTH_TRUSTED_PROXIES", "127.0.0.1")
        .env("BERTH_LIMITS__HEADER_SECONDS", 1)
        .env("BERTH_LOG__LEVEL", "info,berth::server=debug")
        .start()
        .await;
    let long = [b"PROXY UNKNOWN ", [b'x'; 200].as_slice()].concat();
    for header in [b"PROXY TCP4 nobody\r\n".as_slice(), &long] {
        let answer = exchange(connect(&server, header).await, "").await;
        assert_eq!(answer, "", "{}", header.escape_ascii());
    }
    until("the line of a failure", async || {
        server.logged("PROXY header failed")
    })
    .await;
    let mut silent = connect(&server, b"PROXY TCP4 192.0.2.1 ").await;
    let mut end = Vec::new();
    let _ = timeout(PATIENCE, silent.read_to_end(&mut end))
        .await
        .expect("the server ends the connection");
    assert!(end.is_empty());
    until("the line of a time-out", async || {
        server.logged("PROXY header took too long")
    })
    .await;
}
