use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::names::Place;
use crate::output::size;
use crate::table::{Table, printable};

/// What an import has done so far.
#[derive(Default)]
pub(crate) struct Report(Mutex<Vec<Arc<Entry>>>);

/// What it has done for one repository.
pub(super) struct Entry(Mutex<Repository>);

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Repository {
    source: String,
    repository: String,
    tags: Copied,
    manifests: Copied,
    blobs: Blobs,
    /// Of blobs and manifests that were sent.
    sent_bytes: u64,
    failures: Vec<Problem>,
    /// What the source names and does not have, and what need not be there.
    left_out: Vec<Problem>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Copied {
    copied: u64,
    there: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Blobs {
    sent: u64,
    mounted: u64,
    there: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Problem {
    what: String,
    reason: String,
}

/// How something came to be at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Sent { bytes: u64 },
    Mounted,
    There,
}

#[derive(Serialize)]
struct Document {
    repositories: Vec<Repository>,
    failures: usize,
    /// Whether it was ended before its end.
    interrupted: bool,
}

impl Report {
    pub(super) fn repository(&self, place: &Place) -> Arc<Entry> {
        self.add(Repository {
            source: place.source.to_string(),
            repository: place.destination.to_string(),
            ..Repository::default()
        })
    }

    /// A repository of the source that can not be one here.
    pub(crate) fn unusable(&self, name: &str, reason: &str) {
        let entry = self.add(Repository {
            source: printable(name),
            ..Repository::default()
        });
        entry.fail(name, reason);
    }

    fn add(&self, repository: Repository) -> Arc<Entry> {
        let entry = Arc::new(Entry(Mutex::new(repository)));
        self.entries().push(Arc::clone(&entry));
        entry
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Arc<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repositories(&self) -> Vec<Repository> {
        let entries = self.entries();
        let mut repositories: Vec<_> = entries.iter().map(|entry| entry.lock().clone()).collect();
        repositories.sort_by(|one, other| one.source.cmp(&other.source));
        repositories
    }

    pub(crate) fn failures(&self) -> usize {
        let repositories = self.repositories();
        let failures = repositories.iter().map(|found| found.failures.len());
        failures.sum()
    }

    pub(crate) fn json(&self, interrupted: bool) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Document {
            repositories: self.repositories(),
            failures: self.failures(),
            interrupted,
        })
    }

    /// A table, and below it what is missing and why.
    pub(crate) fn text(&self) -> String {
        let mut table = Table::with_header([
            "REPOSITORY",
            "TAGS",
            "THERE",
            "MANIFESTS",
            "BLOBS",
            "MOUNTED",
            "THERE",
            "SENT",
            "FAILED",
        ]);
        let mut problems = String::new();
        for found in self.repositories() {
            for (word, list) in [("failed", &found.failures), ("left out", &found.left_out)] {
                for Problem { what, reason } in list {
                    let (what, reason) = (printable(what), printable(reason));
                    problems.push_str(&format!("{word}: {what}: {reason}\n"));
                }
            }
            let name = if found.repository.is_empty() {
                found.source
            } else {
                found.repository
            };
            table.row([
                name,
                found.tags.copied.to_string(),
                found.tags.there.to_string(),
                found.manifests.copied.to_string(),
                found.blobs.sent.to_string(),
                found.blobs.mounted.to_string(),
                found.blobs.there.to_string(),
                size(found.sent_bytes),
                found.failures.len().to_string(),
            ]);
        }
        if problems.is_empty() {
            table.to_string()
        } else {
            format!("{table}\n{problems}")
        }
    }
}

impl Entry {
    fn lock(&self) -> MutexGuard<'_, Repository> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tag(&self, came: Came) {
        self.lock().tags.count(came);
    }

    pub(super) fn manifest(&self, came: Came) {
        let mut found = self.lock();
        found.manifests.count(came);
        found.sent_bytes += came.bytes();
    }

    pub(super) fn blob(&self, came: Came) {
        let mut found = self.lock();
        let count = match came {
            Came::Sent { .. } => &mut found.blobs.sent,
            Came::Mounted => &mut found.blobs.mounted,
            Came::There => &mut found.blobs.there,
        };
        *count += 1;
        found.sent_bytes += came.bytes();
    }

    pub(super) fn fail(&self, what: &str, reason: &str) {
        self.lock().failures.push(Problem::new(what, reason));
    }

    pub(super) fn leave_out(&self, what: &str, reason: &str) {
        self.lock().left_out.push(Problem::new(what, reason));
    }
}

impl Problem {
    fn new(what: &str, reason: &str) -> Self {
        Self {
            what: what.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl Copied {
    fn count(&mut self, came: Came) {
        match came {
            Came::Sent { .. } | Came::Mounted => self.copied += 1,
            Came::There => self.there += 1,
        }
    }
}

impl Came {
    fn bytes(self) -> u64 {
        match self {
            Self::Sent { bytes } => bytes,
            Self::Mounted | Self::There => 0,
        }
    }
}
