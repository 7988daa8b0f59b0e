use serde_json::Value;

use super::prose::Prose;
use super::schema::Kind;
use super::{prose_of, text_of};

/// The operations of one kind of thing.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) operations: Vec<Operation>,
}

pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: Prose,
    pub(super) description: Prose,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Content>,
    pub(super) answers: Vec<Answer>,
}

pub(super) struct Parameter {
    pub(super) name: String,
    /// `path` or `query`.
    pub(super) place: String,
    pub(super) required: bool,
    pub(super) kind: Kind,
    pub(super) description: Prose,
}

pub(super) struct Content {
    pub(super) kind: Kind,
    /// As JSON over several lines.
    pub(super) example: Option<String>,
}

pub(super) struct Answer {
    pub(super) status: String,
    pub(super) description: Prose,
    pub(super) content: Option<Content>,
}

impl Group {
    /// In the order in which their first operations stand in the document.
    pub(super) fn all(document: &Value) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (path, operations) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                let name = operation["tags"][0].as_str().unwrap_or_default();
                let place = groups.iter().position(|group| group.name == name);
                let place = place.unwrap_or_else(|| {
                    groups.push(Self {
                        name: name.to_owned(),
                        operations: Vec::new(),
                    });
                    groups.len() - 1
                });
                let operation = Operation::of(document, path, method, operation);
                groups[place].operations.push(operation);
            }
        }
        groups
    }
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let answers = operation["responses"].as_object().into_iter().flatten();
        Self {
            id: text_of(operation, "operationId"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: prose_of(operation, "summary"),
            description: prose_of(operation, "description"),
            parameters: parameters.map(Parameter::of).collect(),
            body: Content::of(document, &operation["requestBody"]["content"]),
            answers: answers
                .map(|(status, answer)| Answer {
                    status: status.clone(),
                    description: prose_of(answer, "description"),
                    content: Content::of(document, &answer["content"]),
                })
                .collect(),
        }
    }
}

impl Parameter {
    fn of(parameter: &Value) -> Self {
        Self {
            name: text_of(parameter, "name"),
            place: text_of(parameter, "in"),
            required: parameter["required"] == true,
            kind: Kind::of(&parameter["schema"]),
            description: prose_of(parameter, "description"),
        }
    }
}

impl Content {
    fn of(document: &Value, content: &Value) -> Option<Self> {
        let (_, content) = content.as_object()?.iter().next()?;
        let kind = Kind::of(&content["schema"]);
        let schema = kind.schema.as_ref();
        let schema = schema.map(|name| &document["components"]["schemas"][name.as_str()]);
        let example = schema
            .map(|schema| &schema["example"])
            .filter(|example| !example.is_null());
        Some(Self {
            example: example.map(|example| format!("{example:#}")),
            kind,
        })
    }
}
