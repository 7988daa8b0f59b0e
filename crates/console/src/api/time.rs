use berth_registry::{Timestamp, sentence};
use chrono::{DateTime, SecondsFormat};

use super::problem::Problem;

/// RFC 3339 with milliseconds, as everything is stored.
pub(crate) fn text(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(crate) fn parse(name: &str, text: &str) -> Result<Timestamp, Problem> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| Timestamp(time.timestamp_millis()))
        .map_err(|_| {
            Problem::bad_request(sentence!(
                "`{name}` is a time such as 2026-01-31T12:00:00Z, and `{text}` is none"
            ))
        })
}
