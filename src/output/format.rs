use std::fmt::Display;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};

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

/// The time of a day.
pub(crate) fn clock<Z: TimeZone>(at: DateTime<Utc>, zone: &Z) -> String
where
    Z::Offset: Display,
{
    at.with_timezone(zone).format("%H:%M:%S").to_string()
}

/// How long something took, to a tenth of a second where that says something.
pub(crate) fn duration(took: TimeDelta) -> String {
    let tenths = took.num_milliseconds().max(0) / 100;
    let seconds = tenths / 10;
    match seconds {
        0..MINUTE => format!("{seconds}.{} s", tenths % 10),
        MINUTE..HOUR => format!("{} min {} s", seconds / MINUTE, seconds % MINUTE),
        _ => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
    }
}

/// A number of bytes in the largest unit of which there is one.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths, by whole numbers: 1023.99 KiB must not become 1024.0 KiB.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset, TimeDelta};

    use super::{age, clock, duration, size, time};

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
        assert_eq!(clock(now, &zone), "01:00:00");
    }

    #[test]
    fn a_duration_has_tenths_while_they_say_something() {
        let cases = [
            (-5, "0.0 s"),
            (99, "0.0 s"),
            (400, "0.4 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (3_599_000, "59 min 59 s"),
            (3_660_000, "1 h 1 min"),
        ];
        for (milliseconds, expected) in cases {
            let took = TimeDelta::milliseconds(milliseconds);
            assert_eq!(duration(took), expected, "{milliseconds}");
        }
    }

    #[test]
    fn a_size_is_in_the_largest_unit_of_which_there_is_one() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (5 * 1024 * 1024 * 1024, "5.0 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }
}
