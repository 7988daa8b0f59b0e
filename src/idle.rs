//! Gives memory back that work has needed, once there is next to none.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::Registry;
use rustix::time::{ClockId, clock_gettime};
use tokio::task::spawn_blocking;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::code_pages;

const EVERY: Duration = Duration::from_secs(60);
/// With less processor time than this since the last look a server is idle. Its own schedules take up to
/// 150 ms a minute on a slow processor; 300 ms is half a percent of one.
const IDLE: Duration = Duration::from_millis(300);

/// Looks every minute, and gives back at once and after each that was idle: the server's own schedules
/// need a little again.
pub(crate) async fn give_back_until(registry: Arc<Registry>, stopping: CancellationToken) {
    let mut looks = interval(EVERY);
    let mut before = processor_time();
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stopping.cancelled() => return,
        }
        if processor_time().saturating_sub(before) < IDLE {
            if let Err(error) = registry.give_back().await {
                debug!(
                    error = &error as &dyn std::error::Error,
                    "the database keeps its memory"
                );
            }
            // An error is a panic, and those are logged where they happen.
            let _ = spawn_blocking(give_back_now).await;
        }
        before = processor_time();
    }
}

fn give_back_now() {
    trim_heap();
    if let Err(error) = code_pages::forget() {
        debug!(
            error = &error as &dyn std::error::Error,
            "code that nobody runs stays in memory"
        );
    }
}

/// That of all threads, since the start.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Other C libraries give back what is freed by themselves.
#[cfg(not(target_env = "gnu"))]
fn trim_heap() {}

/// glibc keeps what is freed below anything that is in use.
#[cfg(target_env = "gnu")]
fn trim_heap() {
    // SAFETY: malloc_trim(3) may be called by any thread at any time: it takes the lock of each arena, and
    // gives back only pages in which nothing is allocated.
    #[expect(unsafe_code, reason = "a function of the C library")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
#[cfg(target_env = "gnu")]
mod tests {
    use std::fs;

    use super::*;

    fn resident_bytes() -> usize {
        let statm = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * rustix::param::page_size()
    }

    #[test]
    fn what_is_free_below_something_in_use_is_given_back() {
        const MIB: usize = 1 << 20;
        let mut pieces: Vec<Box<[u8]>> = (0..64 * 1024).map(|_| vec![1; 1024].into()).collect();
        let last = pieces.pop();
        drop(pieces);
        let before = resident_bytes();
        give_back_now();
        let after = resident_bytes();
        // Other tests run beside this one.
        assert!(after + 32 * MIB < before, "{before} bytes, then {after}");
        assert!(last.is_some_and(|piece| piece[0] == 1));
    }
}
