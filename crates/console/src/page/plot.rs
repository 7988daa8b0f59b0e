//! A plot with a bar for each hour: where its parts stand in an SVG.

use berth_registry::Timestamp;

use crate::api::time;

pub(super) const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const HOURS_OF_DAY: i64 = 24;
/// The most labels of days.
const LABELS: i64 = 8;
/// Hours between labels where only one day is shown.
const LABEL_EVERY: i64 = 4;
/// What of the room of an hour its bar takes.
const BAR: f64 = 0.8;

/// The hours that are shown, by their numbers since 1970.
#[derive(Clone, Copy)]
pub(super) struct Hours {
    pub(super) first: i64,
    pub(super) count: i64,
}

impl Hours {
    /// So many days up to the hour that is now.
    pub(super) fn until(now: Timestamp, days: i64) -> Self {
        let count = days * HOURS_OF_DAY;
        Self {
            first: now.0.div_euclid(HOUR_MILLIS) - count + 1,
            count,
        }
    }

    pub(super) fn begin(self) -> String {
        begin_of(self.first)
    }
}

/// What the height of a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Percent,
    Bytes,
}

/// The part of the view box that has the bars.
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// With room for labels at the left and below.
const AREA: Area = Area {
    left: 86.0,
    top: 10.0,
    right: 776.0,
    bottom: 180.0,
};

pub(super) struct Bar {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) amount: u64,
    pub(super) begins_at: String,
}

/// A line from side to side, and what its height stands for.
pub(super) struct Row {
    pub(super) y: f64,
    pub(super) amount: u64,
}

/// A label below the bars.
pub(super) struct Column {
    pub(super) x: f64,
    pub(super) label: String,
}

pub(super) struct Plot {
    pub(super) scale: Scale,
    pub(super) area: Area,
    pub(super) bars: Vec<Bar>,
    pub(super) rows: Vec<Row>,
    pub(super) columns: Vec<Column>,
}

impl Plot {
    /// Of amounts by the numbers of their hours; hours without one have no bar.
    pub(super) fn new(hours: Hours, scale: Scale, amounts: &[(i64, u64)]) -> Self {
        let most = amounts.iter().map(|(_, amount)| *amount).max();
        let top = top(scale, most.unwrap_or_default());
        let shown = hours.first..hours.first + hours.count;
        let amounts = amounts.iter().filter(|(hour, _)| shown.contains(hour));
        Self {
            scale,
            area: AREA,
            bars: amounts
                .map(|(hour, amount)| bar(hours, *hour, *amount, top))
                .collect(),
            rows: [0, top / 2, top]
                .map(|amount| Row {
                    y: height_of(amount, top),
                    amount,
                })
                .into(),
            columns: columns(hours),
        }
    }

    pub(super) fn of_bytes(&self) -> bool {
        self.scale == Scale::Bytes
    }
}

fn bar(hours: Hours, hour: i64, amount: u64, top: u64) -> Bar {
    let room = room(hours);
    let y = height_of(amount, top);
    Bar {
        x: tenths(begin(hours, hour) + room * (1.0 - BAR) / 2.0),
        y,
        width: tenths(room * BAR),
        height: tenths(AREA.bottom - y),
        amount,
        begins_at: begin_of(hour),
    }
}

/// The width that there is for each hour.
fn room(hours: Hours) -> f64 {
    (AREA.right - AREA.left) / hours.count as f64
}

fn begin(hours: Hours, hour: i64) -> f64 {
    AREA.left + room(hours) * (hour - hours.first) as f64
}

fn height_of(amount: u64, top: u64) -> f64 {
    let share = amount as f64 / top as f64;
    tenths(AREA.bottom - share * (AREA.bottom - AREA.top))
}

/// The least round amount that no bar is higher than.
fn top(scale: Scale, most: u64) -> u64 {
    if scale == Scale::Percent {
        return 100;
    }
    let mut power: u64 = 1000;
    loop {
        let round = [1, 2, 5].map(|factor| power.saturating_mul(factor));
        if let Some(top) = round.into_iter().find(|top| *top >= most) {
            return top;
        }
        power = power.saturating_mul(10);
    }
}

fn columns(hours: Hours) -> Vec<Column> {
    let one_day = hours.count <= HOURS_OF_DAY;
    let every = if one_day {
        LABEL_EVERY
    } else {
        let days = hours.count / HOURS_OF_DAY;
        (days + LABELS - 1) / LABELS * HOURS_OF_DAY
    };
    let labelled = hours.first..hours.first + hours.count;
    let labelled = labelled.filter(|hour| hour.rem_euclid(every) == 0);
    let label = |hour: i64| {
        let at = begin_of(hour);
        let part = if one_day { 11..16 } else { 5..10 };
        at.get(part).unwrap_or_default().to_owned()
    };
    labelled
        .map(|hour| Column {
            x: tenths(begin(hours, hour)),
            label: label(hour),
        })
        .collect()
}

fn begin_of(hour: i64) -> String {
    time::text(Timestamp(hour * HOUR_MILLIS))
}

/// More digits would only be more to send.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
