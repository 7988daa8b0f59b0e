use std::time::Duration;

use super::Upstream;
use super::counts::{Operation, Outcome};
use super::quota::Quota;

/// How an upstream does, for people and their monitoring.
#[derive(Clone, Debug)]
pub struct UpstreamState {
    pub operations: Vec<OperationState>,
    /// For how long nothing is asked of it, since it had too many requests or forbids all.
    pub paused_for: Option<Duration>,
    /// For how long no manifest is pulled, since no pulls are left.
    pub pulls_paused_for: Option<Duration>,
    pub quota: Option<Quota>,
    pub bytes_fetched: u64,
}

/// Requests of one kind, since the start.
#[derive(Clone, Debug)]
pub struct OperationState {
    pub operation: Operation,
    /// For how long such requests are answered with the error that came again and again.
    pub open_for: Option<Duration>,
    pub requests: Vec<(Outcome, u64)>,
}

impl Upstream {
    pub(crate) fn state(&self) -> UpstreamState {
        let link = &self.link;
        let operations = Operation::ALL.map(|operation| OperationState {
            operation,
            open_for: link.gates.breaker(operation).gate.left(),
            requests: Outcome::ALL
                .map(|outcome| (outcome, link.counts.requests(operation, outcome)))
                .to_vec(),
        });
        let [paused_for, pulls_paused_for] = link.gates.left();
        UpstreamState {
            operations: operations.to_vec(),
            paused_for,
            pulls_paused_for,
            quota: link.quotas.newest(),
            bytes_fetched: link.counts.bytes_fetched(),
        }
    }

    /// Whether so few pulls are left that they should be saved.
    pub(crate) fn quota_low(&self) -> bool {
        self.link.quotas.low(self.link.clock.now())
    }
}
