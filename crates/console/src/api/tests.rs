use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::document;

fn described() -> Value {
    serde_json::to_value(document()).expect("a document of texts is JSON")
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

/// The method and path of each operation, and what is said of it.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    object(&document["paths"])
        .iter()
        .flat_map(|(path, item)| {
            let methods = object(item).iter();
            methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[test]
fn every_operation_has_an_id_of_its_own_and_says_what_it_does() {
    let document = described();
    let operations = operations(&document);
    assert!(
        operations.len() > 40,
        "only {} operations",
        operations.len()
    );
    let mut ids = BTreeSet::new();
    for (name, operation) in operations {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty(), "{name} has no operationId");
        assert!(ids.insert(id), "{name} is not the first {id}");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty(), "{name} has no summary");
        let tags = operation["tags"].as_array().expect("tags");
        assert_eq!(tags.len(), 1, "{name} has the tags {tags:?}");
    }
}

#[test]
fn every_answer_is_described() {
    let document = described();
    for (name, operation) in operations(&document) {
        let responses = object(&operation["responses"]);
        let succeeds = responses.keys().any(|status| status.starts_with('2'));
        assert!(succeeds, "{name} never succeeds");
        for (status, response) in responses {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{status} of {name}");
        }
    }
}

#[test]
fn every_path_parameter_has_an_example() {
    let document = described();
    for (name, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let has_example = parameter["example"].is_string() || parameter["in"] != "path";
            assert!(has_example, "{} of {name}", parameter["name"]);
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = described();
    let mut rest = vec![&document];
    let mut references = 0;
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    references += 1;
                    let pointer = reference.strip_prefix('#').expect("one in the document");
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                rest.extend(members.values());
            }
            Value::Array(items) => rest.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(references > 0, "no reference was found");
}
