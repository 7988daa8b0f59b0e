use serde_json::json;

use super::*;

#[test]
fn a_kind_is_told_in_words() {
    let reference = json!({"$ref": "#/components/schemas/Tag"});
    for (schema, text, linked) in [
        (json!({"type": "string"}), "string", None),
        (json!({}), "anything", None),
        (
            json!({"type": ["integer", "null"], "minimum": 1}),
            "integer (minimum 1) or null",
            None,
        ),
        (
            json!({"type": "string", "format": "date-time"}),
            "string (date-time)",
            None,
        ),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            "\"a\" or \"b\"",
            None,
        ),
        (reference.clone(), "Tag", Some("Tag")),
        (
            json!({"type": "array", "items": reference}),
            "list of Tag",
            Some("Tag"),
        ),
        (
            json!({"oneOf": [{"type": "null"}, reference]}),
            "null or Tag",
            Some("Tag"),
        ),
        (
            json!({"allOf": [reference, {"type": "object"}]}),
            "Tag and object",
            Some("Tag"),
        ),
        (json!({"type": "string", "pattern": "^"}), "string", None),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "map of names to string",
            None,
        ),
    ] {
        let kind = Kind::of(&schema);
        assert_eq!(kind.text, text, "{schema}");
        assert_eq!(kind.schema.as_deref(), linked, "{schema}");
    }
}
