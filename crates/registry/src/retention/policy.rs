use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use berth_oci::{ProjectName, RepositoryName};
use serde::{Deserialize, Serialize};

use super::decide::Clause;
use crate::auth::RepositoryGlob;
use crate::sentence;
use crate::tag_pattern::TagPattern;

/// A set of them is a word of 64 bits.
pub const MOST_RULES: usize = 50;
pub const MOST_TAGS: u32 = 1_000_000;
pub const MOST_DAYS: u32 = 36_500;
/// A push of several manifests ends with the tag: what has just lost its tag, or waits for one, is
/// never removed.
const LEAST_UNTAGGED_DAYS: u32 = 1;
pub const MOST_HOURS: u32 = 8_760;

/// A policy as somebody has written it, and as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyText {
    pub rules: Vec<RuleText>,
    pub untagged_after_days: Option<u32>,
    pub every_hours: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleText {
    /// `None` for those of the whole project.
    pub repositories: Option<String>,
    /// `None` for all.
    pub tags: Option<String>,
    pub keep: Keep,
}

/// What of the tags that it selects a rule keeps: those for which any of this holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    pub newest_pushed: Option<u32>,
    pub newest_pulled: Option<u32>,
    pub pushed_within_days: Option<u32>,
    pub pulled_within_days: Option<u32>,
    pub always: bool,
}

/// A policy that can be followed.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    rules: Arc<[Rule]>,
    pub(super) untagged_after_days: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Its place in the policy, from 0.
    pub(super) place: u8,
    repositories: RepositoryGlob,
    pub(super) tags: TagPattern,
    pub(super) keep: Keep,
}

/// Where a policy is wrong, and why.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct InvalidPolicy {
    place: String,
    reason: String,
}

impl PolicyText {
    pub(crate) fn read(&self, project: &ProjectName) -> Result<Policy, InvalidPolicy> {
        if self.rules.len() > MOST_RULES {
            let count = self.rules.len();
            let reason = sentence!("a policy has {MOST_RULES} rules at most, and this one {count}");
            return Err(wrong("rules", reason));
        }
        if let Some(days) = self.untagged_after_days {
            within("untagged_after_days", days, LEAST_UNTAGGED_DAYS..=MOST_DAYS)?;
        }
        if let Some(hours) = self.every_hours {
            within("every_hours", hours, 1..=MOST_HOURS)?;
        }
        let rules = (0..).zip(&self.rules);
        Ok(Policy {
            rules: rules
                .map(|(place, rule)| rule.read(place, project))
                .collect::<Result<_, _>>()?,
            untagged_after_days: self.untagged_after_days,
        })
    }
}

impl PolicyText {
    /// For people: a line for each rule, and for what else it says.
    pub fn in_words(&self) -> Vec<String> {
        let rules = (1..).zip(&self.rules);
        let rules = rules.map(|(number, rule)| rule.in_words(number));
        let untagged = self
            .untagged_after_days
            .map(|days| sentence!("manifests without a tag go after {days} days"));
        let often = match self.every_hours {
            Some(hours) => sentence!("it runs every {hours} hours"),
            None => sentence("it runs by hand only").to_owned(),
        };
        rules.chain(untagged).chain([often]).collect()
    }
}

impl RuleText {
    fn in_words(&self, number: usize) -> String {
        let rule = match (&self.tags, &self.repositories) {
            (Some(tags), Some(of)) => sentence!("rule {number}, tags {tags} of {of}"),
            (Some(tags), None) => sentence!("rule {number}, tags {tags}"),
            (None, Some(of)) => sentence!("rule {number}, all tags of {of}"),
            (None, None) => sentence!("rule {number}, all tags"),
        };
        let kept: Vec<_> = self.keep.clauses().map(|it| it.to_string()).collect();
        let kept = sentence!("keeps {}", kept.join("; "));
        format!("{rule}: {kept}")
    }

    fn read(&self, place: u8, project: &ProjectName) -> Result<Rule, InvalidPolicy> {
        let at = |key: &str| format!("rules[{place}].{key}");
        let repositories = match &self.repositories {
            Some(text) => text
                .parse()
                .map_err(|error| wrong(at("repositories"), error))?,
            None => RepositoryGlob::of_project(project),
        };
        if !repositories.reaches(project) {
            let reason = sentence!("{repositories} matches no repository of project {project}");
            return Err(wrong(at("repositories"), reason));
        }
        let tags = match &self.tags {
            Some(text) => text.parse().map_err(|error| wrong(at("tags"), error))?,
            None => TagPattern::everything(),
        };
        self.keep.check(&at("keep"))?;
        Ok(Rule {
            place,
            repositories,
            tags,
            keep: self.keep,
        })
    }
}

impl Keep {
    /// What it says.
    pub(super) fn clauses(self) -> impl Iterator<Item = Clause> {
        [
            self.always.then_some(Clause::Always),
            self.newest_pushed.map(Clause::NewestPushed),
            self.newest_pulled.map(Clause::NewestPulled),
            self.pushed_within_days.map(Clause::PushedWithin),
            self.pulled_within_days.map(Clause::PulledWithin),
        ]
        .into_iter()
        .flatten()
    }

    fn check(self, place: &str) -> Result<(), InvalidPolicy> {
        let numbers = [
            ("newest_pushed", self.newest_pushed, MOST_TAGS),
            ("newest_pulled", self.newest_pulled, MOST_TAGS),
            ("pushed_within_days", self.pushed_within_days, MOST_DAYS),
            ("pulled_within_days", self.pulled_within_days, MOST_DAYS),
        ];
        for (key, number, most) in numbers {
            if let Some(number) = number {
                within(&format!("{place}.{key}"), number, 0..=most)?;
            }
        }
        // Somebody who has forgotten it would lose every tag of the rule.
        if self == Self::default() {
            let reason =
                sentence("it says nothing; a rule that keeps none has \"newest_pushed\": 0");
            return Err(wrong(place, reason));
        }
        Ok(())
    }
}

impl Policy {
    /// The rules that select tags of the repository, in their order.
    pub(super) fn rules_of(&self, repository: &RepositoryName) -> Vec<&Rule> {
        let rules = self.rules.iter();
        rules
            .filter(|rule| rule.repositories.matches(repository))
            .collect()
    }
}

fn within(place: &str, number: u32, range: RangeInclusive<u32>) -> Result<(), InvalidPolicy> {
    if range.contains(&number) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    let reason = sentence!("it is a number from {least} to {most}, not {number}");
    Err(wrong(place, reason))
}

fn wrong(place: impl Into<String>, reason: impl fmt::Display) -> InvalidPolicy {
    InvalidPolicy {
        place: place.into(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests;
