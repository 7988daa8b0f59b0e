//! Whether an old and a new container may run side by side.

use berth_registry::sentence;
use serde_json::Value;

use crate::engine::docker::container::{Container, text};

/// What is in the way of two at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It can not work, whoever asks for it.
    Impossible(String),
    /// It can damage data, unless the service is made for it.
    Unsafe(String),
}

pub(super) fn obstacle(old: &Container) -> Option<Obstacle> {
    impossible(old)
        .map(Obstacle::Impossible)
        .or_else(|| writes_to(old).map(Obstacle::Unsafe))
}

fn impossible(old: &Container) -> Option<String> {
    let mode = old.network_mode();
    if mode == "host" || mode.starts_with("container:") {
        return Some(sentence!(
            "its network mode is {mode}, where two would share the ports"
        ));
    }
    if let Some(port) = fixed_port(old) {
        return Some(sentence!(
            "the port {port} of the host can be given to one container only"
        ));
    }
    fixed_address(old)
        .map(|address| sentence!("the address {address} can be given to one container only"))
}

/// A port of the host that does not come from the engine's choice. A range is as good as one.
fn fixed_port(old: &Container) -> Option<String> {
    let bindings = old.host_config.get("PortBindings")?.as_object()?;
    let ports = bindings.values().filter_map(Value::as_array).flatten();
    ports
        .filter_map(|binding| binding.get("HostPort")?.as_str())
        .find(|port| !port.is_empty() && *port != "0")
        .map(str::to_owned)
}

fn fixed_address(old: &Container) -> Option<String> {
    let hardware = text(&old.config, "MacAddress");
    if !hardware.is_empty() {
        return Some(hardware.to_owned());
    }
    let networks = old.network_settings.networks.values();
    networks
        .filter_map(|endpoint| endpoint.get("IPAMConfig")?.as_object())
        .flat_map(|config| [text(config, "IPv4Address"), text(config, "IPv6Address")])
        .find(|address| !address.is_empty())
        .map(str::to_owned)
}

/// What is in memory is each container's own.
fn writes_to(old: &Container) -> Option<String> {
    let mount = old
        .mounts
        .iter()
        .find(|it| it.writable && it.kind != "tmpfs")?;
    Some(sentence!("both would write to {}", mount.destination))
}
