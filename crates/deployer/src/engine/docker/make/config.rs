//! What a container was given, without what it took from its image.
//!
//! The engine shows both as one, the values of the image filled in where none was given. Those must
//! come from the new image, so what equals the old image's is taken away. This is the reverse of
//! `runconfig.Merge` (moby, daemon/commit.go).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::engine::docker::container::Container;
use crate::engine::docker::image::Image;
use crate::engine::docker::labels;

/// The configuration of a container, ready to make another from.
pub(super) fn without_values_of_image(old: &Container, image: &Image) -> Map<String, Value> {
    let none = Map::new();
    let image = image.config.as_ref().unwrap_or(&none);
    let mut config = old.config.clone();
    for field in ["User", "WorkingDir", "StopSignal", "Shell"] {
        if config
            .get(field)
            .is_some_and(|value| Some(value) == image.get(field))
        {
            config.remove(field);
        }
    }
    // From a Dockerfile alone, and of no use to a container.
    config.remove("OnBuild");
    config.remove("ArgsEscaped");
    env(&mut config, image);
    // An image that Compose has built carries some of them as well, and the next one may not.
    let by_compose = old.made_by_compose(image);
    keys(&mut config, image, "Labels", |label| {
        by_compose && label.starts_with(labels::COMPOSE)
    });
    keys(&mut config, image, "Volumes", |_| false);
    // A port that is published has to be exposed, too, whatever the new image says.
    let published = published(old);
    keys(&mut config, image, "ExposedPorts", |port| {
        published.contains(port)
    });
    command(&mut config, image);
    health_check(&mut config, image);
    config
}

fn env(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let of_image = image
        .get("Env")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if let Some(Value::Array(env)) = config.get_mut("Env") {
        env.retain(|entry| !of_image.contains(entry));
    }
}

/// Takes the entries of a map away that the image has with the same value.
fn keys(
    config: &mut Map<String, Value>,
    image: &Map<String, Value>,
    field: &str,
    but: impl Fn(&str) -> bool,
) {
    let Some(Value::Object(of_image)) = image.get(field) else {
        return;
    };
    if let Some(Value::Object(map)) = config.get_mut(field) {
        map.retain(|key, value| but(key) || of_image.get(key) != Some(value));
    }
}

fn published(old: &Container) -> BTreeSet<String> {
    let bindings = old
        .host_config
        .get("PortBindings")
        .and_then(Value::as_object);
    bindings
        .into_iter()
        .flatten()
        .map(|(port, _)| port.clone())
        .collect()
}

/// The engine takes the command of the image only where no entry point is given: one that is given
/// keeps the command that came with it, even none.
fn command(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let (entry, entry_of_image) = (words(config, "Entrypoint"), words(image, "Entrypoint"));
    let (command, command_of_image) = (words(config, "Cmd"), words(image, "Cmd"));
    let same_command = command == command_of_image;
    if entry.is_empty() && !entry_of_image.is_empty() {
        // It was taken away. `[]` takes it away and lets the command of the image count, `[""]` does
        // not.
        let none = if same_command { json!([]) } else { json!([""]) };
        config.insert("Entrypoint".to_owned(), none);
    } else if entry != entry_of_image || (command.is_empty() && !same_command) {
        return;
    } else {
        config.remove("Entrypoint");
    }
    if same_command {
        config.remove("Cmd");
    }
}

fn words(map: &Map<String, Value>, field: &str) -> Vec<Value> {
    map.get(field)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Field by field, as the engine fills it in.
fn health_check(config: &mut Map<String, Value>, image: &Map<String, Value>) {
    let (Some(Value::Object(check)), Some(Value::Object(of_image))) =
        (config.get_mut("Healthcheck"), image.get("Healthcheck"))
    else {
        return;
    };
    check.retain(|field, value| of_image.get(field) != Some(value));
    if check.is_empty() {
        config.remove("Healthcheck");
    }
}
