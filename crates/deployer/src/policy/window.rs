use std::fmt;
use std::str::FromStr;

use berth_registry::Timestamp;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;

/// When pushes are deployed: in one of these windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

/// `Mon-Fri 20:00-23:00 Asia/Shanghai`; every day, and UTC, where they are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    /// From Monday.
    days: [bool; 7],
    from: NaiveTime,
    /// On the next day, if that is not after `from`.
    to: NaiveTime,
    zone: Tz,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    #[error(
        "a window is days, times and a time zone, such as Mon-Fri 20:00-23:00 Asia/Shanghai; days \
         and zone can be left out, and several windows are separated by a semicolon"
    )]
    Shape,
    #[error("`{0}` is no day of the week: they are Mon, Tue, Wed, Thu, Fri, Sat and Sun")]
    Day(String),
    #[error("`{0}` is no span of times such as 20:00-23:00")]
    Times(String),
    #[error("`{0}` is no time zone such as Asia/Shanghai or UTC")]
    Zone(String),
}

impl Windows {
    pub fn open_at(&self, now: Timestamp) -> bool {
        self.0.iter().any(|window| window.open_at(utc(now)))
    }

    /// When the next one opens after `now`.
    pub fn next_after(&self, now: Timestamp) -> Option<DateTime<Tz>> {
        let openings = self
            .0
            .iter()
            .filter_map(|window| window.next_after(utc(now)));
        openings.min()
    }
}

fn utc(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

impl Window {
    fn open_at(&self, now: DateTime<Utc>) -> bool {
        let local = now.with_timezone(&self.zone);
        let (date, time) = (local.date_naive(), local.time());
        if self.from < self.to {
            return self.has(date) && self.from <= time && time < self.to;
        }
        let yesterday = date.pred_opt().is_some_and(|date| self.has(date));
        (self.has(date) && self.from <= time) || (yesterday && time < self.to)
    }

    fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Tz>> {
        let today = now.with_timezone(&self.zone).date_naive();
        // Today's may be over, and the next one may be left out.
        (0..=14)
            .filter_map(|days| today.checked_add_days(Days::new(days)))
            .filter(|date| self.has(*date))
            // A time that a change of the clocks leaves out opens nothing on that day.
            .filter_map(|date| {
                self.zone
                    .from_local_datetime(&date.and_time(self.from))
                    .earliest()
            })
            .find(|opening| *opening > now)
    }

    fn has(&self, date: NaiveDate) -> bool {
        self.days[date.weekday().num_days_from_monday() as usize]
    }
}

impl FromStr for Windows {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let windows = text.split(';').map(|window| window.trim().parse());
        windows.collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let mut words = text.split_whitespace().peekable();
        // Only times have a colon.
        let named = words.next_if(|word| !word.contains(':'));
        let span = words.next().ok_or(InvalidWindow::Shape)?;
        let zone = words.next();
        if words.next().is_some() {
            return Err(InvalidWindow::Shape);
        }
        let unknown = |zone: &str| InvalidWindow::Zone(zone.to_owned());
        let (from, to) = times(span).ok_or_else(|| InvalidWindow::Times(span.to_owned()))?;
        Ok(Self {
            days: named.map_or(Ok([true; 7]), days)?,
            from,
            to,
            zone: zone.map_or(Ok(Tz::UTC), |zone| zone.parse().map_err(|_| unknown(zone)))?,
        })
    }
}

/// `20:00-23:00`, and midnight at the end is 24:00 too.
fn times(span: &str) -> Option<(NaiveTime, NaiveTime)> {
    let (from, to) = span.split_once('-')?;
    let read = |text| NaiveTime::parse_from_str(text, "%H:%M").ok();
    let to = if to == "24:00" { "00:00" } else { to };
    Some((read(from)?, read(to)?))
}

/// `Mon-Fri`, `Sat,Sun`, or both; `Fri-Mon` passes Sunday.
fn days(text: &str) -> Result<[bool; 7], InvalidWindow> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (weekday(first)?, weekday(last)?);
        days[day.num_days_from_monday() as usize] = true;
        while day != last {
            day = day.succ();
            days[day.num_days_from_monday() as usize] = true;
        }
    }
    Ok(days)
}

fn weekday(text: &str) -> Result<Weekday, InvalidWindow> {
    let weekday = text.parse();
    weekday.map_err(|_| InvalidWindow::Day(text.to_owned()))
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, window) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{window}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let days = DAYS.iter().zip(self.days).filter(|(_, open)| *open);
        let days: Vec<_> = days.map(|(name, _)| *name).collect();
        let (from, to) = (self.from.format("%H:%M"), self.to.format("%H:%M"));
        write!(f, "{} {from}-{to} {}", days.join(","), self.zone)
    }
}

#[cfg(test)]
mod tests;
