use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use toml::Value;

use super::secret;

/// The keys that a tree of structs has.
pub(super) struct Schema {
    keys: BTreeMap<String, Key>,
    tables: Vec<String>,
    /// Lists of tables, whose entries have the keys that begin with the path of the list.
    lists: Vec<String>,
}

/// The key that each entry of a list is known by.
pub(super) const NAME: &str = "name";

pub(super) struct Key {
    pub(super) kind: Kind,
    /// The doc comment of the field, on one line.
    pub(super) meaning: String,
    /// Whether there may be no value, so that there is no default to show either.
    #[cfg(test)]
    pub(super) optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Also what is written as text and has a form of its own: an address, a path, a choice.
    Text,
    /// A text that no message may show.
    Secret {
        least_characters: usize,
    },
    /// A list of texts; in the environment they have commas between them.
    Texts,
    Number {
        least: i64,
        most: i64,
    },
    Switch,
}

impl Schema {
    pub(super) fn of<T: JsonSchema>() -> Self {
        // Inlined, each table stands where its keys are, and there are no references to follow.
        let generator = SchemaSettings::draft2020_12()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator();
        let mut schema = Self {
            keys: BTreeMap::new(),
            tables: Vec::new(),
            lists: Vec::new(),
        };
        schema.collect("", &generator.into_root_schema_for::<T>());
        schema
    }

    fn collect(&mut self, table: &str, declared: &schemars::Schema) {
        let fields = declared
            .get("properties")
            .and_then(|fields| fields.as_object());
        for (name, field) in fields.into_iter().flatten() {
            let field: &schemars::Schema = field.try_into().expect("a field's schema is an object");
            let path = join(table, name);
            if field.get("properties").is_some() {
                self.collect(&path, field);
                self.tables.push(path);
            } else if let Some(entry) = entry_of(field) {
                self.collect(&path, entry);
                self.lists.push(path);
            } else {
                let key = Key::of(field);
                if let Kind::Secret { .. } = key.kind {
                    self.keys.insert(secret::twin(&path), Key::twin_of(name));
                }
                self.keys.insert(path, key);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> &BTreeMap<String, Key> {
        &self.keys
    }

    pub(super) fn key(&self, path: &str) -> Option<&Key> {
        self.keys.get(path)
    }

    /// The paths of the keys that hold secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.keys
            .iter()
            .filter(|(_, key)| matches!(key.kind, Kind::Secret { .. }))
            .map(|(path, _)| path.as_str())
    }

    pub(super) fn table(&self, path: &str) -> bool {
        self.tables.iter().any(|table| table == path)
    }

    pub(super) fn lists(&self) -> &[String] {
        &self.lists
    }

    /// The list whose entries have this key, and the rest of the key.
    pub(super) fn list_of<'a>(&self, path: &'a str) -> Option<(&str, &'a str)> {
        self.lists
            .iter()
            .find_map(|list| Some((list.as_str(), path.strip_prefix(list)?.strip_prefix('.')?)))
    }

    /// The key, table or list whose name is most like `unknown`.
    pub(super) fn neighbour(&self, unknown: &str) -> &str {
        let names = self.keys.keys().chain(&self.tables).chain(&self.lists);
        most_like(unknown, names).expect("the configuration has keys")
    }

    /// The key whose name is most like `unknown`.
    pub(super) fn neighbour_key(&self, unknown: &str) -> &str {
        most_like(unknown, self.keys.keys()).expect("the configuration has keys")
    }

    /// Compares a value with the kind of its key and the limits declared for it; what else a value
    /// must be is for its type to say.
    pub(super) fn check(&self, path: &str, value: &Value) -> Result<(), UnfitValue> {
        let key = self.key(path).expect("only known keys are set");
        match (key.kind, value) {
            (Kind::Number { least, most }, Value::Integer(number)) => {
                if (least..=most).contains(number) {
                    Ok(())
                } else {
                    Err(UnfitValue::Outside {
                        least,
                        most,
                        number: *number,
                        meaning: first_sentence(&key.meaning).to_owned(),
                    })
                }
            }
            (Kind::Text, Value::String(text)) if text.is_empty() => Err(UnfitValue::Empty),
            (Kind::Secret { least_characters }, Value::String(text)) => {
                if text.chars().count() >= least_characters {
                    Ok(())
                } else {
                    Err(UnfitValue::Short { least_characters })
                }
            }
            (Kind::Text, Value::String(_)) | (Kind::Switch, Value::Boolean(_)) => Ok(()),
            (Kind::Texts, Value::Array(texts)) => texts.iter().try_for_each(check_text_of_list),
            (kind, value) => Err(UnfitValue::Kind {
                expected: kind.expected(),
                actual: value.type_str(),
            }),
        }
    }
}

impl Key {
    fn of(field: &schemars::Schema) -> Self {
        let number = |name: &str| field.get(name).and_then(|limit| limit.as_i64());
        let meaning = field.get("description").and_then(|text| text.as_str());
        let types = field.get("type");
        // An `Option` has the types of its content and "null".
        let has_type = |name: &str| {
            types.is_some_and(|types| {
                types.as_str() == Some(name)
                    || types
                        .as_array()
                        .is_some_and(|types| types.iter().any(|kind| kind.as_str() == Some(name)))
            })
        };
        let kind = if has_type("integer") {
            Kind::Number {
                least: number("minimum").unwrap_or(i64::MIN),
                most: number("maximum").unwrap_or(i64::MAX),
            }
        } else if has_type("boolean") {
            Kind::Switch
        } else if has_type("array") {
            Kind::Texts
        } else if field.get("writeOnly").is_some() {
            let least = field.get("minLength").and_then(|limit| limit.as_u64());
            Kind::Secret {
                least_characters: least.map_or(1, |least| least as usize),
            }
        } else {
            Kind::Text
        };
        Self {
            kind,
            meaning: meaning
                .unwrap_or_default()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            #[cfg(test)]
            optional: has_type("null"),
        }
    }

