use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{TestServer, signed_in};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection on which a test says what no client library would.
pub struct Raw {
    pub stream: TcpStream,
}

/// What came back for one request.
#[derive(Debug)]
pub struct RawAnswer {
    pub head: String,
    pub body: Vec<u8>,
}

impl Raw {
    pub async fn connect(server: &TestServer) -> Self {
        Self {
            stream: TcpStream::connect(server.host())
                .await
                .expect("a connection"),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("a server that reads");
    }

    /// The head of a request, with the credentials of the first user.
    pub async fn request(&mut self, text: impl AsRef<str>) {
        self.send(signed_in(text.as_ref())).await;
    }

    /// Status line and headers, up to the empty line.
    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        timeout(PATIENCE, async {
            while !head.ends_with(b"\r\n\r\n") {
                match self.stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&head)),
                }
            }
        })
        .await
        .expect("an answer");
        String::from_utf8(head).expect("a head of ASCII")
    }

    /// One answer, whose body is as long as Content-Length says.
    pub async fn answer(&mut self) -> RawAnswer {
        let head = self.head().await;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse().expect("a number"));
        let mut body = vec![0; length];
        timeout(PATIENCE, self.stream.read_exact(&mut body))
            .await
            .expect("a body in time")
            .expect("a whole body");
        RawAnswer { head, body }
    }

    /// What comes until the server ends the connection, by a close or by a reset.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end as good as any.
        let _ = timeout(PATIENCE, self.stream.read_to_end(&mut rest))
            .await
            .expect("the server ends the connection");
        rest
    }
}
