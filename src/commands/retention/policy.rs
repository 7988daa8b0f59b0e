use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::{PolicySource, RuleOptions};
use crate::output::Output;
use crate::table::Table;

#[derive(Deserialize)]
pub(super) struct Retention {
    policy: Policy,
    next_run_at: Option<DateTime<Utc>>,
    changed_by: String,
    changed_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Policy {
    rules: Vec<Rule>,
    untagged_after_days: Option<u32>,
    every_hours: Option<u32>,
}

#[derive(Deserialize)]
struct Rule {
    repositories: Option<String>,
    tags: Option<String>,
    keep: Keep,
}

#[derive(Deserialize)]
struct Keep {
    newest_pushed: Option<u32>,
    newest_pulled: Option<u32>,
    pushed_within_days: Option<u32>,
    pulled_within_days: Option<u32>,
    always: bool,
}

/// The policy that a command line gives, if it gives one.
pub(super) fn read(source: &PolicySource) -> anyhow::Result<Option<Value>> {
    match &source.file {
        Some(file) => read_file(file).map(Some),
        None => Ok(of_options(&source.rule)),
    }
}

fn read_file(file: &Path) -> anyhow::Result<Value> {
    let text = if file == Path::new("-") {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(file)
    };
    let unusable = || format!("could not read a policy from {}", file.display());
    let mut document: Value =
        serde_json::from_str(&text.with_context(unusable)?).with_context(unusable)?;
    // What `show --json` prints has the policy in it.
    Ok(match document.get_mut("policy") {
        Some(policy) => policy.take(),
        None => document,
    })
}

fn of_options(options: &RuleOptions) -> Option<Value> {
    let keep = [
        ("newest_pushed", options.keep_pushed),
        ("newest_pulled", options.keep_pulled),
        ("pushed_within_days", options.pushed_within),
        ("pulled_within_days", options.pulled_within),
    ];
    let keep = keep.into_iter();
    let keep: serde_json::Map<_, _> = keep
        .filter_map(|(name, number)| Some((name.to_owned(), json!(number?))))
        .collect();
    let selects = options.repositories.is_some() || options.tags.is_some();
    let rules = match selects || !keep.is_empty() {
        true => vec![json!({
            "repositories": options.repositories,
            "tags": options.tags,
            "keep": keep,
        })],
        false => Vec::new(),
    };
    let (untagged, every) = (options.untagged_after, options.every);
    if rules.is_empty() && untagged.is_none() && every.is_none() {
        return None;
    }
    Some(json!({"rules": rules, "untagged_after_days": untagged, "every_hours": every}))
}

impl Retention {
    pub(super) fn text(&self, output: &Output) -> String {
        let policy = &self.policy;
        let mut rules = Table::with_header(["RULE", "REPOSITORIES", "TAGS", "KEEPS"]);
        for (number, rule) in (1..).zip(&policy.rules) {
            let all = || "all".to_owned();
            rules.row([
                i32::to_string(&number),
                rule.repositories.clone().unwrap_or_else(all),
                rule.tags.clone().unwrap_or_else(all),
                rule.keep.text(),
            ]);
        }
        let untagged = policy.untagged_after_days;
        let untagged = untagged.map(|days| format!("go after {days} d"));
        let every = policy.every_hours.map(|hours| format!("every {hours} h"));
        let mut table = Table::new();
        for (name, value) in [
            (
                "without a tag",
                untagged.unwrap_or_else(|| "stay".to_owned()),
            ),
            ("runs", every.unwrap_or_else(|| "by hand".to_owned())),
            ("next run", output.time(self.next_run_at)),
            ("changed by", self.changed_by.clone()),
            ("changed", output.time(Some(self.changed_at))),
        ] {
            table.row([name.to_owned(), value]);
        }
        format!("{rules}\n{table}")
    }
}

impl Keep {
    fn text(&self) -> String {
        let parts = [
            self.always.then(|| "all".to_owned()),
            self.newest_pushed
                .map(|most| format!("newest {most} pushed")),
            self.newest_pulled
                .map(|most| format!("newest {most} pulled")),
            self.pushed_within_days
                .map(|days| format!("pushed within {days} d")),
            self.pulled_within_days
                .map(|days| format!("pulled within {days} d")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}
