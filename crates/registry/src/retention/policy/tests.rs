use serde_json::json;

use super::PolicyText;

fn read(document: serde_json::Value) -> Result<(), String> {
    let policy: PolicyText = serde_json::from_value(document).unwrap();
    let read = policy.read(&"shop".parse().unwrap());
    read.map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_policy_that_can_not_be_followed_is_told_where_and_why() {
    let one = |rule: serde_json::Value| json!({"rules": [rule]});
    let keep = json!({"always": true});
    let full = json!({"always": false});
    let cases = [
        (
            one(json!({"tags": "a b", "keep": keep})),
            "rules[0].tags: `a b` is no pattern",
        ),
        (
            json!({"rules": [{"keep": keep}, {"tags": "regex:(", "keep": keep}]}),
            "rules[1].tags: the regular expression",
        ),
        (
            one(json!({"repositories": "shop//", "keep": keep})),
            "rules[0].repositories: `shop//` is no pattern",
        ),
        (
            one(json!({"repositories": "attic/**", "keep": keep})),
            "rules[0].repositories: attic/** matches no repository of project shop",
        ),
        (one(json!({"keep": full})), "rules[0].keep: it says nothing"),
        (
            one(json!({"keep": {"always": false, "newest_pushed": 1_000_001}})),
            "rules[0].keep.newest_pushed: it is a number from 0 to 1000000, not 1000001",
        ),
        (
            one(json!({"keep": {"always": false, "pulled_within_days": 36_501}})),
            "rules[0].keep.pulled_within_days: ",
        ),
        (
            json!({"rules": [], "untagged_after_days": 0}),
            "untagged_after_days: it is a number from 1 to 36500, not 0",
        ),
        (
            json!({"rules": [], "every_hours": 0}),
            "every_hours: it is a number from 1 to 8760, not 0",
        ),
        (
            json!({"rules": vec![json!({"keep": keep}); 51]}),
            "rules: a policy has 50 rules at most, and this one 51",
        ),
    ];
    for (document, said) in cases {
        let error = read(document.clone()).unwrap_err();
        assert!(error.starts_with(said), "{document}: {error}");
    }
}

#[test]
fn a_policy_with_as_much_as_there_can_be_is_taken() {
    let keep = json!({"always": true, "newest_pushed": 0, "newest_pulled": 1_000_000,
        "pushed_within_days": 0, "pulled_within_days": 36_500});
    let rule = json!({"repositories": "*/web-*", "tags": "semver:>=1", "keep": keep});
    let rules = vec![rule; 50];
    let whole = json!({"rules": rules, "untagged_after_days": 36_500, "every_hours": 8_760});
    assert_eq!(read(whole), Ok(()));
    assert_eq!(read(json!({"rules": []})), Ok(()));
}
