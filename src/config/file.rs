use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, ValueDeserializer};

use super::schema::{self, Schema, Setting, Settings};
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
        settings: Settings::new(),
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
    reader.read_table("", document.get_ref())?;
    Ok(reader.settings)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    schema: &'a Schema,
    settings: Settings,
}

impl Reader<'_> {
    fn read_table(&mut self, table: &str, entries: &DeTable<'_>) -> Result<(), ConfigError> {
        // The parser sorts by name, but a reader of the file meets the errors from above.
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let path = schema::join(table, name.get_ref());
            let position = self.position(name.span().start);
            if self.schema.key(&path).is_some() {
                let place = Place::File {
                    position,
                    key: path.clone(),
                };
                // Whatever was parsed is a value, unless it is a number that needs more bits.
                let Ok(value) = Value::deserialize(ValueDeserializer::from(value.clone())) else {
                    let reason = "holds a number that does not fit into 64 bits".to_owned();
                    return Err(ConfigError::Value { place, reason });
                };
                self.settings.insert(path, Setting { place, value });
            } else if !self.schema.table(&path) {
                return Err(ConfigError::UnknownKey {
                    neighbour: self.schema.neighbour(&path).to_owned(),
                    position,
                    key: path,
                });
            } else if let Some(entries) = value.get_ref().as_table() {
                self.read_table(&path, entries)?;
            } else {
                return Err(ConfigError::Value {
                    reason: format!("is a table: write [{path}], and its keys below"),
                    place: Place::File {
                        position,
                        key: path,
                    },
                });
            }
        }
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
