use std::io::{IsTerminal as _, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use berth_oci::Digest;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::size;

const REDRAW: Duration = Duration::from_millis(200);
/// Shorter blobs come and go before anybody reads their line.
const SHOWN_BYTES: u64 = 1 << 20;
const DIGEST_DIGITS: usize = 19;

/// Tells on the error channel how far an import is: by bars on a terminal, else by a line for each
/// image.
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    sum: ProgressBar,
    images: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bars = stderr().is_terminal().then(MultiProgress::new);
        let sum = match &bars {
            Some(bars) => {
                let sum = bars.add(ProgressBar::new_spinner());
                sum.enable_steady_tick(REDRAW);
                sum
            }
            None => ProgressBar::hidden(),
        };
        Self {
            bars,
            sum,
            images: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Something is done: a line of its own, which stays.
    pub(super) fn line(&self, line: &str) {
        match &self.bars {
            // What goes wrong with the terminal is no reason to end.
            Some(bars) => drop(bars.println(line)),
            None => eprintln!("{line}"),
        }
    }

    pub(super) fn image(&self) {
        self.images.fetch_add(1, Ordering::Relaxed);
        self.show_sum();
    }

    pub(super) fn transfer(&self, digest: &Digest) -> Transfer<'_> {
        Transfer {
            progress: self,
            name: digest.as_str().chars().take(DIGEST_DIGITS).collect(),
            bar: ProgressBar::hidden(),
        }
    }

    /// Takes the bars away, before the report.
    pub(crate) fn finish(&self) {
        self.sum.finish_and_clear();
        if let Some(bars) = &self.bars {
            drop(bars.clear());
        }
    }

    fn show_sum(&self) {
        if self.bars.is_some() {
            let images = self.images.load(Ordering::Relaxed);
            let bytes = size(self.bytes.load(Ordering::Relaxed));
            self.sum
                .set_message(format!("{images} images, {bytes} sent"));
        }
    }
}

/// The bar of one blob, which goes when it is dropped.
pub(super) struct Transfer<'a> {
    progress: &'a Progress,
    name: String,
    bar: ProgressBar,
}

impl Transfer<'_> {
    /// It goes on at a place, of so many bytes.
    pub(super) fn begin(&mut self, total_bytes: u64, at: u64) {
        let Some(bars) = &self.progress.bars else {
            return;
        };
        if self.bar.is_hidden() && total_bytes >= SHOWN_BYTES {
            let style = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
            let style = ProgressStyle::with_template(style);
            let bar = ProgressBar::new(total_bytes).with_prefix(self.name.clone());
            let bar = bar.with_style(style.expect("the template is a constant"));
            self.bar = bars.insert_before(&self.progress.sum, bar);
        }
        self.bar.set_length(total_bytes);
        self.bar.set_position(at);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
        self.progress
            .bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
        self.progress.show_sum();
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if let Some(bars) = &self.progress.bars {
            bars.remove(&self.bar);
        }
    }
}
