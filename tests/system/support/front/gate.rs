use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Longer than any body takes to come so far.
const PATIENCE: Duration = Duration::from_secs(60);

/// Holds bodies of a blob until it is opened, or dropped.
#[must_use]
pub struct Gate {
    reached: watch::Receiver<bool>,
    open: watch::Sender<bool>,
}

/// The side of a gate that bodies see.
pub(super) struct Held {
    pub(super) digest: String,
    pub(super) offset: u64,
    reached: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}

pub(super) fn new(digest: &str, offset: u64) -> (Gate, Arc<Held>) {
    let (reached, saw) = watch::channel(false);
    let (open, opened) = watch::channel(false);
    let held = Held {
        digest: digest.to_owned(),
        offset,
        reached,
        open: opened,
    };
    let gate = Gate { reached: saw, open };
    (gate, Arc::new(held))
}

impl Gate {
    /// Waits until a body has come to the gate: all bytes before it are sent.
    pub async fn reached(&mut self) {
        let reached = self.reached.wait_for(|reached| *reached);
        let reached = timeout(PATIENCE, reached).await;
        reached.expect("a body comes to the gate").expect("a front");
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Held {
    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow() || self.open.has_changed().is_err()
    }

    pub(super) async fn wait(&self) {
        self.reached.send_replace(true);
        // A gate that is gone holds nobody.
        let _ = self.open.clone().wait_for(|open| *open).await;
    }
}
