//! The mounts of the new container: those of the old, and the volumes without a name by the name
//! that the engine gave them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::engine::docker::container::{Container, MountPoint, texts};

/// Named volumes, binds and memory are in the host configuration already. A volume that has no name
/// there is one that the engine made for the old container: without its name the new one would get
/// an empty one.
pub(super) fn name_anonymous_volumes(old: &Container, host: &mut Map<String, Value>) {
    let named = named_targets(host);
    let anonymous = old
        .mounts
        .iter()
        .filter(|it| it.kind == "volume" && !it.name.is_empty())
        .filter(|it| !named.contains(clean(&it.destination)));
    for mount in anonymous {
        if !name_in_mounts(mount, host) {
            add_bind(mount, host);
        }
    }
}

/// Where something with a source is mounted.
fn named_targets(host: &Map<String, Value>) -> BTreeSet<String> {
    let binds = texts(host, "Binds");
    let of_binds = binds.iter().filter_map(|bind| bind.split(':').nth(1));
    let mounts = host.get("Mounts").and_then(Value::as_array);
    let of_mounts = mounts.into_iter().flatten().filter_map(|mount| {
        let source = mount
            .get("Source")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let of_volume = mount.get("Type").and_then(Value::as_str) == Some("volume");
        let target = mount.get("Target").and_then(Value::as_str)?;
        (!of_volume || !source.is_empty()).then_some(target)
    });
    of_binds
        .chain(of_mounts)
        .map(|it| clean(it).to_owned())
        .collect()
}

/// A mount that names no source is given one where it is, lest its target be there twice.
fn name_in_mounts(mount: &MountPoint, host: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(mounts)) = host.get_mut("Mounts") else {
        return false;
    };
    let same = |it: &&mut Value| {
        let target = it.get("Target").and_then(Value::as_str);
        target.map(clean) == Some(clean(&mount.destination))
    };
    match mounts.iter_mut().find(same).and_then(Value::as_object_mut) {
        Some(found) => {
            found.insert("Source".to_owned(), json!(mount.name));
            true
        }
        None => false,
    }
}

fn add_bind(mount: &MountPoint, host: &mut Map<String, Value>) {
    let mut bind = format!("{}:{}", mount.name, mount.destination);
    match (mount.writable, mount.mode.as_str()) {
        (true, "" | "rw") => {}
        (false, "") => bind.push_str(":ro"),
        (_, mode) => bind = format!("{bind}:{mode}"),
    }
    match host.get_mut("Binds") {
        Some(Value::Array(binds)) => binds.push(json!(bind)),
        _ => {
            host.insert("Binds".to_owned(), json!([bind]));
        }
    }
}

fn clean(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}
