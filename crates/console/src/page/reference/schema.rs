use serde_json::{Map, Value};

use super::text_of;

/// What a value is: words, and the schema that says more.
pub(super) struct Kind {
    pub(super) text: String,
    pub(super) schema: Option<String>,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) description: String,
}

/// A named schema of the document.
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) description: String,
    /// What it is, if it is no object with fields.
    pub(super) kind: Option<Kind>,
    pub(super) fields: Vec<Field>,
}

impl Schema {
    pub(super) fn all(document: &Value) -> Vec<Self> {
        let schemas = document["components"]["schemas"].as_object();
        let schemas = schemas.into_iter().flatten();
        let schema = |(name, schema): (&String, &Value)| Self {
            name: name.clone(),
            description: text_of(schema, "description"),
            kind: schema["properties"].is_null().then(|| Kind::of(schema)),
            fields: Field::all(schema),
        };
        schemas.map(schema).collect()
    }
}

impl Field {
    /// The fields of an object, and of what it consists of.
    fn all(schema: &Value) -> Vec<Self> {
        let required = |name: &str| {
            let required = schema["required"].as_array();
            required.is_some_and(|names| names.iter().any(|required| required == name))
        };
        let properties = schema["properties"].as_object().into_iter().flatten();
        let own = properties.map(|(name, value)| Self {
            name: name.clone(),
            kind: Kind::of(value),
            required: required(name),
            description: text_of(value, "description"),
        });
        let parts = schema["allOf"].as_array().into_iter().flatten();
        own.chain(parts.flat_map(Self::all)).collect()
    }
}

impl Kind {
    pub(super) fn of(schema: &Value) -> Self {
        let Some(object) = schema.as_object() else {
            return Self::named("anything");
        };
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            return Self {
                text: name.to_owned(),
                schema: Some(name.to_owned()),
            };
        }
        for (choice, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
            if let Some(choices) = object.get(choice).and_then(Value::as_array) {
                return Self::joined(choices.iter().map(Self::of), between);
            }
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            let values = values.iter().map(|value| Self::named(&value.to_string()));
            return Self::joined(values, " or ");
        }
        let types = match object.get("type") {
            Some(Value::Array(types)) => types.clone(),
            Some(one) => vec![one.clone()],
            None => return Self::named("anything"),
        };
        let types = types.iter().filter_map(Value::as_str);
        Self::joined(types.map(|name| Self::of_type(name, object)), " or ")
    }

    fn of_type(name: &str, object: &Map<String, Value>) -> Self {
        let of_items = |items: &Value, what: &str| {
            let items = Self::of(items);
            Self {
                text: format!("{what} {}", items.text),
                schema: items.schema,
            }
        };
        match (
            name,
            object.get("items"),
            object.get("additionalProperties"),
        ) {
            ("array", Some(items), _) => of_items(items, "list of"),
            ("object", _, Some(values)) if values.is_object() => {
                of_items(values, "map of names to")
            }
            // The limits are those of what it is otherwise.
            ("null", _, _) => Self::named(name),
            _ => {
                let format = object.get("format").and_then(Value::as_str);
                let limits = ["minimum", "maximum", "minLength", "maxLength", "pattern"];
                let limits = limits.iter().filter_map(|limit| {
                    let value = object.get(*limit)?;
                    Some(match value {
                        // Matches everything.
                        Value::String(text) if text == "^" => return None,
                        Value::String(text) => format!("{limit} {text}"),
                        value => format!("{limit} {value}"),
                    })
                });
                let more: Vec<_> = format
                    .map(str::to_owned)
                    .into_iter()
                    .chain(limits)
                    .collect();
                match more[..] {
                    [] => Self::named(name),
                    _ => Self::named(&format!("{name} ({})", more.join(", "))),
                }
            }
        }
    }

    fn named(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            schema: None,
        }
    }

    /// What is any or all of these; of a schema and null, the schema is what is linked.
    fn joined(kinds: impl Iterator<Item = Self>, between: &str) -> Self {
        let kinds: Vec<_> = kinds.collect();
        let texts: Vec<_> = kinds.iter().map(|kind| kind.text.as_str()).collect();
        Self {
            text: texts.join(between),
            schema: kinds.iter().find_map(|kind| kind.schema.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
