//! What can not be replaced without losing something.

use std::collections::BTreeMap;

use berth_registry::sentence;

use super::{Refusal, Target};
use crate::engine::WantedService;
use crate::engine::docker::container::{Container, text, texts};
use crate::engine::docker::facts::Facts;
use crate::engine::docker::{labels, make};
use crate::image::ImageReference;

/// Looks at a service before anything of it is planned.
pub(super) fn service(
    facts: &Facts,
    stack: &str,
    wanted: &WantedService,
    old: &[&Container],
) -> Result<(), Refusal> {
    let mut unreadable = facts.unreadable.iter();
    let unreadable = unreadable.find(|it| it.may_be_of(stack, &wanted.service));
    let reason = match (old, unreadable) {
        (_, Some(it)) => Some(sentence!(
            "the engine does not show a container of it: {}",
            it.reason
        )),
        ([], None) => {
            Some(sentence("the engine has no container of it; start it first").to_owned())
        }
        (old, None) => disagreement(wanted, old)
            .or_else(|| old.iter().find_map(|it| container(facts, it)))
            .or_else(|| old.iter().find_map(|it| sharer(facts, it))),
    };
    match reason {
        Some(reason) => Err(Refusal {
            service: wanted.service.clone(),
            reason,
        }),
        None => Ok(()),
    }
}

/// A tag of the engine can name one image only.
pub(super) fn contradictions(targets: &[Target<'_>]) -> Result<(), Refusal> {
    let mut seen: BTreeMap<String, &Target<'_>> = BTreeMap::new();
    for target in targets {
        let other = seen.insert(target.image.by_tag(), target);
        if let Some(other) = other.filter(|it| it.image.digest != target.image.digest) {
            return Err(Refusal {
                service: target.name().to_owned(),
                reason: sentence!(
                    "it uses {}, as does {}, and the two are to run different digests of it; deploy one at a time",
                    target.image.by_tag(),
                    other.name()
                ),
            });
        }
    }
    Ok(())
}

fn disagreement(wanted: &WantedService, old: &[&Container]) -> Option<String> {
    let first = old[0].reference();
    if let Some(other) = old.iter().find(|it| it.reference() != first) {
        return Some(sentence!(
            "its containers were made from different images, {first} and {}; `docker compose up -d` makes them agree",
            other.reference()
        ));
    }
    let runs: Option<ImageReference> = first.parse().ok();
    (runs.as_ref() != Some(&wanted.image))
        .then(|| sentence!("it was made from {first}, not from {}", wanted.image))
}

/// What stands against a container itself.
fn container(facts: &Facts, old: &Container) -> Option<String> {
    let name = old.name();
    if facts.own.as_deref() == Some(&old.id) {
        return Some(sentence("it is Berth itself").to_owned());
    }
    if old
        .labels()
        .any(|(label, _)| label.starts_with(labels::SWARM))
    {
        return Some(sentence!(
            "{name} belongs to a Swarm, which replaces it itself"
        ));
    }
    if old.label(labels::SERVICE).is_some() && old.label(labels::CONFIG_HASH).is_none() {
        return Some(sentence!(
            "{name} was made by Compose 1 or by hand, and lacks a label that Compose looks for; \
             `docker compose up -d` of today's Compose makes it anew"
        ));
    }
    if old
        .host_config
        .get("AutoRemove")
        .and_then(serde_json::Value::as_bool)
        == Some(true)
    {
        return Some(sentence!(
            "the engine removes {name} as soon as it is stopped (--rm), so that it could not come back; start it without"
        ));
    }
    match old.state.status.as_str() {
        "paused" => return Some(sentence!("{name} is paused; unpause it first")),
        "removing" | "dead" => return Some(sentence!("{name} is being removed")),
        _ => {}
    }
    if !facts.images.contains_key(&old.image) {
        return Some(sentence!(
            "the image of {name} is gone from the engine, so that what it took from its image can not be told; \
             `docker compose up -d` makes it anew"
        ));
    }
    if let Err(reason) = make::networks(old) {
        return Some(reason);
    }
    match facts.carried.get(&old.id) {
        Some(Err(reason)) => Some(reason.clone()),
        Some(Ok(_)) | None => None,
    }
}

/// Another container that lives in a namespace of this one, or has its volumes from it. It holds the
/// id of this one, and would be left with a dead one.
fn sharer(facts: &Facts, old: &Container) -> Option<String> {
    let sharer = facts
        .containers
        .iter()
        .find(|it| it.id != old.id && shares(it, old))?;
    Some(sentence!(
        "{} shares a namespace or volumes with {}, and would lose them; \
         replace both with `docker compose up -d`",
        sharer.name(),
        old.name()
    ))
}

fn shares(other: &Container, old: &Container) -> bool {
    let of_old =
        |id: &str| id == old.id || id == old.name() || (id.len() >= 12 && old.id.starts_with(id));
    let modes = ["NetworkMode", "IpcMode", "PidMode"];
    let namespace = modes
        .iter()
        .filter_map(|mode| text(&other.host_config, mode).strip_prefix("container:"))
        .any(of_old);
    let mut volumes = texts(&other.host_config, "VolumesFrom").into_iter();
    namespace || volumes.any(|it| of_old(it.split(':').next().unwrap_or_default()))
}
