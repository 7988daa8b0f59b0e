use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{Asked, UpstreamError};

/// Lets requests through, or answers them with the error that shut it. While it is shut, one
/// request at a time passes to find out whether it still has to be.
#[derive(Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    shut: Option<Shut>,
    /// How often it has been shut, so that a probe speaks only of the time that it was sent in.
    era: u64,
}

struct Shut {
    error: UpstreamError,
    /// When clients may expect it to be open.
    until: Instant,
    probe_at: Instant,
    probing: bool,
}

impl Gate {
    pub(super) fn pass(&self, asked: &Asked) -> Result<Pass<'_>, UpstreamError> {
        let now = Instant::now();
        let mut state = self.state();
        let era = state.era;
        let probe = match state.shut.as_mut() {
            None => false,
            Some(shut) if now >= shut.probe_at && !shut.probing => {
                shut.probing = true;
                true
            }
            Some(shut) => {
                // Whoever is told to come at once would meet the probe.
                let left = shut.until.saturating_duration_since(now);
                let left = left.max(Duration::from_secs(1));
                return Err(shut.error.again(asked, Some(left)));
            }
        };
        Ok(Pass {
            gate: self,
            probe,
            era,
        })
    }

    /// Answers everything with `error`, and asks again after `probe_in`. Says whether it was open.
    pub(super) fn shut(&self, error: UpstreamError, wait: Duration, probe_in: Duration) -> bool {
        let now = Instant::now();
        let shut = Shut {
            error,
            until: now + wait,
            probe_at: now + probe_in,
            probing: false,
        };
        let mut state = self.state();
        state.era += 1;
        state.shut.replace(shut).is_none()
    }

    pub(super) fn open(&self) {
        self.state().shut = None;
    }

    /// For how long it stays shut as far as is known; `None` if it is open.
    pub(super) fn left(&self) -> Option<Duration> {
        let now = Instant::now();
        let state = self.state();
        let shut = state.shut.as_ref();
        shut.map(|shut| shut.until.saturating_duration_since(now))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to ask; if it is dropped without an outcome the next one may find out.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    pub(super) probe: bool,
    era: u64,
}

impl Pass<'_> {
    /// Opens the gate if this found out that it need not be shut, and nothing else did the opposite.
    pub(super) fn passed(&self) {
        let mut state = self.gate.state();
        if self.probe && state.era == self.era {
            state.shut = None;
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        if self.probe
            && state.era == self.era
            && let Some(shut) = state.shut.as_mut()
        {
            shut.probing = false;
        }
    }
}
