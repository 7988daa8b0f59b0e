use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

const SHOW_EVERY: Duration = Duration::from_millis(100);

/// One line on the terminal that says how far a command is; nothing where there is no terminal.
pub(super) struct Progress {
    terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            terminal: stderr().is_terminal(),
            shown: None,
        }
    }

    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        let fresh = self.shown.is_some_and(|at| at.elapsed() < SHOW_EVERY);
        if self.terminal && !fresh {
            self.write(&text());
            self.shown = Some(Instant::now());
        }
    }

    /// Makes way for lines that stay.
    pub(super) fn clear(&mut self) {
        if self.shown.take().is_some() {
            self.write("");
        }
    }

    fn write(&self, text: &str) {
        // Who can not be shown how far it is does without.
        let _ = write!(stderr(), "\r\x1b[K{text}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
