use std::time::Duration;

use http::Method;
use tracing::warn;

use super::breaker::Breaker;
use super::counts::{Operation, Outcome};
use super::error::UpstreamError;
use super::gate::{Gate, Pass};
use super::link::Ask;
use super::quota::Quota;

/// Between two requests that find out whether a limit still holds, however long it was said to.
const PROBE: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
/// For how long an accelerator that forbids is left alone: it does so to whole networks.
const FORBIDDEN: Duration = Duration::from_secs(10 * 60);

/// All that may keep a request to an upstream from being sent.
#[derive(Default)]
pub(super) struct Gates {
    /// The registry as a whole: it has had too many requests, or forbids all.
    registry: Gate,
    /// Requests that the registry counts as pulls.
    counted: Gate,
    breakers: [Breaker; Operation::ALL.len()],
}

/// Leave to send one request.
pub(super) struct Passes<'a> {
    registry: Option<Pass<'a>>,
    counted: Option<Pass<'a>>,
    breaker: Pass<'a>,
}

impl Gates {
    pub(super) fn pass(&self, ask: &Ask) -> Result<Passes<'_>, UpstreamError> {
        let of_registry = ask.operation != Operation::Token;
        let counted = ask.operation == Operation::Manifest && ask.method == Method::GET;
        let [registry, counted] = [(&self.registry, of_registry), (&self.counted, counted)]
            .map(|(gate, applies)| applies.then(|| gate.pass(&ask.asked)).transpose());
        Ok(Passes {
            registry: registry?,
            counted: counted?,
            breaker: self.breaker(ask.operation).pass(&ask.asked)?,
        })
    }

    /// Takes note of how a request ended that was let pass.
    pub(super) fn settle(
        &self,
        upstream: &str,
        operation: Operation,
        passes: &Passes<'_>,
        outcome: Outcome,
        error: Option<&UpstreamError>,
    ) {
        match error {
            Some(error) if error.outage() => {
                if self.breaker(operation).failed(&passes.breaker, error) {
                    let operation = operation.as_str();
                    warn!(%upstream, operation, %error, "upstream {upstream} fails: pausing");
                }
            }
            // Whatever had too many has been shut where that was read.
            Some(UpstreamError::TooManyRequests { .. }) => {}
            Some(_) | None => {
                self.breaker(operation).answered();
                // Who was not let in has not found out whether there is room.
                if outcome == Outcome::Denied {
                    return;
                }
                if let Some(registry) = &passes.registry {
                    registry.passed();
                }
                if let (Some(counted), None) = (&passes.counted, error) {
                    counted.passed();
                }
            }
        }
    }

    /// Shuts what had too many requests: the token service, or the registry.
    pub(super) fn limited(
        &self,
        upstream: &str,
        operation: Operation,
        error: &UpstreamError,
        wait: Option<Duration>,
    ) {
        let wait = wait.unwrap_or(PROBE).max(SHORTEST);
        let gate = match operation {
            Operation::Token => &self.breaker(operation).gate,
            Operation::Manifest | Operation::Blob | Operation::List => &self.registry,
        };
        if gate.shut(error.clone(), wait, wait.min(PROBE)) {
            let seconds = wait.as_secs();
            warn!(%upstream, %error, seconds, "upstream {upstream} has had too many requests");
        }
    }

    /// Follows what a registry says of the pulls that are left.
    pub(super) fn counted(&self, upstream: &str, quota: &Quota, error: UpstreamError) {
        if quota.remaining > 0 {
            self.counted.open();
            return;
        }
        let wait = quota.window.unwrap_or(PROBE).max(SHORTEST);
        if self.counted.shut(error, wait, PROBE) {
            let limit = quota.limit;
            warn!(%upstream, limit, "upstream {upstream} has no pulls left");
        }
    }

    pub(super) fn forbidden(&self, upstream: &str, error: &UpstreamError) {
        if self.registry.shut(error.clone(), FORBIDDEN, FORBIDDEN) {
            warn!(%upstream, "accelerator {upstream} serves nothing here: left alone for 10 minutes");
        }
    }

    pub(super) fn breaker(&self, operation: Operation) -> &Breaker {
        &self.breakers[operation as usize]
    }

    /// For how long the registry, and what it counts, stay shut.
    pub(super) fn left(&self) -> [Option<Duration>; 2] {
        [self.registry.left(), self.counted.left()]
    }
}
