use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// A hundred years: past that a number is a slip, and far past it no calendar holds the sum.
const MOST_HOURS: i64 = 100 * 366 * 24;

/// A point in time: RFC 3339, or the span between it and now, as `30d` or `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    At(DateTime<Utc>),
    Span(TimeDelta),
}

impl Moment {
    pub(crate) fn after(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Span(span) => now + span,
        }
    }

    pub(crate) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Span(span) => now - span,
        }
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        let hours = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((days, "d")) => Some((days, 24)),
            Some((hours, "h")) => Some((hours, 1)),
            _ => None,
        };
        if let Some((count, hours)) = hours {
            let count: u16 = count.parse().map_err(|_| InvalidMoment)?;
            let hours = i64::from(count) * hours;
            if hours > MOST_HOURS {
                return Err(InvalidMoment);
            }
            Ok(Self::Span(TimeDelta::hours(hours)))
        } else {
            let at = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidMoment)?;
            Ok(Self::At(at.to_utc()))
        }
    }
}

/// When something ends, if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    Never,
    At(Moment),
}

impl FromStr for Expiry {
    type Err = InvalidExpiry;

    fn from_str(text: &str) -> Result<Self, InvalidExpiry> {
        match text {
            "never" => Ok(Self::Never),
            _ => text.parse().map(Self::At).map_err(|_| InvalidExpiry),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written 30d, 12h, or as RFC 3339 has it: 2030-01-31T12:00:00Z")]
pub(crate) struct InvalidMoment;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an expiry is written 30d, 12h, never, or as RFC 3339 has it: 2030-01-31T12:00:00Z")]
pub(crate) struct InvalidExpiry;

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Expiry, Moment};

    #[test]
    fn a_span_reaches_from_now_in_both_directions() {
        let now = DateTime::from_timestamp_millis(1_767_225_600_000).expect("a time");
        let cases = [
            (
                "30d",
                "2026-01-31T00:00:00+00:00",
                "2025-12-02T00:00:00+00:00",
            ),
            (
                "12h",
                "2026-01-01T12:00:00+00:00",
                "2025-12-31T12:00:00+00:00",
            ),
            (
                "0h",
                "2026-01-01T00:00:00+00:00",
                "2026-01-01T00:00:00+00:00",
            ),
            (
                "2030-01-31T12:00:00+02:00",
                "2030-01-31T10:00:00+00:00",
                "2030-01-31T10:00:00+00:00",
            ),
        ];
        for (text, after, before) in cases {
            let moment: Moment = text.parse().expect(text);
            assert_eq!(moment.after(now).to_rfc3339(), after, "{text}");
            assert_eq!(moment.before(now).to_rfc3339(), before, "{text}");
            assert_eq!(text.parse(), Ok(Expiry::At(moment)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!("never".parse(), Ok(Expiry::Never));
        for text in [
            "",
            "d",
            "30",
            "30m",
            "-1d",
            "+ 1d",
            "1.5d",
            "40000d",
            "99999999d",
            "never",
            "2030-01-31",
            "ü",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
