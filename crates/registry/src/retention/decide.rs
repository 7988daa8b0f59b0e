//! What becomes of the tags of one repository. Pure: the preview and the run are made of it.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use berth_oci::Tag;

use super::attached::subject_of;
use super::policy::Rule;
use crate::clock::Timestamp;
use crate::sentence;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All that counts of a tag. A repository may have a great many of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagRow {
    pub(super) tag: Tag,
    pub(super) manifest_id: i64,
    pub(super) pushed_at: Timestamp,
    /// Its image, by whatever name.
    pub(super) pulled_at: Option<Timestamp>,
    /// The rule that keeps the tag where it is.
    pub(super) immutable: Option<i64>,
    pub(super) held: bool,
    pub(super) attached: Option<Attached>,
}

impl TagRow {
    /// Its key in the order of pushes. Of those within one millisecond the later manifest has the greater
    /// number.
    fn newest_first(&self) -> (Reverse<(Timestamp, i64)>, &str) {
        (
            Reverse((self.pushed_at, self.manifest_id)),
            self.tag.as_str(),
        )
    }
}

/// Whether the manifest to which a tag is attached is in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attached {
    ToPresent,
    ToAbsent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Keep(Kept),
    /// By these rules, none of which keeps it.
    Remove(Places),
    /// What it is attached to is gone.
    RemoveAttached,
}

/// Why a tag stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    NotSelected,
    /// By the first rule that does.
    ByRule {
        place: u8,
        clause: Clause,
    },
    Immutable {
        rule: i64,
    },
    Held,
    Attached,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Always,
    NewestPushed(u32),
    NewestPulled(u32),
    PushedWithin(u32),
    PulledWithin(u32),
}

/// Places of rules in their policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(u64);

impl Places {
    fn add(&mut self, place: u8) {
        self.0 |= 1 << place;
    }

    fn none(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |place| self.0 >> place & 1 == 1)
    }
}

/// One decision for each tag. `rules` are those that select tags of the repository; none selects what
/// is attached to a manifest, which goes, once that is gone, if it was pushed before
/// `attached_until`.
pub(super) fn decide(
    rules: &[&Rule],
    tags: &[TagRow],
    attached_until: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Decision> {
    let mut selected = vec![Places::default(); tags.len()];
    let mut kept: Vec<Option<Kept>> = vec![None; tags.len()];
    for rule in rules {
        let mut own: Vec<usize> = Vec::new();
        for (index, row) in tags.iter().enumerate() {
            if row.attached.is_none() && rule.tags.matches(&row.tag) {
                selected[index].add(rule.place);
                own.push(index);
            }
        }
        for clause in rule.keep.clauses() {
            let place = rule.place;
            for &index in clause.of(&mut own, tags, now) {
                kept[index].get_or_insert(Kept::ByRule { place, clause });
            }
        }
    }
    let outcomes = tags.iter().zip(selected).zip(kept);
    outcomes
        .map(|((row, selected), kept)| match (row.attached, kept) {
            (Some(attached), _) => of_attached(row, attached, attached_until),
            (None, Some(kept)) => Decision::Keep(kept),
            (None, None) if selected.none() => Decision::Keep(Kept::NotSelected),
            (None, None) => unless_fixed(row, Decision::Remove(selected)),
        })
        .collect()
}

fn of_attached(row: &TagRow, attached: Attached, until: Option<Timestamp>) -> Decision {
    match attached {
        Attached::ToAbsent if until.is_some_and(|until| row.pushed_at <= until) => {
            unless_fixed(row, Decision::RemoveAttached)
        }
        Attached::ToPresent | Attached::ToAbsent => Decision::Keep(Kept::Attached),
    }
}

/// What is immutable or held stays whatever else was decided.
fn unless_fixed(row: &TagRow, otherwise: Decision) -> Decision {
    match row.immutable {
        Some(rule) => Decision::Keep(Kept::Immutable { rule }),
        None if row.held => Decision::Keep(Kept::Held),
        None => otherwise,
    }
}

impl Clause {
    /// Those of the tags `own` of a rule that this keeps. Their order may change.
    fn of<'o>(self, own: &'o mut [usize], tags: &[TagRow], now: Timestamp) -> &'o [usize] {
        match self {
            Self::Always => own,
            Self::NewestPushed(most) => {
                own.sort_unstable_by_key(|&index| tags[index].newest_first());
                first(own, most)
            }
            Self::NewestPulled(most) => {
                own.sort_unstable_by_key(|&index| {
                    let row = &tags[index];
                    (Reverse(row.pulled_at), row.newest_first())
                });
                first(own, most)
            }
            Self::PushedWithin(days) => {
                let since = days_before(now, days);
                partition(own, |index| tags[index].pushed_at >= since)
            }
            Self::PulledWithin(days) => {
                let since = days_before(now, days);
                partition(own, |index| {
                    let row = &tags[index];
                    row.pulled_at.unwrap_or(row.pushed_at) >= since
                })
            }
        }
    }
}

