use serde_json::{Value, json};

use super::super::policy::PolicyText;
use super::{Attached, Decision, TagRow, decide};
use crate::clock::Timestamp;

const DAY: i64 = 24 * 60 * 60 * 1000;
const NOW: i64 = 1000 * DAY;

/// A tag that was pushed and pulled so many days ago.
fn tag(name: &str, pushed: i64, pulled: Option<i64>) -> TagRow {
    TagRow {
        tag: name.parse().unwrap(),
        manifest_id: 1,
        pushed_at: Timestamp(NOW - pushed * DAY),
        pulled_at: pulled.map(|days| Timestamp(NOW - days * DAY)),
        immutable: None,
        held: false,
        attached: None,
    }
}

fn decided(rules: Value, tags: &[TagRow]) -> Vec<Decision> {
    let policy: PolicyText = serde_json::from_value(json!({"rules": rules})).unwrap();
    let policy = policy.read(&"shop".parse().unwrap()).unwrap();
    let rules = policy.rules_of(&"shop/web".parse().unwrap());
    decide(&rules, tags, Some(Timestamp(NOW - 7 * DAY)), Timestamp(NOW))
}

/// The name of each tag, with `-` where it goes, and the rule that decides.
fn shown(rules: Value, tags: &[TagRow]) -> String {
    let decisions = decided(rules, tags);
    let words = tags.iter().zip(decisions).map(|(row, decision)| {
        let sign = if decision.keeps() { "" } else { "-" };
        let rule = decision.rule().map(|rule| format!("/{rule}"));
        format!("{sign}{}{}", row.tag, rule.unwrap_or_default())
    });
    words.collect::<Vec<_>>().join(" ")
}

fn rule(tags: &str, keep: Value) -> Value {
    let mut whole = json!({"always": false});
    let all = whole.as_object_mut().unwrap();
    all.extend(keep.as_object().unwrap().clone());
    json!({"tags": tags, "keep": whole})
}

