use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

/// A container as `docker inspect` shows it.
#[derive(Clone, Debug)]
pub struct Container {
    pub document: Value,
}

impl Container {
    pub(super) fn new(document: Value) -> Self {
        Self { document }
    }

    pub fn id(&self) -> &str {
        self.text("/Id")
    }

    pub fn name(&self) -> &str {
        self.text("/Name").trim_start_matches('/')
    }

    /// The id of its image, which is the digest of the image's config.
    pub fn image(&self) -> &str {
        self.text("/Image")
    }

    pub fn runs(&self) -> bool {
        self.document["State"]["Running"] == true
    }

    pub fn started_at(&self) -> DateTime<FixedOffset> {
        let text = self.text("/State/StartedAt");
        DateTime::parse_from_rfc3339(text).expect("a time")
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        self.document["Config"]["Labels"][name].as_str()
    }

    /// Where what is mounted: from which volume or folder, and whether it can be written.
    pub fn mounts(&self) -> BTreeMap<String, String> {
        let mounts = self.document["Mounts"].as_array().expect("a list").iter();
        mounts
            .map(|mount| {
                let source = mount["Name"].as_str().or(mount["Source"].as_str());
                let target = mount["Destination"].as_str().expect("a path");
                let source = source.expect("a source");
                (
                    target.to_owned(),
                    format!("{source}, writable {}", mount["RW"]),
                )
            })
            .collect()
    }

    /// The names of the volumes that are mounted.
    pub fn volumes(&self) -> Vec<String> {
        let mounts = self.document["Mounts"].as_array().into_iter().flatten();
        let names = mounts.filter_map(|mount| mount["Name"].as_str());
        names.map(str::to_owned).collect()
    }

    /// Its names on a network, but the one that is made of its id.
    pub fn aliases(&self, network: &str) -> Vec<String> {
        let aliases = &self.document["NetworkSettings"]["Networks"][network]["Aliases"];
        let aliases = aliases.as_array().into_iter().flatten();
        let aliases = aliases.filter_map(Value::as_str);
        let mut aliases: Vec<_> = aliases
            .filter(|alias| !self.id().starts_with(*alias))
            .map(str::to_owned)
            .collect();
        aliases.sort();
        aliases.dedup();
        aliases
    }

    fn text(&self, pointer: &str) -> &str {
        let value = self.document.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no {pointer} in {}", self.document))
    }
}
