use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// A bucket that fills with the bytes that may come each second, for all downloads together.
///
/// What has come is taken at once, and paid for by waiting: whoever takes more than there is waits
/// until the bucket would be empty again, so each waits its share.
pub(super) struct Throttle {
    bytes_per_second: Option<f64>,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    /// Below zero: what is owed.
    bytes: f64,
    filled_at: Instant,
}

impl Throttle {
    pub(super) fn new(bytes_per_second: Option<u64>) -> Self {
        // No rate is exact: f64 loses nothing below 2^53 bytes a second.
        let bytes_per_second = bytes_per_second.map(|rate| rate.max(1) as f64);
        Self {
            bytes_per_second,
            bucket: Mutex::new(Bucket {
                bytes: 0.0,
                filled_at: Instant::now(),
            }),
        }
    }

    pub(super) async fn take(&self, count: usize) {
        let Some(rate) = self.bytes_per_second else {
            return;
        };
        let owed = {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let filled = now.duration_since(bucket.filled_at).as_secs_f64() * rate;
            bucket.filled_at = now;
            bucket.bytes = (bucket.bytes + filled).min(rate / 10.0) - count as f64;
            -bucket.bytes
        };
        if owed > 0.0 {
            sleep(Duration::from_secs_f64(owed / rate)).await;
        }
    }
}