#[test]
fn each_kind_of_rule_keeps_what_it_says_and_no_more() {
    // In order of their names, as they are read.
    let tags = [
        tag("1.0.0", 90, Some(1)),
        tag("1.1.0", 60, None),
        tag("latest", 1, Some(0)),
        tag("pr-1", 40, Some(35)),
        tag("pr-2", 30, None),
        tag("pr-3", 2, Some(31)),
    ];
    let pr = |keep| json!([rule("pr-*", keep)]);
    let others = "1.0.0 1.1.0 latest";
    let cases = [
        (json!([]), "1.0.0 1.1.0 latest pr-1 pr-2 pr-3".to_owned()),
        // The newest.
        (
            pr(json!({"newest_pushed": 0})),
            format!("{others} -pr-1/1 -pr-2/1 -pr-3/1"),
        ),
        (
            pr(json!({"newest_pushed": 1})),
            format!("{others} -pr-1/1 -pr-2/1 pr-3/1"),
        ),
        (
            pr(json!({"newest_pushed": 9})),
            format!("{others} pr-1/1 pr-2/1 pr-3/1"),
        ),
        (
            pr(json!({"newest_pulled": 1})),
            format!("{others} -pr-1/1 -pr-2/1 pr-3/1"),
        ),
        // What was never pulled comes last.
        (
            pr(json!({"newest_pulled": 2})),
            format!("{others} pr-1/1 -pr-2/1 pr-3/1"),
        ),
        (
            pr(json!({"newest_pulled": 3})),
            format!("{others} pr-1/1 pr-2/1 pr-3/1"),
        ),
        // The limit itself is within.
        (
            pr(json!({"pushed_within_days": 30})),
            format!("{others} -pr-1/1 pr-2/1 pr-3/1"),
        ),
        (
            pr(json!({"pushed_within_days": 29})),
            format!("{others} -pr-1/1 -pr-2/1 pr-3/1"),
        ),
        // What was never pulled counts as pulled when it was pushed.
        (
            pr(json!({"pulled_within_days": 30})),
            format!("{others} -pr-1/1 pr-2/1 -pr-3/1"),
        ),
        (
            pr(json!({"pulled_within_days": 31})),
            format!("{others} -pr-1/1 pr-2/1 pr-3/1"),
        ),
        (
            pr(json!({"always": true})),
            format!("{others} pr-1/1 pr-2/1 pr-3/1"),
        ),
        // Any of them is enough.
        (
            pr(json!({"newest_pushed": 1, "pulled_within_days": 30})),
            format!("{others} -pr-1/1 pr-2/1 pr-3/1"),
        ),
        // Several rules: the first that keeps it is named, and the first that selects it if none does.
        (
            json!([
                rule("pr-*", json!({"newest_pushed": 1})),
                rule("*", json!({"pushed_within_days": 30})),
            ]),
            "-1.0.0/2 -1.1.0/2 latest/2 -pr-1/1 pr-2/2 pr-3/1".to_owned(),
        ),
        (
            json!([
                rule("semver:>=1", json!({"newest_pushed": 1})),
                rule("latest", json!({"always": true})),
                rule("*", json!({"newest_pushed": 0})),
            ]),
            "-1.0.0/1 1.1.0/1 latest/2 -pr-1/3 -pr-2/3 -pr-3/3".to_owned(),
        ),
        // A rule for other repositories.
        (
            json!([{"repositories": "shop/api", "keep": {"always": false, "newest_pushed": 0}}]),
            "1.0.0 1.1.0 latest pr-1 pr-2 pr-3".to_owned(),
        ),
        (
            json!([{"repositories": "shop/w*", "keep": {"always": false, "newest_pushed": 1}}]),
            "-1.0.0/1 -1.1.0/1 latest/1 -pr-1/1 -pr-2/1 -pr-3/1".to_owned(),
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(shown(rules.clone(), &tags), expected, "{rules}");
    }
}

#[test]
fn of_what_is_as_new_the_later_image_is_kept_and_of_one_image_the_first_name() {
    let mut tags = [tag("a", 1, None), tag("b", 1, None), tag("c", 1, None)];
    for keep in [json!({"newest_pushed": 2}), json!({"newest_pulled": 2})] {
        let rules = json!([rule("*", keep)]);
        tags[2].manifest_id = 1;
        assert_eq!(shown(rules.clone(), &tags), "a/1 b/1 -c/1");
        tags[2].manifest_id = 2;
        assert_eq!(shown(rules, &tags), "a/1 -b/1 c/1");
    }
}

#[test]
fn of_what_was_never_pulled_the_last_pushed_is_kept() {
    let tags = [tag("a", 3, None), tag("b", 1, None), tag("c", 2, Some(1))];
    let rules = json!([rule("*", json!({"newest_pulled": 2}))]);
    assert_eq!(shown(rules, &tags), "-a/1 b/1 c/1");
}

#[test]
fn what_is_immutable_or_held_stays_and_the_reason_says_so() {
    let mut tags = [
        tag("a", 9, None),
        tag("b", 9, None),
        tag("c", 9, None),
        tag("d", 1, None),
    ];
    tags[0].immutable = Some(7);
    tags[1].held = true;
    let rules = json!([
        rule("*", json!({"newest_pushed": 1})),
        rule("c", json!({"pushed_within_days": 2})),
    ]);
    let decisions = decided(rules, &tags);
    let reasons: Vec<_> = decisions.iter().map(Decision::to_string).collect();
    assert_eq!(
        reasons,
        [
            "immutable, by rule 7 of immutable tags",
            "held: something runs it, or may go back to it",
            "rules 1, 2 select it and none of them keeps it",
            "rule 1 keeps the newest 1 pushed",
        ]
    );
}

#[test]
fn what_is_attached_is_selected_by_no_rule_and_follows_its_subject() {
    let hex = "0".repeat(64);
    let named = |end: &str, pushed, attached| TagRow {
        attached: Some(attached),
        ..tag(&format!("sha256-{hex}{end}"), pushed, None)
    };
    let mut tags = vec![
        tag("1", 3, None),
        tag("2", 2, None),
        tag("3", 1, None),
        named("", 1, Attached::ToPresent),
        named(".att", 9, Attached::ToPresent),
        named(".sbom", 7, Attached::ToAbsent),
        named(".sig", 6, Attached::ToAbsent),
    ];
    let rules = || json!([rule("*", json!({"newest_pushed": 2}))]);
    let shown = shown(rules(), &tags).replace(&hex, "0");
    assert_eq!(
        shown,
        "-1/1 2/1 3/1 sha256-0 sha256-0.att -sha256-0.sbom sha256-0.sig"
    );
    tags[5].held = true;
    let decisions = decided(rules(), &tags);
    assert!(decisions[5].keeps());
    let reason = decisions[4].reason(&tags[4].tag);
    assert_eq!(reason, format!("attached to sha256:{hex}"));
}
