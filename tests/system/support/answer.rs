use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{TestServer, signed_in};

/// Longer than any answer takes, so that a server that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer, read to its end.
pub struct Answer {
    asked: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Sends a request, and checks of the answer what holds for every one.
pub async fn ask(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let asked = format!("{method} {}", request.url());
    let sent = client.execute(request).await;
    let mut response = sent.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let body = response.bytes().await;
    let body = body.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
    let answer = Answer {
        asked,
        status,
        headers,
        body: body.to_vec(),
    };
    answer.check(&method, &path);
    answer
}

/// As [`ask`], for a request that no client library would send: `head` is the request line and
/// headers, the last line break, `Host` and `Authorization` left out.
pub async fn ask_raw(server: &TestServer, head: &str) -> Answer {
    let mut words = head.split([' ', '\r']);
    let method: Method = words
        .next()
        .and_then(|word| word.parse().ok())
        .expect("a method");
    let path = words.next().expect("a path");
    let mut stream = TcpStream::connect(server.host())
        .await
        .expect("a connection");
    let request = format!(
        "{head}\r\nhost: {}\r\nconnection: close\r\n\r\n",
        server.host()
    );
    stream
        .write_all(signed_in(&request).as_bytes())
        .await
        .expect("a server that listens");
    let answer = read_answer(head, stream).await;
    answer.check(&method, path);
    answer
}

/// What the server says on a connection until it closes it.
pub async fn read_answer(asked: &str, mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap_or_else(|_| panic!("{asked}: the connection stays open"))
        .unwrap_or_else(|error| panic!("{asked}: {error}"));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("{asked}: not an answer: {text:?}"));
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .unwrap_or_else(|| panic!("{asked}: not a status: {text:?}"));
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").expect("a header");
        let name: HeaderName = name.parse().expect("a header's name");
        (
            name,
            HeaderValue::from_str(value).expect("a header's value"),
        )
    });
    Answer {
        asked: asked.to_owned(),
        status,
        headers: headers.collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

impl Answer {
    /// Of every answer: `docker manifest` needs the version (docker/cli#989), no client may have
    /// to guess where the body ends, and nothing is ever compressed.
    #[track_caller]
    fn check(&self, method: &Method, path: &str) {
        if path == "/v2" || path.starts_with("/v2/") {
            let version = self.maybe("docker-distribution-api-version");
            assert_eq!(version, Some("registry/2.0"), "{self:?}");
        }
        assert_eq!(self.maybe("content-encoding"), None, "{self:?}");
        assert_eq!(self.maybe("transfer-encoding"), None, "{self:?}");
        let empty = *method == Method::HEAD || matches!(self.status.as_u16(), 204 | 304);
        if empty {
            assert!(self.body.is_empty(), "{self:?}");
        } else {
            let length = self.body.len().to_string();
            assert_eq!(self.maybe("content-length"), Some(&*length), "{self:?}");
        }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    pub fn maybe(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("visible ASCII"))
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.maybe(name)
            .unwrap_or_else(|| panic!("no header {name} in {self:?}"))
    }

    /// Where to go on. containerd puts scheme and host before what begins with a slash, and takes
    /// off its credentials when they differ, so a path is what every client gets along with.
    #[track_caller]
    pub fn location(&self) -> &str {
        let location = self.header("location");
        assert!(location.starts_with("/v2/"), "{self:?}");
        location
    }

    /// The location with a digest appended to whatever query it has.
    #[track_caller]
    pub fn location_with(&self, digest: &str) -> String {
        let location = self.location();
        let separator = if location.contains('?') { '&' } else { '?' };
        format!("{location}{separator}digest={}", digest.replace(':', "%3A"))
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that this is the specification's error document, and gives its first entry.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{code} expected: {self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        let document = self.json();
        let entry = &document["errors"][0];
        assert_eq!(entry["code"], code, "{self:?}");
        let message = entry["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{self:?}");
        entry.clone()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.body[..self.body.len().min(600)];
        write!(
            f,
            "\n{}\n-> {}, {} bytes\n{:#?}\n{}",
            self.asked,
            self.status,
            self.body.len(),
            self.headers,
            String::from_utf8_lossy(shown)
        )
    }
}
