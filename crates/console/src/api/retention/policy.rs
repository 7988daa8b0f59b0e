use berth_registry::retention::{Keep as Kept, PolicyText, RuleText};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::document::Object;
use super::super::texts;

/// What a project keeps: a tag that some rule selects and none keeps is removed, and one that no rule
/// selects is kept
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rules": [{"repositories": "shop/**", "tags": "pr-*",
    "keep": {"newest_pushed": 10, "pulled_within_days": 30}}], "untagged_after_days": 14, "every_hours": 24}))]
pub(crate) struct RetentionPolicy {
    #[schema(value_type = Vec<RetentionRule>, max_items = 50)]
    pub(crate) rules: Vec<Object<RetentionRule>>,
    /// When a manifest goes that has no tag, and that nothing in its repository needs; null for never
    #[schema(minimum = 1, maximum = 36500)]
    pub(crate) untagged_after_days: Option<u32>,
    /// How often it runs; null for by hand only
    #[schema(minimum = 1, maximum = 8760)]
    pub(crate) every_hours: Option<u32>,
}

/// Selects tags, and says which of them it keeps
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionRule {
    /// Without it, every repository of the project
    #[schema(value_type = Option<texts::RepositoryGlob>)]
    pub(crate) repositories: Option<String>,
    /// A glob such as `v*`, `regex:EXPRESSION` or `semver:RANGE`, of whole tags; without it, all
    #[schema(value_type = Option<texts::TagsPattern>)]
    pub(crate) tags: Option<String>,
    #[schema(value_type = RetentionKeep)]
    pub(crate) keep: Object<RetentionKeep>,
}

/// What of the tags that a rule selects it keeps: those for which any of this holds
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionKeep {
    /// So many of each repository that were pushed last
    #[schema(minimum = 0, maximum = 1000000)]
    pub(crate) newest_pushed: Option<u32>,
    /// So many of each repository that were pulled last
    #[schema(minimum = 0, maximum = 1000000)]
    pub(crate) newest_pulled: Option<u32>,
    #[schema(minimum = 0, maximum = 36500)]
    pub(crate) pushed_within_days: Option<u32>,
    /// What was never pulled counts as pulled when it was pushed
    #[schema(minimum = 0, maximum = 36500)]
    pub(crate) pulled_within_days: Option<u32>,
    /// All of them
    #[serde(default)]
    pub(crate) always: bool,
}

impl From<RetentionPolicy> for PolicyText {
    fn from(policy: RetentionPolicy) -> Self {
        let rules = policy.rules.into_iter();
        Self {
            rules: rules.map(|Object(rule)| rule.into()).collect(),
            untagged_after_days: policy.untagged_after_days,
            every_hours: policy.every_hours,
        }
    }
}

impl From<PolicyText> for RetentionPolicy {
    fn from(policy: PolicyText) -> Self {
        let rules = policy.rules.into_iter();
        Self {
            rules: rules.map(|rule| Object(rule.into())).collect(),
            untagged_after_days: policy.untagged_after_days,
            every_hours: policy.every_hours,
        }
    }
}

impl From<RetentionRule> for RuleText {
    fn from(rule: RetentionRule) -> Self {
        let Object(keep) = rule.keep;
        Self {
            repositories: rule.repositories,
            tags: rule.tags,
            keep: Kept {
                newest_pushed: keep.newest_pushed,
                newest_pulled: keep.newest_pulled,
                pushed_within_days: keep.pushed_within_days,
                pulled_within_days: keep.pulled_within_days,
                always: keep.always,
            },
        }
    }
}

impl From<RuleText> for RetentionRule {
    fn from(rule: RuleText) -> Self {
        let keep = rule.keep;
        Self {
            repositories: rule.repositories,
            tags: rule.tags,
            keep: Object(RetentionKeep {
                newest_pushed: keep.newest_pushed,
                newest_pulled: keep.newest_pulled,
                pushed_within_days: keep.pushed_within_days,
                pulled_within_days: keep.pulled_within_days,
                always: keep.always,
            }),
        }
    }
}
