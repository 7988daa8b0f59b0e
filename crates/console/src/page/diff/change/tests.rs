use super::*;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn values_that_differ_are_told_by_name() {
    let from = values(&[("a", "1"), ("b", "1"), ("c", "1")]);
    let to = values(&[("0", "1"), ("b", "1"), ("c", "2")]);
    let told = named(What::Label, &from, &to);
    let told: Vec<_> = told
        .iter()
        .map(|change| {
            let name = change.name.as_deref().unwrap();
            (name, change.from.as_deref(), change.to.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("0", None, Some("1")),
            ("a", Some("1"), None),
            ("c", Some("1"), Some("2")),
        ]
    );
}

#[test]
fn a_variable_is_a_name_and_a_value_that_may_hold_anything() {
    let env = ["A=1=2", "B"].map(str::to_owned);
    assert_eq!(variables(&env), values(&[("A", "1=2"), ("B", "")]));
}
