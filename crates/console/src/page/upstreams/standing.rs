use berth_registry::Timestamp;

use crate::api::time;
use crate::api::upstreams::{State, Upstream};

/// How an upstream does, for people.
pub(super) struct Standing {
    pub(super) offline: bool,
    /// Whether anything was asked of it since the start.
    pub(super) asked: bool,
    pub(super) paused_until: Option<String>,
    pub(super) pulls_paused_until: Option<String>,
    pub(super) failing: Vec<Failing>,
}

/// A kind of request that failed again and again.
pub(super) struct Failing {
    pub(super) operation: &'static str,
    pub(super) until: String,
}

impl Standing {
    pub(super) fn of(upstream: &Upstream, now: Timestamp) -> Self {
        let State {
            paused_seconds,
            pulls_paused_seconds,
            operations,
            ..
        } = &upstream.state;
        let until = |seconds: u64| after(now, seconds);
        let failing = operations.iter().filter_map(|operation| {
            Some(Failing {
                operation: operation.operation,
                until: until(operation.open_seconds?),
            })
        });
        let mut requests = operations
            .iter()
            .flat_map(|operation| operation.requests.values());
        Self {
            offline: upstream.offline,
            asked: requests.any(|count| *count > 0),
            paused_until: paused_seconds.map(until),
            pulls_paused_until: pulls_paused_seconds.map(until),
            failing: failing.collect(),
        }
    }

    pub(super) fn fine(&self) -> bool {
        let paused = self.paused_until.is_some() || self.pulls_paused_until.is_some();
        self.asked && !self.offline && !paused && self.failing.is_empty()
    }
}

fn after(now: Timestamp, seconds: u64) -> String {
    let millis = i64::try_from(seconds).unwrap_or(i64::MAX);
    time::text(Timestamp(now.0.saturating_add(millis.saturating_mul(1000))))
}
