//! The audit log: who did what, from where, when, and how it ended.
//!
//! What changes something is noted in the transaction of the change. Sign-ins, wrong passwords and
//! refusals are gathered in memory and written each second, so that a read costs no write.
//! Requests without credentials are only counted, in the metrics.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Timestamp;
use crate::db::{self, DbError, signed};
use crate::registry::Registry;
use crate::sentence;

const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Different things in memory; what comes on top is counted in one row for each actor kind.
const GATHERED: usize = 1000;
/// A client chooses subjects and details, so they are cut.
const TEXT_BYTES: usize = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    User,
    Robot,
    /// A name that was shown without its password.
    Unknown,
    /// Berth itself.
    System,
}

impl ActorKind {
    const ALL: [Self; 4] = [Self::User, Self::Robot, Self::Unknown, Self::System];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Robot => "robot",
            Self::Unknown => "unknown",
            Self::System => "system",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Done,
    /// A known caller lacked the right.
    Refused,
    WrongPassword,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::WrongPassword];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::WrongPassword => "wrong_password",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not a word of the audit log")]
pub struct UnknownWord;

impl FromStr for ActorKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text).ok_or(UnknownWord)
    }
}

impl FromStr for Outcome {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.as_str() == text).ok_or(UnknownWord)
    }
}

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    pub kind: ActorKind,
    pub name: String,
    pub address: Option<IpAddr>,
}

impl Actor {
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            name: "berth".to_owned(),
            address: None,
        }
    }

    pub(crate) fn address_text(&self) -> String {
        self.address
            .map(|address| address.to_string())
            .unwrap_or_default()
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Something to note. `action` is a noun and a verb, such as `tag.delete`, or a right that was
/// asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub(crate) actor: Actor,
    pub(crate) action: &'static str,
    pub(crate) project: Option<String>,
    pub(crate) subject: String,
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
}

impl Entry {
    pub fn done(actor: &Actor, action: &'static str, subject: impl fmt::Display) -> Self {
        Self {
            actor: actor.clone(),
            action,
            project: None,
            subject: cut(subject.to_string()),
            outcome: Outcome::Done,
            detail: String::new(),
        }
    }

    #[must_use]
    pub fn in_project(mut self, project: &ProjectName) -> Self {
        self.project = Some(project.to_string());
        self
    }

    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = cut(detail.to_string());
        self
    }

    /// Notes it in the transaction that does it.
    pub async fn record(
        &self,
        tx: &mut sqlx::SqliteConnection,
        now: Timestamp,
    ) -> Result<(), DbError> {
        db::audit::record(tx, self, 1, now, now).await
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push('…');
    }
    text
}

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub actor: Option<String>,
    /// As [`Entry`] has it.
    pub action: Option<String>,
    pub project: Option<ProjectName>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only entries with a smaller id: where the page before ended.
    pub before: Option<i64>,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: i64,
    pub at: Timestamp,
    pub last_at: Timestamp,
    /// How often, in the minute after `at`.
    pub count: u64,
    pub actor_kind: ActorKind,
    pub actor: String,
    pub address: Option<String>,
    pub action: String,
    pub project: Option<String>,
    pub subject: Option<String>,
    pub outcome: Outcome,
    pub detail: Option<String>,
}

/// What is to be written, merged as the rows will be. What strangers do has a place of its own, so
/// that they can not crowd out what is known of others.
#[derive(Default)]
pub(crate) struct Gathered {
    known: Mutex<Entries>,
    unknown: Mutex<Entries>,
}

type Entries = HashMap<(i64, Entry), Repeats>;

#[derive(Clone, Copy)]
struct Repeats {
    count: i64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Gathered {
    pub(crate) fn add(&self, entry: Entry, now: Timestamp) {
        let mut gathered = match entry.actor.kind {
            ActorKind::Unknown => locked(&self.unknown),
            ActorKind::User | ActorKind::Robot | ActorKind::System => locked(&self.known),
        };
        let mut key = (now.0.div_euclid(60_000), entry);
        if gathered.len() >= GATHERED && !gathered.contains_key(&key) {
            let entry = &mut key.1;
            entry.actor = Actor {
                kind: entry.actor.kind,
                name: "many".to_owned(),
                address: None,
            };
            entry.project = None;
            entry.subject = String::new();
            entry.detail = sentence("too many different entries in a second").to_owned();
        }
        let repeats = gathered.entry(key).or_insert(Repeats {
            count: 0,
            first_at: now,
            last_at: now,
        });
        repeats.count += 1;
        repeats.last_at = now;
    }

    fn take(&self) -> Entries {
        let mut all = std::mem::take(&mut *locked(&self.known));
        all.extend(std::mem::take(&mut *locked(&self.unknown)));
        all
    }
}

fn locked(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries
        .lock()
        .expect("nothing panics while it holds the map")
}

impl Registry {
    /// A page of the log, newest first.
    pub async fn audit_log(&self, filter: &Filter, limit: usize) -> Result<Vec<Recorded>, DbError> {
        let mut connection = self.db.read().await?;
        db::audit::list(&mut connection, filter, signed(limit as u64)).await
    }

    pub(crate) async fn write_audit_until(self: Arc<Self>, stopping: CancellationToken) {
        loop {
            let stop = tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => false,
                () = stopping.cancelled() => true,
            };
            if let Err(error) = self.write_gathered().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not write the audit log"
                );
            }
            if stop {
                return;
            }
        }
    }

    async fn write_gathered(&self) -> Result<(), DbError> {
        let gathered = self.auth.audit.take();
        let used = self.auth.used.take();
        if gathered.is_empty() && used.is_empty() {
            return Ok(());
        }
        // The log is read in the order in which it is written.
        let mut gathered: Vec<_> = gathered.into_iter().collect();
        gathered.sort_by_key(|(_, repeats)| repeats.first_at);
        self.db
            .write_relaxed(move |tx| {
                async move {
                    for ((_, entry), repeats) in &gathered {
                        let Repeats {
                            count,
                            first_at,
                            last_at,
                        } = *repeats;
                        db::audit::record(tx, entry, count, first_at, last_at).await?;
                    }
                    for (account, at) in used {
                        db::accounts::set_last_used(tx, account, at).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Removes what is over the limit, a part at a time, so that pushes do not wait long.
    pub(crate) async fn trim_audit(&self) -> Result<(), DbError> {
        const PART: i64 = 500;
        let kept = signed(self.limits.audit_rows);
        loop {
            let deleted = self
                .db
                .write_relaxed(move |tx| {
                    async move { db::audit::delete_oldest(tx, kept, PART).await }.boxed()
                })
                .await?;
            if deleted == 0 {
                return Ok(());
            }
        }
    }
}