fn first(own: &[usize], most: u32) -> &[usize] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    &own[..own.len().min(most)]
}

/// Brings those for which it holds to the front.
fn partition(own: &mut [usize], holds: impl Fn(usize) -> bool) -> &[usize] {
    let mut count = 0;
    for at in 0..own.len() {
        if holds(own[at]) {
            own.swap(count, at);
            count += 1;
        }
    }
    &own[..count]
}

pub(super) fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.minus(DAY * days)
}

impl Decision {
    pub(super) fn keeps(self) -> bool {
        match self {
            Self::Keep(_) => true,
            Self::Remove(_) | Self::RemoveAttached => false,
        }
    }

    /// The number of the rule that decided, as people count.
    pub(super) fn rule(self) -> Option<u8> {
        match self {
            Self::Keep(Kept::ByRule { place, .. }) => Some(place + 1),
            Self::Keep(
                Kept::NotSelected | Kept::Immutable { .. } | Kept::Held | Kept::Attached,
            )
            | Self::RemoveAttached => None,
            Self::Remove(places) => places.iter().next().map(|place| place + 1),
        }
    }

    /// Why this was decided of the tag.
    pub(super) fn reason(self, tag: &Tag) -> String {
        match (self, subject_of(tag)) {
            (Self::Keep(Kept::Attached), Some(subject)) => sentence!("attached to {subject}"),
            (Self::RemoveAttached, Some(subject)) => {
                sentence!("attached to {subject}, which is gone")
            }
            (decision, _) => decision.to_string(),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemoveAttached => f.write_str(sentence("what it is attached to is gone")),
            Self::Keep(kept) => kept.fmt(f),
            Self::Remove(places) => {
                let numbers: Vec<_> = places.iter().map(|place| (place + 1).to_string()).collect();
                f.write_str(&match &*numbers {
                    [one] => sentence!("rule {one} selects it and does not keep it"),
                    several => sentence!(
                        "rules {} select it and none of them keeps it",
                        several.join(", ")
                    ),
                })
            }
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::NotSelected => sentence("no rule selects it").to_owned(),
            Self::ByRule { place, clause } => sentence!("rule {} keeps {clause}", place + 1),
            Self::Immutable { rule } => sentence!("immutable, by rule {rule} of immutable tags"),
            Self::Held => sentence("held: something runs it, or may go back to it").to_owned(),
            Self::Attached => sentence("attached to a manifest").to_owned(),
        })
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Always => sentence("all that it selects").to_owned(),
            Self::NewestPushed(most) => sentence!("the newest {most} pushed"),
            Self::NewestPulled(most) => sentence!("the newest {most} pulled"),
            Self::PushedWithin(days) => sentence!("what was pushed within {days} days"),
            Self::PulledWithin(days) => sentence!("what was pulled within {days} days"),
        })
    }
}

#[cfg(test)]
mod tests;
