use std::sync::atomic::{AtomicUsize, Ordering};

use berth_registry::{Timestamp, sentence};
use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use crate::db;
use crate::deployer::Deployer;
use crate::engine::Log;
use crate::history::LineKind;
use crate::journal::Journal;

/// Lines that wait to be written. What comes faster than the database writes is left out.
const WAITING: usize = 1000;
/// The most lines of a deployment that engines and containers write.
const LINES: usize = 5000;
const LINE_BYTES: usize = 2048;

/// Gathers what engine and containers say, and writes it in batches.
pub(super) struct RunLog {
    journal: Journal,
    sender: mpsc::Sender<Entry>,
    taken: AtomicUsize,
}

enum Entry {
    Line(Line),
    Flush(oneshot::Sender<()>),
}

struct Line {
    at: Timestamp,
    kind: LineKind,
    service: Option<String>,
    text: String,
}

impl RunLog {
    pub(super) fn start(deployer: &Deployer, deployment: i64) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let journal = deployer.journal.clone();
        deployer
            .tasks
            .spawn(write(journal.clone(), deployment, receiver));
        Self {
            journal,
            sender,
            taken: AtomicUsize::new(0),
        }
    }

    /// Comes when everything that was said is written.
    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.sender.send(Entry::Flush(done)).await.is_ok() {
            // It ends only after it has written.
            let _ = written.await;
        }
    }

    pub(super) fn note(&self, text: &str) {
        self.add(LineKind::Note, None, text);
    }

    fn add(&self, kind: LineKind, service: Option<&str>, text: &str) {
        let text = match self.taken.fetch_add(1, Ordering::Relaxed) {
            taken if taken < LINES => &text[..text.floor_char_boundary(LINE_BYTES)],
            LINES => sentence("there are more lines than are kept"),
            _ => return,
        };
        // Full, or closed: it is a log.
        let _ = self.sender.try_send(Entry::Line(Line {
            at: self.journal.now(),
            kind,
            service: service.map(str::to_owned),
            text: text.to_owned(),
        }));
    }
}

impl Log for RunLog {
    fn engine(&self, service: Option<&str>, text: &str) {
        self.add(LineKind::Engine, service, text);
    }

    fn container(&self, service: &str, text: &str) {
        self.add(LineKind::Container, Some(service), text);
    }
}

async fn write(journal: Journal, deployment: i64, mut receiver: mpsc::Receiver<Entry>) {
    let mut entries = Vec::new();
    while receiver.recv_many(&mut entries, WAITING).await > 0 {
        let (mut lines, mut flushed) = (Vec::new(), Vec::new());
        for entry in entries.drain(..) {
            match entry {
                Entry::Line(line) => lines.push(line),
                Entry::Flush(done) => flushed.push(done),
            }
        }
        let written = journal.write_relaxed(move |tx| {
            async move {
                for line in &lines {
                    let (service, text) = (line.service.as_deref(), &line.text);
                    db::lines::insert(tx, deployment, line.kind, service, text, line.at).await?;
                }
                Ok(())
            }
            .boxed()
        });
        if let Err(error) = written.await {
            warn!(
                error = &error as &dyn std::error::Error,
                "could not write the log of deployment {deployment}"
            );
        }
        for done in flushed {
            // Who waited may have gone.
            let _ = done.send(());
        }
    }
}
