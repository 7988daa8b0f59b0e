use std::sync::atomic::{AtomicU64, Ordering};

use super::error::UpstreamError;

/// A kind of request that fails and succeeds on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Manifest,
    Blob,
    /// Of tags or referrers.
    List,
    Token,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Manifest, Self::Blob, Self::List, Self::Token];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::List => "list",
            Self::Token => "token",
        }
    }
}

/// How requests ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Given,
    NotFound,
    /// 401 and 403; the challenge before a token is one.
    Denied,
    Limited,
    /// No answer, or one that the server itself calls its failure.
    Failed,
    /// An answer that is of no use, or leads where it may not.
    Invalid,
    /// Answered here with what was known, and not sent.
    Spared,
}

impl Outcome {
    pub const ALL: [Self; 7] = [
        Self::Given,
        Self::NotFound,
        Self::Denied,
        Self::Limited,
        Self::Failed,
        Self::Invalid,
        Self::Spared,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::Limited => "limited",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Spared => "spared",
        }
    }

    pub(super) fn of(error: &UpstreamError) -> Self {
        use UpstreamError as E;
        match error {
            E::NotFound { .. } => Self::NotFound,
            E::Unauthorized { .. } | E::Forbidden { .. } | E::ExpiredUrl { .. } => Self::Denied,
            E::TooManyRequests { .. } => Self::Limited,
            E::Unreachable { .. }
            | E::Timeout { .. }
            | E::Stalled { .. }
            | E::Cut { .. }
            | E::Server { .. } => Self::Failed,
            E::Unsupported { .. } | E::Refused { .. } | E::Invalid { .. } => Self::Invalid,
            E::Offline { .. } => Self::Spared,
        }
    }
}

/// What an upstream was asked since the start, by operation and outcome.
#[derive(Default)]
pub(super) struct Counts {
    requests: [[AtomicU64; Outcome::ALL.len()]; Operation::ALL.len()],
    bytes: AtomicU64,
}

impl Counts {
    pub(super) fn request(&self, operation: Operation, outcome: Outcome) {
        self.requests[operation as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self, count: usize) {
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn requests(&self, operation: Operation, outcome: Outcome) -> u64 {
        self.requests[operation as usize][outcome as usize].load(Ordering::Relaxed)
    }

    pub(super) fn bytes_fetched(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
