//! HTTPS, and certificates that change under a server that runs.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::SystemTime;

use reqwest::tls::TlsInfo;
use reqwest::{Client, ClientBuilder, StatusCode, Version};
use tempfile::TempDir;

use crate::support::{Blob, TestServer, admin_headers, digest_of, random_bytes, until};

/// The files that a server is given.
struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new() -> (Self, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = Self {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
            _folder: folder,
        };
        let certificate = files.replace();
        (files, certificate)
    }

    /// Writes a new pair, and gives the certificate as clients see it.
    fn replace(&self) -> Vec<u8> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        fs::write(&self.certificate, made.cert.pem()).expect("a file");
        fs::write(&self.key, made.signing_key.serialize_pem()).expect("a file");
        made.cert.der().to_vec()
    }

    fn set_modified(&self, time: SystemTime) {
        for path in [&self.certificate, &self.key] {
            let file = File::options().write(true).open(path).expect("a file");
            file.set_modified(time).expect("a time");
        }
    }

    async fn serve(&self) -> TestServer {
        TestServer::builder()
            .tls(&self.certificate, &self.key)
            .start()
            .await
    }
}

fn client(choose: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = Client::builder()
        .default_headers(admin_headers())
        .danger_accept_invalid_certs(true)
        .tls_info(true);
    choose(builder).build().expect("a client")
}

/// What a new connection is shown.
async fn served(server: &TestServer) -> Vec<u8> {
    let answer = client(|builder| builder)
        .get(server.url("/v2/"))
        .send()
        .await
        .expect("an answer");
    let info = answer.extensions().get::<TlsInfo>().expect("TLS");
    info.peer_certificate().expect("a certificate").to_vec()
}

#[tokio::test]
async fn https_carries_pushes_and_pulls_over_both_versions_of_http() {
    let (files, certificate) = Files::new();
    let server = files.serve().await;
    assert_eq!(served(&server).await, certificate);
    let clients = [
        (Version::HTTP_11, client(ClientBuilder::http1_only)),
        // What ALPN comes to.
        (Version::HTTP_2, client(|builder| builder)),
    ];
    for (seed, (version, client)) in (1..).zip(clients) {
        let blob = Blob::new(random_bytes(seed, 3_000_000));
        let uploads = server.url("/v2/tls/pushes/blobs/uploads/");
        let pushed = client
            .post(format!("{uploads}?digest={}", blob.digest))
            .body(blob.bytes.clone())
            .send()
            .await
            .expect("an answer");
        assert_eq!(
            (pushed.status(), pushed.version()),
            (StatusCode::CREATED, version)
        );
        let location = pushed.headers()["location"].to_str().expect("a path");
        let pulled = client.get(server.url(location)).send().await;
        let pulled = pulled.expect("an answer");
        assert_eq!(
            (pulled.status(), pulled.version()),
            (StatusCode::OK, version)
        );
        assert_eq!(
            digest_of(&pulled.bytes().await.expect("a body")),
            blob.digest
        );
    }
}

#[tokio::test]
async fn a_certificate_that_was_replaced_is_served_to_new_connections() {
    let (files, old) = Files::new();
    let server = files.serve().await;
    assert_eq!(served(&server).await, old);
    let new = files.replace();
    until("the new certificate", async || served(&server).await == new).await;
    // The client that was connected before goes on.
    let answer = server.get("/v2/").send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn sighup_reads_the_certificate_again_whatever_its_time() {
    let (files, old) = Files::new();
    // With the time of before, only the signal tells that there is something new.
    let time = SystemTime::UNIX_EPOCH;
    files.set_modified(time);
    let server = files.serve().await;
    assert_eq!(served(&server).await, old);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (next, new) = Files::new();
    next.set_modified(time);
    for (from, to) in [
        (&next.certificate, &files.certificate),
        (&next.key, &files.key),
    ] {
        let staged = folder.path().join("staged");
        fs::rename(from, &staged).expect("a file");
        fs::rename(&staged, to).expect("a file");
    }
    server.signal("-HUP");
    until("the new certificate", async || served(&server).await == new).await;
}

#[tokio::test]
async fn broken_files_keep_the_certificate_of_before() {
    let (files, old) = Files::new();
    let server = files.serve().await;
    let other = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let good = fs::read(&files.key).expect("a file");
    let cases = [
        ("no PEM", &files.certificate, b"not a certificate".to_vec()),
        ("another key", &files.key, other.into_bytes()),
        ("nothing", &files.key, Vec::new()),
    ];
    for (case, file, content) in cases {
        let kept = fs::read(file).expect("a file");
        let before = server.log().len();
        fs::write(file, content).expect("a file");
        server.signal("-HUP");
        until(case, async || {
            let log = server.log();
            log[before..].iter().any(|line| {
                line["level"] == "ERROR"
                    && line["message"]
                        .as_str()
                        .is_some_and(|message| message.starts_with("kept the TLS certificate"))
            })
        })
        .await;
        assert_eq!(served(&server).await, old, "{case}");
        fs::write(file, kept).expect("a file");
    }
    assert_eq!(fs::read(&files.key).expect("a file"), good);
    server.signal("-HUP");
    until("a load that works", async || {
        server.logged("loaded the TLS certificate again")
    })
    .await;
    assert_eq!(served(&server).await, old);
}

#[tokio::test]
async fn a_client_that_speaks_plainly_to_the_tls_port_is_turned_away() {
    let (files, _) = Files::new();
    let server = files.serve().await;
    let answer = client(|builder| builder)
        .get(format!("http://{}/v2/", server.host()))
        .send()
        .await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(
        server.get("/v2/").send().await.expect("an answer").status(),
        200
    );
}
