use serde_json::{Map, Value};

use super::prose::Prose;
use super::prose_of;

/// How the schemas of lists begin; the rest is the name of what is in them.
const LIST: &str = "List_";

/// What a value is: words, and the schema that says more.
pub(super) struct Kind {
    pub(super) text: String,
    pub(super) schema: Option<String>,
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) description: Prose,
}

/// A named schema of the document.
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) description: Prose,
    /// What it is, if it is no object with fields.
    pub(super) kind: Option<Kind>,
    /// The schemas whose fields it has beside its own.
    pub(super) bases: Option<Kind>,
    pub(super) fields: Vec<Field>,
}

impl Schema {
    pub(super) fn all(document: &Value) -> Vec<Self> {
        let Some(schemas) = document["components"]["schemas"].as_object() else {
            return Vec::new();
        };
        let schema = |(name, schema): (&String, &Value)| {
            let plain = schema["properties"].is_null() && schema["allOf"].is_null();
            let mut fields = Field::all(schema);
            // The document writes out what a list holds.
            let item = name.strip_prefix(LIST);
            if let Some(item) = item.filter(|item| schemas.contains_key(*item))
                && let Some(items) = fields.iter_mut().find(|field| field.name == "items")
            {
                items.kind = Kind::list_of(Kind::schema(item));
            }
            Self {
                name: name.clone(),
                description: prose_of(schema, "description"),
                kind: plain.then(|| Kind::of(schema)),
                bases: Kind::bases(schema),
                fields,
            }
        };
        schemas.iter().map(schema).collect()
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
            description: prose_of(value, "description"),
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
            return Self::schema(reference.rsplit('/').next().unwrap_or(reference));
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
        match (
            name,
            object.get("items"),
            object.get("additionalProperties"),
        ) {
            ("array", Some(items), _) => Self::list_of(Self::of(items)),
            ("object", _, Some(values)) if values.is_object() => {
                Self::of(values).behind("map of names to")
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

    fn bases(schema: &Value) -> Option<Self> {
        let parts = schema["allOf"].as_array()?.iter();
        let bases = parts.filter(|part| part["$ref"].is_string());
        Some(Self::joined(bases.map(Self::of), " and "))
    }

    fn schema(name: &str) -> Self {
        Self {
            text: name.to_owned(),
            schema: Some(name.to_owned()),
        }
    }

    fn list_of(item: Self) -> Self {
        item.behind("list of")
    }

    fn behind(self, words: &str) -> Self {
        Self {
            text: format!("{words} {}", self.text),
            ..self
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
