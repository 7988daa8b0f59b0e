//! The new container, made from all that the engine says of the old one.

use serde_json::{Map, Value, json};

use super::action::{Names, NewImage, When};
use super::container::{Container, text};
use super::image::Image;
use super::labels;

mod config;
mod mounts;
mod networks;

#[cfg(test)]
mod tests;

pub(super) use networks::{Networks, networks};

/// What a container is made from.
pub(super) struct Origin<'o> {
    pub(super) old: &'o Container,
    pub(super) old_image: &'o Image,
    pub(super) image: &'o NewImage,
    pub(super) new_image: &'o Image,
    pub(super) deployment: i64,
    pub(super) carried: &'o [String],
    /// Whether the API puts fixed hardware addresses where networks are (1.44).
    pub(super) address_of_network: bool,
}

pub(super) struct Made {
    pub(super) body: Map<String, Value>,
    pub(super) networks: Networks,
}

/// What takes the place of a replica.
pub(super) fn replica(origin: &Origin<'_>, names: Names) -> Result<Made, String> {
    let old = origin.old;
    let mut networks = networks(old)?;
    match names {
        Names::OfService => {}
        Names::Own => networks.forget_aliases(),
    }
    let mut body = config::without_values_of_image(old, origin.old_image);
    body.insert("Labels".to_owned(), replica_labels(origin, &body));
    let mut host = host_config(old);
    mounts::name_anonymous_volumes(old, &mut host);
    place(origin, &mut body, &mut networks);
    body.insert("HostConfig".to_owned(), Value::Object(host));
    body.insert("NetworkingConfig".to_owned(), networks.config());
    Ok(Made { body, networks })
}

/// A container that runs a command in the new image once, where the replica would be: with its
/// environment, mounts and networks, but nobody finds it there and it publishes nothing.
pub(super) fn hook(origin: &Origin<'_>, when: When, command: &[String]) -> Result<Made, String> {
    let old = origin.old;
    let mut networks = networks(old)?;
    networks.forget_aliases();
    networks.forget_addresses();
    let mut body = config::without_values_of_image(old, origin.old_image);
    for field in [
        "ExposedPorts",
        "MacAddress",
        "Hostname",
        "Domainname",
        "StopSignal",
    ] {
        body.remove(field);
    }
    // By digest: before the replacement the tag still names the old image.
    body.insert("Image".to_owned(), json!(origin.image.by_digest()));
    body.insert("Entrypoint".to_owned(), json!(command));
    body.insert("Cmd".to_owned(), json!([]));
    body.insert("Healthcheck".to_owned(), json!({"Test": ["NONE"]}));
    body.insert(
        "Labels".to_owned(),
        json!({
            (labels::DEPLOYMENT): origin.deployment.to_string(),
            (labels::HOOK): when.as_str(),
            (labels::REPLACES): old.id,
        }),
    );
    let mut host = host_config(old);
    mounts::name_anonymous_volumes(old, &mut host);
    host.insert("PortBindings".to_owned(), json!({}));
    host.insert("PublishAllPorts".to_owned(), json!(false));
    host.insert("RestartPolicy".to_owned(), json!({"Name": "no"}));
    body.insert("HostConfig".to_owned(), Value::Object(host));
    body.insert("NetworkingConfig".to_owned(), networks.config());
    Ok(Made { body, networks })
}

/// All that Compose has put there, since a container that lacks one of its labels is no container of
/// its project, and what it compares: the content of the image. Berth's own come from this
/// deployment.
fn replica_labels(origin: &Origin<'_>, body: &Map<String, Value>) -> Value {
    let mut all = body
        .get("Labels")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let old = origin.old;
    if let Some(content) = old.label(labels::IMAGE) {
        let kind = origin.old_image.kind_of(content);
        all.insert(
            labels::IMAGE.to_owned(),
            json!(origin.new_image.content(kind)),
        );
    }
    if let Some(service) = old.label(labels::SERVICE) {
        let project = old.label(labels::PROJECT).unwrap_or_default();
        let short = old.name().strip_prefix(&format!("{project}-"));
        let numbered = format!("{service}-{}", old.number());
        let replaces = short.filter(|it| *it == numbered).unwrap_or(old.name());
        all.insert(labels::REPLACE.to_owned(), json!(replaces));
    }
    all.insert(
        labels::DEPLOYMENT.to_owned(),
        json!(origin.deployment.to_string()),
    );
    all.insert(labels::DIGEST.to_owned(), json!(origin.image.digest));
    all.insert(labels::REPLACES.to_owned(), json!(old.id));
    match origin.carried {
        [] => all.remove(labels::CARRIED),
        paths => all.insert(labels::CARRIED.to_owned(), json!(json!(paths).to_string())),
    };
    Value::Object(all)
}

/// As it is, but for what the engine takes in another form than it shows.
fn host_config(old: &Container) -> Map<String, Value> {
    let mut host = old.host_config.clone();
    host.remove("ContainerIDFile");
    // Shown as `/db:/web/alias`, taken as `db:alias`.
    let links = host
        .get("Links")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let links: Vec<String> = links
        .filter_map(|link| {
            let (other, alias) = link.as_str()?.split_once(':')?;
            let alias = alias.rsplit('/').next()?;
            Some(format!("{}:{alias}", other.trim_start_matches('/')))
        })
        .collect();
    if !links.is_empty() {
        host.insert("Links".to_owned(), json!(links));
    }
    host
}

/// Puts host name and hardware address where they are taken.
fn place(origin: &Origin<'_>, body: &mut Map<String, Value>, networks: &mut Networks) {
    let mode = origin.old.network_mode();
    // Who lives in the network of another has no host name of its own; the engine shows the other's.
    // In the network of the host it shows the host's.
    let borrowed = mode == "host" || mode.starts_with("container:");
    if borrowed || text(body, "Hostname") == origin.old.short_id() {
        body.remove("Hostname");
        if borrowed {
            body.remove("Domainname");
        }
    }
    if mode.starts_with("container:") {
        body.remove("ExposedPorts");
        body.remove("MacAddress");
    }
    if origin.address_of_network {
        let address = body.remove("MacAddress");
        if let Some(address) = address.filter(|it| it.as_str().is_some_and(|it| !it.is_empty())) {
            networks.set_hardware_address(address);
        }
    }
}
