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

#[test]
fn what_a_schema_is_made_of_is_linked() {
    let tag = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let list = json!({"type": "object", "properties": {"items": {"type": "array", "items": tag}}});
    let more = json!({"allOf": [
        {"$ref": "#/components/schemas/Tag"},
        {"type": "object", "properties": {"rule": {"type": "integer"}}},
    ]});
    let schemas = json!({"List_Tag": list, "List_Gone": list, "Tag": tag, "TagWithRule": more});
    let schemas = Schema::all(&json!({"components": {"schemas": schemas}}));
    let schema = |name: &str| schemas.iter().find(|schema| schema.name == name).unwrap();

    let items = &schema("List_Tag").fields[0].kind;
    assert_eq!(
        (&*items.text, items.schema.as_deref()),
        ("list of Tag", Some("Tag"))
    );
    assert_eq!(schema("List_Gone").fields[0].kind.text, "list of object");

    let more = schema("TagWithRule");
    let bases = more.bases.as_ref().unwrap();
    assert_eq!(
        (&*bases.text, bases.schema.as_deref()),
        ("Tag", Some("Tag"))
    );
    assert!(more.kind.is_none() && more.fields[0].name == "rule");
}
