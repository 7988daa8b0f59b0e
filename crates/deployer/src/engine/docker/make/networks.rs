//! The networks of the new container.

use std::collections::BTreeMap;

use berth_registry::sentence;
use serde_json::{Map, Value, json};

use crate::engine::docker::container::Container;

/// What was given for each network that a container is on. The container is made on the first, and
/// connected to the others, which every version of the API can do.
#[derive(Debug, Default)]
pub(in crate::engine::docker) struct Networks {
    first: Option<(String, Map<String, Value>)>,
    pub(in crate::engine::docker) others: BTreeMap<String, Map<String, Value>>,
}

/// Reads them off a container. Addresses that the engine chose are left to it.
pub(in crate::engine::docker) fn networks(old: &Container) -> Result<Networks, String> {
    let mode = match old.network_mode() {
        "default" | "" => "bridge",
        mode => mode,
    };
    if mode == "host" || mode == "none" || mode.starts_with("container:") {
        return Ok(Networks::default());
    }
    let all = &old.network_settings.networks;
    let by_id = |(_, endpoint): &(&String, &Map<String, Value>)| {
        endpoint.get("NetworkID").and_then(Value::as_str) == Some(mode)
    };
    let first = all.get_key_value(mode).or_else(|| all.iter().find(by_id));
    let Some((first, _)) = first else {
        return Err(sentence!(
            "{} was taken off the network {mode} that it was made on; `docker compose up -d` puts it back",
            old.name()
        ));
    };
    let given = |(name, endpoint)| (String::clone(name), given(old, endpoint));
    Ok(Networks {
        first: all.get_key_value(first).map(given),
        others: all
            .iter()
            .filter(|(name, _)| *name != first)
            .map(given)
            .collect(),
    })
}

fn given(old: &Container, endpoint: &Map<String, Value>) -> Map<String, Value> {
    let mut given = Map::new();
    for field in ["IPAMConfig", "Links", "DriverOpts", "GwPriority"] {
        if let Some(value) = endpoint.get(field).filter(|value| !value.is_null()) {
            given.insert(field.to_owned(), value.clone());
        }
    }
    let aliases = endpoint.get("Aliases").and_then(Value::as_array);
    let mut names: Vec<&str> = Vec::new();
    for name in aliases.into_iter().flatten().filter_map(Value::as_str) {
        // The engine adds the short id itself.
        if name != old.short_id() && !names.contains(&name) {
            names.push(name);
        }
    }
    if !names.is_empty() {
        given.insert("Aliases".to_owned(), json!(names));
    }
    given
}

impl Networks {
    /// All, in the order in which they are connected.
    pub(in crate::engine::docker) fn all(
        &self,
    ) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        let first = self.first.iter().map(|(name, given)| (name, given));
        first.chain(&self.others)
    }

    pub(super) fn config(&self) -> Value {
        let first = self
            .first
            .iter()
            .map(|(name, given)| (name.clone(), json!(given)));
        json!({"EndpointsConfig": first.collect::<Map<String, Value>>()})
    }

    pub(super) fn forget_aliases(&mut self) {
        for given in self.each() {
            given.remove("Aliases");
        }
    }

    pub(super) fn forget_addresses(&mut self) {
        for given in self.each() {
            given.remove("IPAMConfig");
        }
    }

    pub(super) fn set_hardware_address(&mut self, address: Value) {
        if let Some((_, given)) = &mut self.first {
            given.insert("MacAddress".to_owned(), address);
        }
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Map<String, Value>> {
        let first = self.first.as_mut().map(|(_, given)| given);
        first.into_iter().chain(self.others.values_mut())
    }
}
