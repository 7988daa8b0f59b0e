use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Whether the counts are those that we promise, not the small ones of every day.
pub fn full() -> bool {
    std::env::var_os("BERTH_TEST_FULL").is_some()
}

/// Says what is not tested, which must not happen where everything has to be there.
pub fn skip(reason: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped: {reason}"
    );
    println!("skipped: {reason}");
}

/// Whether a program is installed; says that the test is skipped if it is not.
pub fn tool(name: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", name])
        .stdout(Stdio::null())
        .status()
        .expect("sh")
        .success();
    if !found {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// Waits for something that comes soon, by looking at the thing itself.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(LOOK_EVERY).await;
    }
}
