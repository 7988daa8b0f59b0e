use super::*;

fn sent(fields: &[(&str, &str)]) -> Fields {
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fields::from(fields.collect::<BTreeMap<_, _>>())
}

fn refused(fields: &[(&str, &str)]) -> String {
    let refused = sent(fields).policy(Language::English).err();
    refused.expect("no policy").text
}

#[test]
fn rules_that_were_left_empty_are_none() {
    let fields = sent(&[
        ("tags_1", " "),
        ("repositories_1", ""),
        ("tags_2", " pr-* "),
        ("newest_pushed_2", "10"),
        ("tags_3", ""),
        ("always_3", "on"),
        ("untagged_after_days", "14"),
        ("every_hours", ""),
    ]);
    let policy = fields.policy(Language::English).expect("a policy");
    let rules: Vec<_> = policy.rules.iter().map(|Object(rule)| rule).collect();
    let [first, second] = rules[..] else {
        panic!("{} rules", rules.len());
    };
    assert_eq!(first.tags.as_deref(), Some("pr-*"));
    assert_eq!(first.repositories, None);
    assert_eq!(first.keep.0.newest_pushed, Some(10));
    assert!(!first.keep.0.always);
    assert_eq!(second.tags, None);
    assert!(second.keep.0.always);
    assert_eq!(policy.untagged_after_days, Some(14));
    assert_eq!(policy.every_hours, None);

    let again = Fields::from(&policy);
    assert_eq!(again.rules, fields.rules);
    assert_eq!(again.rows().len(), 3);
}

#[test]
fn there_is_a_row_for_one_more_rule() {
    let rule = RuleFields {
        always: true,
        ..RuleFields::default()
    };
    let fields = Fields {
        rules: vec![rule; 7],
        ..Fields::default()
    };
    assert_eq!(fields.rows().len(), 8);
    assert!(fields.rows()[7].is_empty());
    assert_eq!(Fields::default().rows().len(), 1);
}

#[test]
fn too_many_rules_are_not_cut() {
    let names: Vec<_> = (1..=2 * MOST_RULES)
        .map(|row| format!("tags_{row}"))
        .collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "v*")).collect();
    assert_eq!(sent(&fields).rules.len(), MOST_RULES + 1);
}

#[test]
fn what_is_wrong_is_said_of_the_rule_as_it_is_counted_in_the_form() {
    let without_number = [("tags_1", ""), ("tags_2", "v*"), ("newest_pushed_2", "ten")];
    assert_eq!(refused(&without_number), "Rule 1: ten is no whole number.");
    let keeps_nothing = refused(&[("tags_1", "v*")]);
    assert!(
        keeps_nothing.starts_with("Rule 1: say which tags it keeps"),
        "{keeps_nothing}"
    );
    assert_eq!(refused(&[("every_hours", "-1")]), "-1 is no whole number.");
}
