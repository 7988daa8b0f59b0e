use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use berth_registry::Timestamp;
use http::HeaderMap;

/// What a registry says is left of the pulls that it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: u64,
    pub remaining: u64,
    pub window: Option<Duration>,
    /// Whom it is counted for: an address, or an account.
    pub source: Option<String>,
    pub read_at: Timestamp,
}

impl Quota {
    /// Reads `ratelimit-limit: 100;w=21600` and its like; an account without a limit has none.
    fn read(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (limit, window) = amount(text("ratelimit-limit")?)?;
        let (remaining, _) = amount(text("ratelimit-remaining")?)?;
        let source =
            text("docker-ratelimit-source").map(|source| source.chars().take(64).collect());
        Some(Self {
            limit,
            remaining,
            window,
            source,
            read_at: now,
        })
    }

    fn low(&self) -> bool {
        self.remaining < self.limit.div_ceil(10)
    }

    fn over(&self, now: Timestamp) -> bool {
        let window = self.window.unwrap_or_default().as_millis();
        let window = i64::try_from(window).unwrap_or(i64::MAX);
        now.0 > self.read_at.0.saturating_add(window)
    }
}

fn amount(text: &str) -> Option<(u64, Option<Duration>)> {
    let (amount, parameters) = text.split_once(';').unwrap_or((text, ""));
    let window = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("w="))
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    Some((amount.trim().parse().ok()?, window))
}

/// The newest reading.
#[derive(Default)]
pub(super) struct Quotas(Mutex<Option<Quota>>);

impl Quotas {
    pub(super) fn read(&self, headers: &HeaderMap, now: Timestamp) -> Option<Quota> {
        let quota = Quota::read(headers, now)?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(quota.clone());
        Some(quota)
    }

    pub(super) fn newest(&self) -> Option<Quota> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether less than a tenth is left, unless that was a window ago.
    pub(super) fn low(&self, now: Timestamp) -> bool {
        self.newest()
            .is_some_and(|quota| quota.low() && !quota.over(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::amount;

    #[test]
    fn an_amount_may_have_a_window() {
        let six_hours = Some(Duration::from_secs(21600));
        let cases = [
            ("100;w=21600", Some((100, six_hours))),
            ("0; w=21600", Some((0, six_hours))),
            ("76", Some((76, None))),
            ("76;x=1", Some((76, None))),
            ("many", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(amount(text), expected, "{text}");
        }
    }
}
