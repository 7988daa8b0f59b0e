//! Gives memory back that work has needed, once there is next to none.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::task::spawn_blocking;
use tokio::time::interval;
use tracing::debug;

use crate::code_pages;

const EVERY: Duration = Duration::from_secs(60);
/// With less processor time than this since the last look a server is idle: health checks and the
/// server's own schedules take some milliseconds a minute.
const IDLE: Duration = Duration::from_millis(100);

/// Looks every minute, for as long as it is polled, and gives back at once and at the first that was idle
/// after one that was not.
pub(crate) async fn give_back() {
    let mut looks = interval(EVERY);
    let mut before = processor_time();
    let mut worked = true;
    loop {
        looks.tick().await;
        let now = processor_time();
        let idle = now.saturating_sub(before) < IDLE;
        before = now;
        if idle && worked {
            // An error is a panic, and those are logged where they happen.
            let _ = spawn_blocking(give_back_now).await;
        }
        worked = !idle;
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
