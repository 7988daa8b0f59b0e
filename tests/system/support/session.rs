use futures_util::stream;
use reqwest::{Body, RequestBuilder};

use super::{Answer, Caller, ask};

/// An upload session, as a client knows it: by the `Location` that it was given.
#[derive(Clone, Debug)]
pub struct Session {
    pub location: String,
}

impl Session {
    pub async fn start(server: &Caller, repository: &str) -> Self {
        let path = format!("/v2/{repository}/blobs/uploads/");
        Self::of(&ask(server.post(&path)).await.expect(202))
    }

    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        Self {
            location: answer.location().to_owned(),
        }
    }

    pub fn id(&self) -> &str {
        self.location.rsplit('/').next().expect("a path")
    }

    /// end-13
    pub async fn status(&self, server: &Caller) -> Answer {
        ask(server.get(&self.location)).await
    }

    /// end-5 without `Content-Range`.
    pub fn patch(&self, server: &Caller, bytes: &[u8]) -> RequestBuilder {
        server.patch(&self.location).body(bytes.to_vec())
    }

    /// end-5 with `Content-Range`.
    pub fn patch_at(&self, server: &Caller, first: usize, bytes: &[u8]) -> RequestBuilder {
        self.patch(server, bytes)
            .header("content-range", place(first, bytes))
    }

    /// end-6
    pub fn put(&self, server: &Caller, digest: &str, bytes: &[u8]) -> RequestBuilder {
        let path = format!("{}?digest={digest}", self.location);
        server.put(&path).body(bytes.to_vec())
    }
}

/// `Content-Range` of a chunk: first and last byte, both included.
pub fn place(first: usize, bytes: &[u8]) -> String {
    format!("{first}-{}", first + bytes.len() - 1)
}

/// A body without `Content-Length`, as Docker sends it.
pub fn streamed(bytes: &[u8]) -> Body {
    let pieces: Vec<_> = bytes
        .chunks(50_000)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect();
    Body::wrap_stream(stream::iter(pieces))
}
