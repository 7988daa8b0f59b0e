use std::fmt::Display;

use chrono::{DateTime, TimeZone, Utc};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How far a time is from now, or its day where that says more.
pub(crate) fn age<Z: TimeZone>(at: DateTime<Utc>, now: DateTime<Utc>, zone: &Z) -> String
where
    Z::Offset: Display,
{
    let seconds = (now - at).num_seconds();
    let distance = match seconds.abs() {
        0..MINUTE => return "now".to_owned(),
        distance @ MINUTE..HOUR => format!("{} min", distance / MINUTE),
        distance if distance < 2 * DAY => format!("{} h", distance / HOUR),
        distance if distance < 60 * DAY => format!("{} d", distance / DAY),
        _ => return at.with_timezone(zone).format("%Y-%m-%d").to_string(),
    };
    if seconds < 0 {
        format!("in {distance}")
    } else {
        format!("{distance} ago")
    }
}

pub(crate) fn time<Z: TimeZone>(at: DateTime<Utc>, zone: &Z) -> String
where
    Z::Offset: Display,
{
    at.with_timezone(zone)
        .format("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset, TimeDelta};

    use super::{age, time};

    #[test]
    fn an_age_is_relative_until_its_day_says_more() {
        let now = DateTime::from_timestamp_millis(1_767_225_600_000).expect("a time");
        let zone = FixedOffset::east_opt(3600).expect("a zone");
        let cases = [
            (0, "now"),
            (59, "now"),
            (60, "1 min ago"),
            (59 * 60, "59 min ago"),
            (3600, "1 h ago"),
            (47 * 3600, "47 h ago"),
            (48 * 3600, "2 d ago"),
            (59 * 86_400, "59 d ago"),
            (60 * 86_400, "2025-11-02"),
            (-30, "now"),
            (-86_400 * 30, "in 30 d"),
        ];
        for (seconds, expected) in cases {
            let at = now - TimeDelta::seconds(seconds);
            assert_eq!(age(at, now, &zone), expected, "{seconds}");
        }
        assert_eq!(time(now, &zone), "2026-01-01 01:00:00 +01:00");
    }
}
