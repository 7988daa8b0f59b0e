use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Whether the counts are those that we promise, not the small ones of every day.
pub fn full() -> bool {
    std::env::var_os("BERTH_TEST_FULL").is_some()
}

/// Waits for something that comes soon, by looking at the thing itself.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(LOOK_EVERY).await;
    }
}
