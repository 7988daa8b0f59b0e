use std::time::Duration;

use tokio::time::sleep;

/// Before the second try, the third, and so on.
const WAITS: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
];
/// All that one request waits because it was told to. Who wants to be left alone for longer is
/// better asked by another run.
const MOST_TOLD: Duration = Duration::from_secs(30 * 60);
/// So that nobody is asked without end who says that there is no need to wait.
const LEAST_TOLD: Duration = Duration::from_millis(500);

/// How often something is tried that may work in a while.
#[derive(Default)]
pub(super) struct Patience {
    failures: usize,
    told: Duration,
    /// The furthest place that was reached.
    furthest: u64,
}

impl Patience {
    /// Waits before the next try, as long as it was told to. `false` once enough have failed.
    pub(super) async fn wait(&mut self, told: Option<Duration>) -> bool {
        let wait = match told {
            Some(told) => {
                let told = told.max(LEAST_TOLD);
                self.told += told;
                (self.told <= MOST_TOLD).then_some(told)
            }
            None => {
                self.failures += 1;
                WAITS.get(self.failures - 1).copied()
            }
        };
        if let Some(wait) = wait {
            sleep(wait).await;
        }
        wait.is_some()
    }

    /// Something came of it, so that what fails from now on is counted anew.
    pub(super) fn progress(&mut self) {
        *self = Self {
            furthest: self.furthest,
            ..Self::default()
        };
    }

    /// As [`Self::progress`], if the place is beyond all that were reached: who loses what it has had
    /// gets nowhere.
    pub(super) fn reached(&mut self, place: u64) {
        if place > self.furthest {
            self.furthest = place;
            self.progress();
        }
    }
}

/// An error that says whether, and when, the same may be tried again.
pub(super) trait Trouble {
    fn transient(&self) -> bool;
    fn retry_after(&self) -> Option<Duration>;
}

/// Does something until it works, or fails in a way that does not pass, or has failed too often.
pub(super) async fn patiently<T, E, F>(attempt: impl Fn() -> F + Send) -> Result<T, E>
where
    T: Send,
    E: Trouble + Send,
    F: Future<Output = Result<T, E>> + Send,
{
    let mut patience = Patience::default();
    loop {
        let error = match attempt().await {
            Err(error) if error.transient() => error,
            outcome => return outcome,
        };
        if !patience.wait(error.retry_after()).await {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;

    #[test]
    fn a_place_that_was_reached_before_is_no_progress() {
        let mut patience = Patience::default();
        for (place, failures) in [(32, 0), (32, 1), (0, 2), (31, 3), (33, 0), (33, 1)] {
            patience.reached(place);
            assert_eq!(patience.failures, failures, "{place}");
            patience.failures += 1;
        }
    }
}
