//! What the commands print: tables for people, or what the API said for programs.

use std::io::{self, IsTerminal as _, Write as _};

use chrono::{DateTime, Local, Utc};
use serde::de::DeserializeOwned;

use crate::client::{Client, Document, RequestError, Secret};

mod format;

pub(crate) use format::{duration, size};

/// How long a digest is on a terminal: `sha256:` and twelve digits, as docker prints it.
const SHORT_DIGEST: usize = 19;

pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) now: DateTime<Utc>,
}

impl Output {
    /// Prints a list, of which the text is made only if it is for people.
    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        client: &Client,
        items: &[Document],
        text: impl FnOnce(&[T]) -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            let items: Vec<_> = items.iter().map(Document::text).collect();
            return print(&format!("[{}]\n", items.join(",\n")));
        }
        let items = items
            .iter()
            .map(|item| client.read(item))
            .collect::<Result<Vec<T>, RequestError>>()?;
        print(&text(&items))
    }

    pub(crate) fn document<T: DeserializeOwned>(
        &self,
        client: &Client,
        document: &Document,
        text: impl FnOnce(T) -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            return print(&format!("{}\n", document.text()));
        }
        print(&text(client.read(document)?))
    }

    /// Prints a secret that is shown once, alone, so that a shell can put it into a variable.
    pub(crate) fn secret(
        &self,
        document: &Document,
        secret: &Secret,
        explanation: &str,
    ) -> anyhow::Result<()> {
        if self.json {
            return print(&format!("{}\n", document.text()));
        }
        eprintln!("{explanation}");
        print(&format!("{}\n", secret.expose()))
    }

    /// Says what was done where the server says nothing.
    pub(crate) fn done(&self, text: &str) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        print(&format!("{text}\n"))
    }

    /// A time in a list: how long ago it was, or its day.
    pub(crate) fn age(&self, at: Option<DateTime<Utc>>) -> String {
        at.map(|at| format::age(at, self.now, &Local))
            .unwrap_or_default()
    }

    /// A time in full.
    pub(crate) fn time(&self, at: Option<DateTime<Utc>>) -> String {
        at.map(|at| format::time(at, &Local)).unwrap_or_default()
    }

    /// The time of the day, where the day is today's.
    pub(crate) fn clock(&self, at: DateTime<Utc>) -> String {
        format::clock(at, &Local)
    }

    /// A digest, whole unless it would only be looked at.
    pub(crate) fn digest<'a>(&self, digest: &'a str) -> &'a str {
        if io::stdout().is_terminal() {
            digest.get(..SHORT_DIGEST).unwrap_or(digest)
        } else {
            digest
        }
    }
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Who reads it has seen enough, as `head` has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

pub(crate) fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
