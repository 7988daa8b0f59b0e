use std::fmt;
use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Value;

use super::ConfigError;
use super::schema::Schema;
use super::settings::{Keys, Setting};

/// A text that is never shown. A key of this type has a twin of the same name and `_file`, which
/// names the file to read it from.
///
/// `writeOnly` is what the schema knows it by; the limit of its length is declared at the field.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("writeOnly" = true))]
pub(crate) struct Secret(String);

impl AsRef<str> for Secret {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The path of the key that names the file of a secret.
pub(super) fn twin(path: &str) -> String {
    format!("{path}_file")
}

/// Puts the contents of files in the place of the keys that name them.
pub(super) fn read_files(keys: &mut Keys, schema: &Schema) -> Result<(), ConfigError> {
    for path in schema.secrets() {
        let Some(Setting { place, value }) = keys.remove(&twin(path)) else {
            continue;
        };
        if let Some(other) = keys.get(path) {
            let places = Box::new([other.place.clone(), place]);
            return Err(ConfigError::Twice { places });
        }
        if let Err(problem) = schema.check(&twin(path), &value) {
            let reason = problem.to_string();
            return Err(ConfigError::Value { place, reason });
        }
        let file = Path::new(value.as_str().expect("the twin of a secret is a text"));
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(source) => {
                let file = file.to_owned();
                return Err(ConfigError::ReadSecret {
                    place,
                    file,
                    source,
                });
            }
        };
        let value = Value::String(without_line_break(&text).to_owned());
        keys.insert(path.to_owned(), Setting { place, value });
    }
    Ok(())
}

/// Editors and `echo` end a file with one, which is no part of the secret.
fn without_line_break(text: &str) -> &str {
    text.strip_suffix("\r\n")
        .or(text.strip_suffix('\n'))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests;
