//! Berth behind nginx, with the site that we hand out: config/nginx-site.conf.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{
    ADMIN, ADMIN_PASSWORD, Blob, TestServer, digest_of, random_bytes, streamed, text, tool, until,
};

const SITE: &str = include_str!("../../config/nginx-site.conf");
/// What the client has, so that it is told from nginx, which connects from 127.0.0.1.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// An nginx of one process. Killed with -9 when it is dropped.
struct Nginx {
    child: Child,
    _folder: TempDir,
}

impl Nginx {
    async fn start(berth: &TestServer, place: &Place) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_configuration(folder.path(), berth, place);
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-c", "nginx.conf", "-p"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let nginx = Self {
            child,
            _folder: folder,
        };
        until("nginx", async || {
            TcpStream::connect(&place.https).await.is_ok()
        })
        .await;
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nginx listens.
struct Place {
    host: String,
    https: String,
    http: String,
    _held: TcpListener,
}

impl Place {
    /// A loopback address on which every port is free: nobody else has it while the port that it is
    /// made of is held.
    fn new() -> Self {
        let held = TcpListener::bind("127.0.0.1:0").expect("a port");
        let [high, low] = held.local_addr().expect("a port").port().to_be_bytes();
        let host = Ipv4Addr::new(127, 64, high, low).to_string();
        Self {
            https: format!("{host}:8443"),
            http: format!("{host}:8080"),
            host,
            _held: held,
        }
    }
}

fn write_configuration(folder: &Path, berth: &TestServer, place: &Place) {
    let made = rcgen::generate_simple_self_signed([place.host.clone()]).expect("a certificate");
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("a file");
    fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let (https, http) = (
        format!("listen {} ssl;", place.https),
        format!("listen {};", place.http),
    );
    let mut site = SITE.to_owned();
    for (there, here) in [
        ("127.0.0.1:5000", berth.host()),
        ("listen 443 ssl;", &https),
        ("listen 80;", &http),
        ("listen [::]:443 ssl;", ""),
        ("listen [::]:80;", ""),
        (
            "/etc/nginx/tls/registry.example.com.pem",
            text(&certificate),
        ),
        ("/etc/nginx/tls/registry.example.com.key", text(&key)),
    ] {
        assert_eq!(site.matches(there).count(), 1, "{there}");
        site = site.replace(there, here);
    }
    let site = site.replace("registry.example.com", &place.host);
    fs::write(folder.join("site.conf"), site).expect("a file");
    let folder = text(folder);
    let around = format!(
        "daemon off;
        master_process off;
        pid {folder}/pid;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path {folder}/body;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            include {folder}/site.conf;
        }}\n"
    );
    fs::write(Path::new(folder).join("nginx.conf"), around).expect("a file");
}

fn client() -> Client {
    Client::builder()
        .local_address(CLIENT)
        .redirect(Policy::none())
        .danger_accept_invalid_certs(true)
        .build()
        .expect("a client")
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    let value = value.unwrap_or_else(|| panic!("no header {name} in {answer:?}"));
    value.to_str().expect("visible ASCII")
}

/// A token as docker comes by it: from the place that the answer to `/v2/` tells.
async fn token(client: &Client, place: &Place, scope: &str) -> String {
    let answer = client.get(format!("https://{}/v2/", place.https)).send();
    let answer = answer.await.expect("an answer");
    assert_eq!(answer.status(), 401);
    let (realm, service) = (format!("https://{}/token", place.https), &place.https);
    assert_eq!(
        header(&answer, "www-authenticate"),
        format!("Bearer realm=\"{realm}\",service=\"{service}\"")
    );
    let answer = client
        .get(realm)
        .query(&[("service", service.as_str()), ("scope", scope)])
        .basic_auth(ADMIN, Some(ADMIN_PASSWORD))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let document: Value = answer.json().await.expect("a document");
    document["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn the_site_for_nginx_carries_pushes_and_pulls_and_tells_who_the_client_is() {
    if !tool("nginx") {
        return;
    }
    let place = Place::new();
    let base = format!("https://{}", place.https);
    let berth = TestServer::builder()
        .env("BERTH_PUBLIC_URL", &base)
        .env("BERTH_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    let _nginx = Nginx::start(&berth, &place).await;
    let client = client();
    let token = token(&client, &place, "repository:behind/nginx:pull,push").await;

    // More than nginx takes by default, and without a length, as docker pushes.
    let blob = Blob::new(random_bytes(1, 5_000_000));
    let started = client
        .post(format!("{base}/v2/behind/nginx/blobs/uploads/"))
        .bearer_auth(&token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(started.status(), 202);
    let location = format!("{base}{}", header(&started, "location"));
    let patched = client
        .patch(&location)
        .bearer_auth(&token)
        .body(streamed(&blob.bytes))
        .send()
        .await
        .expect("an answer");
    assert_eq!(patched.status(), 202);
    let closed = client
        .put(format!("{location}?digest={}", blob.digest))
        .bearer_auth(&token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(closed.status(), 201);

    let pulled = client
        .get(format!("{base}/v2/behind/nginx/blobs/{}", blob.digest))
        .bearer_auth(&token)
        .send()
        .await
        .expect("an answer");
    assert_eq!(pulled.status(), 200);
    let id = header(&pulled, "x-request-id").to_owned();
    assert_eq!(
        digest_of(&pulled.bytes().await.expect("a body")),
        blob.digest
    );
    let line = berth.access_line(&id).await;
    assert_eq!(line["client"], CLIENT.to_string(), "{line}");
    let peer = line["peer"].as_str().expect("a peer");
    assert!(peer.starts_with("127.0.0.1:"), "{line}");

    // nginx must not take a slash out of a name.
    let shown = client
        .get(format!("{base}/api/v1/repositories/behind%2Fnginx"))
        .basic_auth(ADMIN, Some(ADMIN_PASSWORD))
        .send()
        .await
        .expect("an answer");
    assert_eq!(shown.status(), 200);

    let plain = client.get(format!("http://{}/v2/", place.http)).send();
    let plain = plain.await.expect("an answer");
    assert_eq!(plain.status(), 301);
    assert_eq!(
        header(&plain, "location"),
        format!("https://{}/v2/", place.host)
    );
}
