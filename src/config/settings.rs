//! What was given, before it is known whether it fits.

use std::collections::BTreeMap;
use std::iter;

use berth_oci::ProjectName;
use toml::{Table, Value};

use super::schema::{self, NAME};
use super::{ConfigError, Place};

/// What was given for each key, by its path.
pub(super) type Keys = BTreeMap<String, Setting>;

#[derive(Clone)]
pub(super) struct Setting {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Default)]
pub(super) struct Settings {
    pub(super) keys: Keys,
    /// Those of the file as they follow on each other there, then those of the environment.
    pub(super) entries: Vec<Entry>,
}

/// A table of a list.
pub(super) struct Entry {
    pub(super) list: String,
    pub(super) name: ProjectName,
    /// By the path from the root, so that the keys of all entries of a list have the same paths.
    pub(super) keys: Keys,
}

impl Settings {
    /// The keys outside of lists, then those of each entry.
    pub(super) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Keys> {
        iter::once(&mut self.keys).chain(self.entries.iter_mut().map(|entry| &mut entry.keys))
    }

    pub(super) fn entries_of(&self, list: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.list == list)
    }

    /// Where each value was given, with a document that holds this one alone.
    pub(super) fn each_alone(&self) -> impl Iterator<Item = (&str, &Setting, Table)> {
        let keys = self.keys.iter().map(|(path, setting)| {
            let mut document = Table::new();
            insert(&mut document, path, setting.value.clone());
            (path.as_str(), setting, document)
        });
        keys.chain(self.entries.iter().flat_map(Entry::each_alone))
    }

    /// All of it, as if it were one file.
    pub(super) fn document(&self) -> Table {
        let mut document = Table::new();
        for (path, setting) in &self.keys {
            insert(&mut document, path, setting.value.clone());
        }
        for entry in &self.entries {
            append(&mut document, &entry.list, entry.table(|_| true));
        }
        document
    }
}

impl Entry {
    /// Where a key was given, or if it was not, where the entry begins.
    pub(super) fn place(&self, path: &str) -> &Place {
        let setting = self.keys.get(path).unwrap_or_else(|| self.name_setting());
        &setting.place
    }

    pub(super) fn refused(&self, path: &str, reason: impl ToString) -> ConfigError {
        ConfigError::Value {
            place: self.place(path).clone(),
            reason: reason.to_string(),
        }
    }

    fn name_setting(&self) -> &Setting {
        let name = self.keys.get(&schema::join(&self.list, NAME));
        name.expect("an entry is made with its name")
    }

    fn each_alone(&self) -> impl Iterator<Item = (&str, &Setting, Table)> {
        self.keys.iter().map(|(path, setting)| {
            let mut document = Table::new();
            append(&mut document, &self.list, self.table(|other| other == path));
            (path.as_str(), setting, document)
        })
    }

    /// The name, and those of the other keys that are wanted.
    fn table(&self, wanted: impl Fn(&str) -> bool) -> Table {
        let mut table = Table::new();
        table.insert(NAME.to_owned(), self.name_setting().value.clone());
        for (path, setting) in self.keys.iter().filter(|(path, _)| wanted(path)) {
            let name = &path[self.list.len() + ".".len()..];
            insert(&mut table, name, setting.value.clone());
        }
        table
    }
}

/// Puts a value where a path such as `limits.idle_seconds` says.
fn insert(document: &mut Table, path: &str, value: Value) {
    let (table, name) = table_of(document, path);
    table.insert(name.to_owned(), value);
}

fn append(document: &mut Table, list: &str, entry: Table) {
    let (table, name) = table_of(document, list);
    let list = table
        .entry(name)
        .or_insert_with(|| Value::Array(Vec::new()));
    let entries = list.as_array_mut().expect("no list is a key too");
    entries.push(Value::Table(entry));
}

/// The table that a path leads to, and the name that is left of it there.
fn table_of<'a, 'p>(document: &'a mut Table, path: &'p str) -> (&'a mut Table, &'p str) {
    match path.split_once('.') {
        None => (document, path),
        Some((table, rest)) => {
            let table = document
                .entry(table)
                .or_insert_with(|| Value::Table(Table::new()));
            table_of(table.as_table_mut().expect("no key is a table too"), rest)
        }
    }
}
