use std::time::Duration;

use berth_registry::Timestamp;
use chrono::DateTime;
use http::HeaderMap;
use http::header::RETRY_AFTER;

/// A day: whoever says more is not believed.
const MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a `Retry-After` says to wait, in seconds or until a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?.timestamp_millis();
            let millis = at.saturating_sub(now.0).max(0);
            Duration::from_millis(u64::try_from(millis).ok()?)
        }
    };
    Some(wait.min(MOST))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use berth_registry::Timestamp;
    use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};

    use super::retry_after;

    #[test]
    fn a_wait_is_told_in_seconds_or_by_a_date() {
        // 1994-11-06 08:49:37 UTC
        let now = Timestamp(784_111_777_000);
        let cases = [
            ("0", Some(0)),
            ("120", Some(120)),
            ("99999999", Some(86400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
    }
}
