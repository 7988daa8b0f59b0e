//! Server-sent events: what the API tells of while it happens.

use std::collections::VecDeque;

use reqwest::Response;

use super::{Document, RequestError, Server};

/// Far more than the API puts into one event.
const EVENT_BYTES: usize = 1024 * 1024;

/// One of them, whose data is a JSON document.
pub(crate) struct Event {
    /// What a stream that was cut is resumed behind.
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) data: Document,
}

/// The events of one answer, as they come.
pub(crate) struct Events {
    server: Server,
    response: Response,
    reader: Reader,
}

impl Events {
    pub(super) fn new(server: Server, response: Response) -> Self {
        Self {
            server,
            response,
            reader: Reader::default(),
        }
    }

    /// The next one; `None` once the server has ended the answer.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, RequestError> {
        loop {
            if let Some(read) = self.reader.events.pop_front() {
                let data = Document::parse(read.data.as_bytes());
                let data = data.map_err(|source| RequestError::Unreadable {
                    server: self.server.clone(),
                    source,
                })?;
                return Ok(Some(Event {
                    id: read.id,
                    kind: read.kind,
                    data,
                }));
            }
            let came = self.response.chunk().await;
            let came = came.map_err(|source| RequestError::Unreachable {
                server: self.server.clone(),
                source: source.without_url(),
            })?;
            let Some(bytes) = came else {
                return Ok(None);
            };
            if !self.reader.read(&bytes) {
                return Ok(None);
            }
        }
    }
}

/// Puts lines together that come in pieces, and events that are made of lines
/// (HTML, "Server-sent events", 9.2.6).
#[derive(Default)]
struct Reader {
    /// The beginning of a line.
    rest: Vec<u8>,
    event: Read,
    events: VecDeque<Read>,
}

#[derive(Default)]
struct Read {
    id: String,
    kind: String,
    data: String,
}

impl Reader {
    /// `false` if this can not be what the API sends.
    fn read(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.rest);
                    let line = line.strip_suffix(b"\r").unwrap_or(&line);
                    self.line(&String::from_utf8_lossy(line));
                }
                _ => self.rest.push(byte),
            }
        }
        self.rest.len() + self.event.data.len() <= EVENT_BYTES
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            // An event keeps the id of the one before if it has none.
            let id = self.event.id.clone();
            let event = std::mem::take(&mut self.event);
            self.event.id = id;
            if !event.data.is_empty() {
                self.events.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.event.id),
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment has no name, and is a sign of life.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn events_are_read_however_they_are_cut_into_pieces() {
        let text = ": alive\n\nid: 7\nevent: step\ndata: {\"text\":\ndata: \"größer\"}\n\n\
                    : alive\n\nid:8\r\nevent:end\r\ndata:{}\r\n\r\nid: 9\ndata: cut";
        for size in 1..text.len() {
            let mut reader = Reader::default();
            for piece in text.as_bytes().chunks(size) {
                assert!(reader.read(piece));
            }
            let read: Vec<_> = reader
                .events
                .iter()
                .map(|event| (&*event.id, &*event.kind, &*event.data))
                .collect();
            let expected = [("7", "step", "{\"text\":\n\"größer\"}"), ("8", "end", "{}")];
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut reader = Reader::default();
        assert!(!(0..2000).all(|_| reader.read(&[b'x'; 1024])));
    }
}
