use serde::Deserialize;

use super::Object;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    public: bool,
    note: Option<String>,
}

#[test]
fn an_array_of_the_values_is_no_object() {
    let read = |text| serde_json::from_str::<Object<Change>>(text).map(|Object(change)| change);
    let wanted = Change {
        public: true,
        note: None,
    };
    assert_eq!(read(r#"{"public": true}"#).expect("an object"), wanted);
    for other in [
        r#"[true, null]"#,
        "[]",
        "null",
        "true",
        r#"{"public": true, "private": false}"#,
        r#"{"public": true, "public": false}"#,
    ] {
        assert!(read(other).is_err(), "{other} was taken");
    }
}
