use toml::Value;

use super::schema::{Kind, Schema, Setting, Settings};
use super::{ConfigError, Place};

const PREFIX: &str = "BERTH_";

/// Lays the variables that begin with `BERTH_` over what the file gave.
pub(super) fn overlay(
    settings: &mut Settings,
    environment: impl IntoIterator<Item = (String, String)>,
    schema: &Schema,
) -> Result<(), ConfigError> {
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if not_configuration(&name) {
            continue;
        }
        let path = rest.to_lowercase().replace("__", ".");
        // Compared as a whole, so that `BERTH_listen` is not taken for `BERTH_LISTEN`.
        let Some(key) = schema.key(&path).filter(|_| variable(&path) == name) else {
            return Err(ConfigError::UnknownVariable {
                neighbour: variable(schema.neighbour_key(&path)),
                name,
            });
        };
        let place = Place::Variable(name);
        let value = match key.kind {
            Kind::Text | Kind::Secret { .. } => Some(Value::String(text.clone())),
            Kind::Texts => Some(Value::Array(texts(&text))),
            Kind::Number { .. } => text.parse().ok().map(Value::Integer),
            Kind::Switch => text.parse().ok().map(Value::Boolean),
        };
        let Some(value) = value else {
            return Err(ConfigError::Value {
                place,
                reason: format!("takes {}, not `{text}`", key.kind.expected()),
            });
        };
        settings.insert(path, Setting { place, value });
    }
    Ok(())
}

fn texts(list: &str) -> Vec<Value> {
    if list.is_empty() {
        return Vec::new();
    }
    list.split(',')
        .map(|text| Value::String(text.trim().to_owned()))
        .collect()
}

/// Variables that begin like ours, but are read elsewhere, by tests, or come from Kubernetes: it
/// puts `BERTH_SERVICE_HOST`, `BERTH_PORT` and more into each pod beside a service named berth.
fn not_configuration(name: &str) -> bool {
    name == "BERTH_PORT"
        || ["BERTH_TEST_", "BERTH_SERVICE_", "BERTH_PORT_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

pub(super) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_uppercase().replace('.', "__"))
}
