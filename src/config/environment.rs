use berth_oci::{InvalidName, ProjectName};
use toml::Value;

use super::schema::{self, Kind, NAME, Schema};
use super::settings::{Entry, Keys, Setting, Settings};
use super::{ConfigError, Place};

const PREFIX: &str = "BERTH_";

/// Lays the variables that begin with `BERTH_` over what the file gave.
pub(super) fn overlay(
    settings: &mut Settings,
    environment: impl IntoIterator<Item = (String, String)>,
    schema: &Schema,
) -> Result<(), ConfigError> {
    // In their order, which is chance otherwise, so that the same variables make the same entries.
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort();
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if not_configuration(&name) {
            continue;
        }
        let (path, word) = read_name(rest, schema);
        // Compared as a whole, so that `BERTH_listen` is not taken for `BERTH_LISTEN`.
        let Some(key) = schema
            .key(&path)
            .filter(|_| variable(&path, word, schema) == name)
        else {
            return Err(ConfigError::UnknownVariable {
                neighbour: variable(schema.neighbour_key(&path), word, schema),
                name,
            });
        };
        let value = match key.kind {
            Kind::Text | Kind::Secret { .. } => Some(Value::String(text.clone())),
            Kind::Texts => Some(Value::Array(texts(&text))),
            Kind::Number { .. } => text.parse().ok().map(Value::Integer),
            Kind::Switch => text.parse().ok().map(Value::Boolean),
        };
        let place = Place::Variable(name.clone());
        let Some(value) = value else {
            return Err(ConfigError::Value {
                place,
                reason: format!("takes {}, not `{text}`", key.kind.expected()),
            });
        };
        let keys = match schema.list_of(&path).zip(word) {
            Some(((list, key), word)) => entry_keys(settings, list, key, word, &place)?,
            None => &mut settings.keys,
        };
        keys.insert(path, Setting { place, value });
    }
    Ok(())
}

/// The path of the key that a variable seems to name, and the word for the entry if there is one.
fn read_name<'a>(variable: &'a str, schema: &Schema) -> (String, Option<&'a str>) {
    let path = |text: &str| text.to_lowercase().replace("__", ".");
    let in_list = schema.lists().iter().find_map(|list| {
        let rest = variable.strip_prefix(&capitals(list))?.strip_prefix("__")?;
        let (word, key) = rest.rsplit_once("__")?;
        Some((schema::join(list, &path(key)), Some(word)))
    });
    in_list.unwrap_or_else(|| (path(variable), None))
}

/// Where a key of the entry that a word stands for goes; the entry is made if there is none.
fn entry_keys<'a>(
    settings: &'a mut Settings,
    list: &str,
    key: &str,
    word: &str,
    place: &Place,
) -> Result<&'a mut Keys, ConfigError> {
    let refused = |reason| ConfigError::Value {
        place: place.clone(),
        reason,
    };
    if key == NAME {
        return Err(refused(
            "is of no use, since the variables of an entry hold its name: leave it out, or write \
             the name to the file"
                .to_owned(),
        ));
    }
    let fits = |entry: &Entry| entry.list == list && word_of(&entry.name) == word;
    let entries = &mut settings.entries;
    let mut fitting = (0..entries.len()).filter(|&index| fits(&entries[index]));
    let index = match (fitting.next(), fitting.next()) {
        (Some(index), None) => index,
        (Some(one), Some(other)) => {
            return Err(refused(format!(
                "stands for `{}` as well as for `{}`: give one of them another name",
                entries[one].name, entries[other].name
            )));
        }
        (None, _) => {
            entries.push(new_entry(list, word, place)?);
            entries.len() - 1
        }
    };
    Ok(&mut entries[index].keys)
}

fn new_entry(list: &str, word: &str, place: &Place) -> Result<Entry, ConfigError> {
    let name = word.to_lowercase();
    let parsed = name.parse();
    let setting = Setting {
        place: place.clone(),
        value: Value::String(name),
    };
    Ok(Entry {
        list: list.to_owned(),
        name: parsed.map_err(|error: InvalidName| ConfigError::Value {
            place: place.clone(),
            reason: error.to_string(),
        })?,
        keys: Keys::from([(schema::join(list, NAME), setting)]),
    })
}

/// What stands for an entry in the names of variables, which can hold neither `-` nor `.`.
fn word_of(name: &ProjectName) -> String {
    name.as_str().to_uppercase().replace(['-', '.'], "_")
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

/// The variable of a key; `word` stands for the entry if the key is one of a list.
pub(super) fn variable(path: &str, word: Option<&str>, schema: &Schema) -> String {
    match schema.list_of(path) {
        Some((list, name)) => {
            let word = word.map_or_else(|| "<NAME>".to_owned(), str::to_uppercase);
            format!("{PREFIX}{}__{word}__{}", capitals(list), capitals(name))
        }
        None => format!("{PREFIX}{}", capitals(path)),
    }
}

fn capitals(path: &str) -> String {
    path.to_uppercase().replace('.', "__")
}
