use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, bail, ensure};

/// An HTTP/1.1 connection of a client with a repository of its own.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    repository: String,
    /// The lines that each request has.
    lines: String,
}

/// What a request brings beside its method and place.
#[derive(Default)]
pub(super) struct Content<'c> {
    pub(super) media_type: Option<&'c str>,
    /// Types that the client takes.
    pub(super) accept: Option<&'c str>,
    pub(super) bytes: &'c [u8],
}

pub(super) struct Answer {
    /// Path and query of the header Location; empty without it.
    pub(super) location: String,
    pub(super) bytes: Vec<u8>,
}

impl Connection {
    pub(super) fn open(
        address: SocketAddr,
        repository: String,
        authorization: Option<&str>,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut lines = format!("Host: {address}\r\n");
        if let Some(authorization) = authorization {
            lines += &format!("Authorization: {authorization}\r\n");
        }
        Ok(Self {
            stream: BufReader::new(stream),
            repository,
            lines,
        })
    }

    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// Asks for a path of the repository.
    ///
    /// Errors when the answer has another status, or is cut.
    pub(super) fn ask(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        content: Content<'_>,
    ) -> anyhow::Result<Answer> {
        let place = format!("/v2/{}/{path}", self.repository);
        self.ask_at(status, method, &place, content)
    }

    /// Asks for a place that an answer named.
    pub(super) fn ask_at(
        &mut self,
        status: u16,
        method: &str,
        place: &str,
        content: Content<'_>,
    ) -> anyhow::Result<Answer> {
        self.send(method, place, content)?;
        let (found, answer) = self.receive(method)?;
        if found != status {
            let text = String::from_utf8_lossy(&answer.bytes);
            bail!("{method} {place}: {found} and not {status}: {text}");
        }
        Ok(answer)
    }

    /// Sends a request; its answer is to be received before the next one.
    pub(super) fn send(
        &mut self,
        method: &str,
        place: &str,
        content: Content<'_>,
    ) -> anyhow::Result<()> {
        let mut request = format!("{method} {place} HTTP/1.1\r\n{}", self.lines);
        if let Some(media_type) = content.media_type {
            request += &format!("Content-Type: {media_type}\r\n");
        }
        if let Some(accept) = content.accept {
            request += &format!("Accept: {accept}\r\n");
        }
        let mut request = request.into_bytes();
        write!(request, "Content-Length: {}\r\n\r\n", content.bytes.len())?;
        request.extend_from_slice(content.bytes);
        self.stream.get_mut().write_all(&request)?;
        Ok(())
    }

    /// The answer to a request of this method, with its status.
    pub(super) fn receive(&mut self, method: &str) -> anyhow::Result<(u16, Answer)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).context("no status")?.parse()?;
        let (mut length, mut location) = (0, String::new());
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                ensure!(line.is_empty(), "not a header: {line}");
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse()?;
            } else if name.eq_ignore_ascii_case("location") {
                location = path(value).to_owned();
            }
        }
        let mut bytes = vec![0; if method == "HEAD" { 0 } else { length }];
        self.stream.read_exact(&mut bytes)?;
        Ok((status, Answer { location, bytes }))
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        ensure!(line.ends_with("\r\n"), "the connection was closed");
        line.truncate(line.len() - 2);
        Ok(line)
    }
}

/// What of a URL is sent to its host.
fn path(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else {
        return url;
    };
    rest.find('/').map_or("/", |start| &rest[start..])
}
