use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use berth_oci::InvalidName;
use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::schema::{self, NAME, Schema};
use super::settings::{Entry, Keys, Setting, Settings};
use super::{ConfigError, Place};

/// A place in a file; lines and columns begin at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    path: PathBuf,
    line: usize,
    column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

pub(super) fn read(path: &Path, schema: &Schema) -> Result<Settings, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut reader = Reader {
        path,
        text: &text,
        schema,
        entries: Vec::new(),
    };
    let (document, errors) = DeTable::parse_recoverable(&text);
    let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    if let Some(error) = errors.iter().min_by_key(|error| start(error)) {
        return Err(ConfigError::Syntax {
            position: reader.position(start(error)),
            // The whole error would show the line too, and with it perhaps a secret.
            reason: error.message().to_owned(),
        });
    }
    let keys = reader.read_table("", document.get_ref())?;
    Ok(Settings {
        keys,
        entries: reader.entries,
    })
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    schema: &'a Schema,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn read_table(&mut self, table: &str, entries: &DeTable<'_>) -> Result<Keys, ConfigError> {
        let mut keys = Keys::new();
        // The parser sorts by name, but a reader of the file meets the errors from above.
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let path = schema::join(table, name.get_ref());
            let position = self.position(name.span().start);
            let refused = |reason| ConfigError::Value {
                place: Place::File {
                    position: position.clone(),
                    key: path.clone(),
                },
                reason,
            };
            if self.schema.key(&path).is_some() {
                // Whatever was parsed is a value, unless it is a number that needs more bits.
                let value = Value::deserialize(ValueDeserializer::from(value.clone()));
                let value = value.map_err(|_| {
                    refused("holds a number that does not fit into 64 bits".to_owned())
                })?;
                let place = Place::File {
                    position,
                    key: path.clone(),
                };
                keys.insert(path, Setting { place, value });
            } else if self.schema.table(&path) {
                let entries = value.get_ref().as_table().ok_or_else(|| {
                    refused(format!("is a table: write [{path}], and its keys below"))
                })?;
                keys.append(&mut self.read_table(&path, entries)?);
            } else if self.schema.lists().contains(&path) {
                let tables = tables(value).ok_or_else(|| {
                    refused(format!(
                        "is a list of tables: write [[{path}]] above the keys of each entry"
                    ))
                })?;
                for (start, entries) in tables {
                    self.read_entry(&path, start, entries)?;
                }
            } else {
                return Err(ConfigError::UnknownKey {
                    neighbour: self.schema.neighbour(&path).to_owned(),
                    position,
                    key: path,
                });
            }
        }
        Ok(keys)
    }

    fn read_entry(
        &mut self,
        list: &str,
        start: usize,
        entries: &DeTable<'_>,
    ) -> Result<(), ConfigError> {
        let keys = self.read_table(list, entries)?;
        let path = schema::join(list, NAME);
        let Some(Setting { place, value }) = keys.get(&path) else {
            let position = self.position(start);
            return Err(ConfigError::Value {
                place: Place::File {
                    position,
                    key: list.to_owned(),
                },
                reason: format!("is an entry without a name: give it a `{NAME}`"),
            });
        };
        let refused = |reason| ConfigError::Value {
            place: place.clone(),
            reason,
        };
        let text = value.as_str().ok_or_else(|| {
            let unfit = self.schema.check(&path, value);
            refused(unfit.expect_err("a name is a text").to_string())
        })?;
        let name = text
            .parse()
            .map_err(|error: InvalidName| refused(error.to_string()))?;
        let same = |entry: &&Entry| entry.list == list && entry.name == name;
        if let Some(other) = self.entries.iter().find(same) {
            return Err(refused(format!(
                "is the name of another entry too, at {}: each needs a name of its own",
                other.place(&path)
            )));
        }
        self.entries.push(Entry {
            list: list.to_owned(),
            name,
            keys,
        });
        Ok(())
    }

    fn position(&self, offset: usize) -> Position {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

/// The tables of a list, and where each begins; `None` if it is not a list of tables.
fn tables<'a>(list: &'a Spanned<DeValue<'a>>) -> Option<Vec<(usize, &'a DeTable<'a>)>> {
    let entries = list.get_ref().as_array()?.iter();
    entries
        .map(|entry| Some((entry.span().start, entry.get_ref().as_table()?)))
        .collect()
}
