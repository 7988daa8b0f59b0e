use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::{Asked, UpstreamError};
use super::gate::{Gate, Pass};

const FAILURES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Stops asking for something that fails again and again, and tries it with one request after a
/// time that doubles.
#[derive(Default)]
pub(super) struct Breaker {
    pub(super) gate: Gate,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    /// Outages in a row.
    failures: u32,
    /// How often in a row it has been shut.
    shut: u32,
}

impl Breaker {
    pub(super) fn pass(&self, asked: &Asked) -> Result<Pass<'_>, UpstreamError> {
        self.gate.pass(asked)
    }

    /// Says whether the failure has shut it.
    pub(super) fn failed(&self, pass: &Pass<'_>, error: &UpstreamError) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // What was under way when it was shut says nothing new.
        if !pass.probe && self.gate.left().is_some() {
            return false;
        }
        trouble.failures = trouble.failures.saturating_add(1);
        if !pass.probe && trouble.failures < FAILURES {
            return false;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << trouble.shut.min(16));
        trouble.shut += 1;
        let wait = wait.min(LONGEST_WAIT);
        self.gate.shut(error.clone(), wait, wait)
    }

    pub(super) fn answered(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = Trouble::default();
        self.gate.open();
    }
}
