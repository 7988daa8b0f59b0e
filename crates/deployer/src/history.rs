//! Deployments and what became of them, as they are shown.

use berth_oci::{Digest, RepositoryName, Tag};
use berth_registry::{Timestamp, sentence};

use crate::engine::Phase;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name that rows and the API use.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(())
            }
        }
    };
}
pub(crate) use names;

names! {
    /// Where a deployment is.
    State {
        /// Its stack has to be quiet, or another deployment of it has to end.
        Queued = "queued",
        /// Somebody has to approve it, its window has to open, or the engine has to be there.
        Waiting = "waiting",
        Pulling = "pulling",
        Replacing = "replacing",
        Verifying = "verifying",
        Succeeded = "succeeded",
        RollingBack = "rolling_back",
        /// The old version serves.
        RolledBack = "rolled_back",
        /// A person must look.
        RollbackFailed = "rollback_failed",
        /// Nothing was touched.
        Failed = "failed",
        /// A newer one took its place before it began.
        Superseded = "superseded",
        Cancelled = "cancelled",
    }
}

impl State {
    /// Whether its steps are planned, and are being taken or were.
    pub fn begun(self) -> bool {
        match self {
            Self::Queued | Self::Waiting | Self::Superseded | Self::Cancelled => false,
            Self::Pulling
            | Self::Replacing
            | Self::Verifying
            | Self::Succeeded
            | Self::RollingBack
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Failed => true,
        }
    }

    pub fn ended(self) -> bool {
        match self {
            Self::Queued
            | Self::Waiting
            | Self::Pulling
            | Self::Replacing
            | Self::Verifying
            | Self::RollingBack => false,
            Self::Succeeded
            | Self::RolledBack
            | Self::RollbackFailed
            | Self::Failed
            | Self::Superseded
            | Self::Cancelled => true,
        }
    }
}

names! {
    /// Why there is a deployment.
    Cause {
        Push = "push",
        Retag = "retag",
        /// Somebody asked for it.
        Hand = "hand",
        /// Somebody asked for what ran before.
        Rollback = "rollback",
    }
}

names! {
    StepState {
        Planned = "planned",
        Started = "started",
        Done = "done",
        Failed = "failed",
        Undoing = "undoing",
        Undone = "undone",
        UndoFailed = "undo_failed",
    }
}

names! {
    /// What a line of the log is about.
    LineKind {
        /// The deployment is in another state.
        State = "state",
        Step = "step",
        /// The engine tells of its work.
        Engine = "engine",
        /// A new container, or a hook, has written it.
        Container = "container",
        Note = "note",
        /// The last line.
        End = "end",
    }
}

impl Cause {
    /// Whether nobody asked for it but a push.
    pub(crate) fn automatic(self) -> bool {
        match self {
            Self::Push | Self::Retag => true,
            Self::Hand | Self::Rollback => false,
        }
    }
}

/// How the reason begins for which a deployment waits until somebody approves it.
pub(crate) const WANTS_APPROVAL: &str = sentence("somebody has to approve it");

/// One attempt to move services of a stack to digests.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: i64,
    pub target: String,
    pub stack: String,
    pub cause: Cause,
    pub state: State,
    /// Why it is where it is, for people.
    pub reason: Option<String>,
    /// Who asked for it, if it was not a push.
    pub requested_by: Option<String>,
    pub approved_by: Option<String>,
    /// Whether it waits for somebody to approve it, and for nothing else.
    pub wants_approval: bool,
    pub services: Vec<DeployedService>,
    /// The deployment that it takes back.
    pub rolls_back: Option<i64>,
    pub created_at: Timestamp,
    /// When it may begin.
    pub due_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl Deployment {
    /// The services that it brings to digests.
    pub(crate) fn moved(&self) -> impl Iterator<Item = &DeployedService> {
        let services = self.services.iter();
        services.filter(|service| service.left_out.is_none())
    }
}

#[derive(Clone, Debug)]
pub struct DeployedService {
    pub service: String,
    /// As the service names it.
    pub image: String,
    pub repository: RepositoryName,
    pub tag: Tag,
    pub from_digest: Option<Digest>,
    pub to_digest: Digest,
    pub pushed_by: Option<String>,
    /// How long nothing of it served, in milliseconds.
    pub downtime_ms: Option<i64>,
    /// Why it was not brought to the digest after all.
    pub left_out: Option<String>,
    /// Whether the old version comes back when the new one fails.
    pub(crate) rollback: bool,
}

#[derive(Clone, Debug)]
pub struct StepRecord {
    /// From 1.
    pub number: i64,
    pub phase: Phase,
    pub service: Option<String>,
    pub line: String,
    pub state: StepState,
    /// Why it failed.
    pub detail: Option<String>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// A line of a deployment's log. Numbers grow over all deployments.
#[derive(Clone, Debug)]
pub struct Line {
    pub number: i64,
    pub at: Timestamp,
    pub kind: LineKind,
    pub service: Option<String>,
    pub text: String,
}

/// A part of a list, and where the next one begins if there is more. What a caller may not see is
/// passed over, so a part may be short, or empty.
#[derive(Clone, Debug)]
pub struct Part<T> {
    pub items: Vec<T>,
    /// The number of the last one that was looked at.
    pub next: Option<i64>,
}

impl<T> Part<T> {
    /// Of rows that were asked for as one more than the limit.
    pub(crate) fn of(mut items: Vec<T>, limit: usize, number: impl Fn(&T) -> i64) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        Self {
            next: items.last().filter(|_| more).map(number),
            items,
        }
    }
}

/// What became of a push, for one service.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The number of the event.
    pub event: i64,
    pub repository: RepositoryName,
    pub tag: Tag,
    pub digest: Digest,
    pub at: Timestamp,
    pub verdict: crate::matching::Verdict,
    /// The deployment that it is part of.
    pub deployment: Option<i64>,
}
