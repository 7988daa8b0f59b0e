//! A policy as fields of a form, and as what the API takes.

use std::collections::BTreeMap;

use berth_registry::retention::MOST_RULES;
use serde::Deserialize;

use super::super::language::Language;
use super::refused::Wrong;
use crate::api::document::Object;
use crate::api::retention::{RetentionKeep, RetentionPolicy, RetentionRule};

/// What the fields hold, whether it makes a policy or not. Rules that were left empty are not in it.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub(in super::super) struct Fields {
    pub(super) rules: Vec<RuleFields>,
    pub(super) untagged_after_days: String,
    pub(super) every_hours: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RuleFields {
    pub(super) repositories: String,
    pub(super) tags: String,
    pub(super) newest_pushed: String,
    pub(super) newest_pulled: String,
    pub(super) pushed_within_days: String,
    pub(super) pulled_within_days: String,
    pub(super) always: bool,
}

impl Fields {
    /// Those of the form: one more than there are rules, if there can be one more.
    pub(super) fn rows(&self) -> Vec<RuleFields> {
        let mut rows = self.rules.clone();
        if rows.len() < MOST_RULES {
            rows.push(RuleFields::default());
        }
        rows
    }

    pub(super) fn policy(&self, language: Language) -> Result<RetentionPolicy, Wrong> {
        let rules = (1..).zip(&self.rules);
        let rules = rules.map(|(number, rule)| {
            rule.read(language)
                .map(Object)
                .map_err(|why| Wrong::said(format!("{}: {why}", language.fill("Rule {}", number))))
        });
        let number = |text| number(text, language).map_err(Wrong::said);
        Ok(RetentionPolicy {
            rules: rules.collect::<Result<_, _>>()?,
            untagged_after_days: number(&self.untagged_after_days)?,
            every_hours: number(&self.every_hours)?,
        })
    }
}

impl RuleFields {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Or why it is no rule.
    fn read(&self, language: Language) -> Result<RetentionRule, String> {
        let number = |text| number(text, language);
        let keep = RetentionKeep {
            newest_pushed: number(&self.newest_pushed)?,
            newest_pulled: number(&self.newest_pulled)?,
            pushed_within_days: number(&self.pushed_within_days)?,
            pulled_within_days: number(&self.pulled_within_days)?,
            always: self.always,
        };
        let numbers = [
            keep.newest_pushed,
            keep.newest_pulled,
            keep.pushed_within_days,
            keep.pulled_within_days,
        ];
        // The API refuses it too, in the words of its document.
        if !keep.always && numbers.iter().all(Option::is_none) {
            let why = language
                .say("say which tags it keeps; to keep none, write 0 for those pushed last.");
            return Err(why.to_owned());
        }
        Ok(RetentionRule {
            repositories: written(&self.repositories),
            tags: written(&self.tags),
            keep: Object(keep),
        })
    }
}

fn written(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(text: &str, language: Language) -> Result<Option<u32>, String> {
    let wrong = |_| language.fill("{} is no whole number.", text);
    let number = written(text).map(|text| text.parse());
    number.transpose().map_err(wrong)
}

impl From<BTreeMap<String, String>> for Fields {
    fn from(mut sent: BTreeMap<String, String>) -> Self {
        let mut take = |name: &str| Some(sent.remove(name)?.trim().to_owned());
        let mut rules = Vec::new();
        // One more than there can be, so that too many are refused and not cut.
        while rules.len() <= MOST_RULES {
            let row = rules.len() + 1;
            let mut of_row = |name: &str| take(&format!("{name}_{row}"));
            let Some(tags) = of_row("tags") else { break };
            rules.push(RuleFields {
                repositories: of_row("repositories").unwrap_or_default(),
                tags,
                newest_pushed: of_row("newest_pushed").unwrap_or_default(),
                newest_pulled: of_row("newest_pulled").unwrap_or_default(),
                pushed_within_days: of_row("pushed_within_days").unwrap_or_default(),
                pulled_within_days: of_row("pulled_within_days").unwrap_or_default(),
                always: of_row("always").is_some(),
            });
        }
        rules.retain(|rule| !rule.is_empty());
        Self {
            rules,
            untagged_after_days: take("untagged_after_days").unwrap_or_default(),
            every_hours: take("every_hours").unwrap_or_default(),
        }
    }
}

impl From<&RetentionPolicy> for Fields {
    fn from(policy: &RetentionPolicy) -> Self {
        let rules = policy.rules.iter();
        Self {
            rules: rules.map(|Object(rule)| RuleFields::from(rule)).collect(),
            untagged_after_days: shown(policy.untagged_after_days),
            every_hours: shown(policy.every_hours),
        }
    }
}

impl From<&RetentionRule> for RuleFields {
    fn from(rule: &RetentionRule) -> Self {
        let Object(keep) = &rule.keep;
        Self {
            repositories: rule.repositories.clone().unwrap_or_default(),
            tags: rule.tags.clone().unwrap_or_default(),
            newest_pushed: shown(keep.newest_pushed),
            newest_pulled: shown(keep.newest_pulled),
            pushed_within_days: shown(keep.pushed_within_days),
            pulled_within_days: shown(keep.pulled_within_days),
            always: keep.always,
        }
    }
}

fn shown(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