    fn twin_of(name: &str) -> Self {
        Self {
            kind: Kind::Text,
            meaning: format!(
                "File that {name} is read from, in place of giving it here; a line break at its \
                 end is left out."
            ),
            #[cfg(test)]
            optional: true,
        }
    }
}

impl Kind {
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Secret { .. } => "a text in quotes",
            Self::Texts => "a list of texts in quotes",
            Self::Number { .. } => "a whole number",
            Self::Switch => "true or false",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnfitValue {
    #[error("takes {expected}, not a value of the kind {actual}")]
    Kind {
        expected: &'static str,
        actual: &'static str,
    },
    #[error("is empty: leave the key out to have its default")]
    Empty,
    #[error("takes a list of texts in quotes, not one that holds a value of the kind {actual}")]
    KindInList { actual: &'static str },
    #[error("is a list that holds an empty text: leave it out")]
    EmptyInList,
    /// Says nothing of the text that was given.
    #[error("takes a text of at least {least_characters} characters")]
    Short { least_characters: usize },
    #[error("takes a whole number from {least} to {most}, not {number} ({meaning})")]
    Outside {
        least: i64,
        most: i64,
        number: i64,
        meaning: String,
    },
}

/// The schema of the entries, if the field is a list of tables.
fn entry_of(field: &schemars::Schema) -> Option<&schemars::Schema> {
    let entry: &schemars::Schema = field.get("items")?.try_into().ok()?;
    entry.get("properties").map(|_| entry)
}

fn check_text_of_list(value: &Value) -> Result<(), UnfitValue> {
    match value {
        Value::String(text) if text.is_empty() => Err(UnfitValue::EmptyInList),
        Value::String(_) => Ok(()),
        value => Err(UnfitValue::KindInList {
            actual: value.type_str(),
        }),
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

pub(super) fn join(table: &str, name: &str) -> String {
    if table.is_empty() {
        name.to_owned()
    } else {
        format!("{table}.{name}")
    }
}

fn most_like<'a>(unknown: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let last = |path: &'_ str| path.rfind('.').map_or(0, |dot| dot + 1);
    // The last parts alone find a key that was put into the wrong table; of two keys with the same
    // last part, the wholes decide.
    let likeness = |name: &str| {
        let whole = strsim::jaro_winkler(unknown, name);
        let parts = strsim::jaro_winkler(&unknown[last(unknown)..], &name[last(name)..]);
        (whole.max(parts), whole)
    };
    names.map(String::as_str).max_by(|one, other| {
        let (one, other) = (likeness(one), likeness(other));
        one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1))
    })
}
