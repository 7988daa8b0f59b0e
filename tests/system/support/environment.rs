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
pub async fn until(what: &str, holds: impl AsyncFnMut() -> bool) {
    assert!(
        within(PATIENCE, LOOK_EVERY, holds).await,
        "waited in vain for {what}"
    );
}

/// Whether something has come by a deadline, looking at the thing itself now and then.
pub async fn within(
    patience: Duration,
    look_every: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) -> bool {
    let deadline = Instant::now() + patience;
    while !holds().await {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(look_every).await;
    }
    true
}
