//! Which services run on the engine.

use std::collections::{BTreeMap, BTreeSet};

use berth_oci::Digest;
use berth_registry::sentence;
use bollard::models::ContainerSummary;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;

use super::connection::{Connection, SOON};
use super::container::Container;
use super::fault::Fault;
use super::image::{Image, repository};
use super::{labels, own};
use crate::engine::{Condition, Replica, Service};

/// How many questions the engine is asked at once.
const AT_ONCE: usize = 8;

/// What is on an engine.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) containers: Vec<Container>,
    /// Those of the containers, by their ids, as far as they are there.
    pub(super) images: BTreeMap<String, Image>,
    pub(super) unreadable: Vec<Unreadable>,
}

/// A container that the engine lists and can not show.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Unreadable {
    name: String,
    #[serde(default)]
    project: String,
    #[serde(default)]
    service: String,
    pub(super) reason: String,
}

impl Unreadable {
    fn new(it: ContainerSummary, reason: String) -> Self {
        let mut labels = it.labels.unwrap_or_default();
        let names = it.names.unwrap_or_default();
        Self {
            name: names
                .first()
                .map(|name| name.trim_start_matches('/').to_owned())
                .unwrap_or_default(),
            project: labels.remove(labels::PROJECT).unwrap_or_default(),
            service: labels.remove(labels::SERVICE).unwrap_or_default(),
            reason,
        }
    }

    /// Whether it may be of a service. Which of its labels come from its image is not known.
    pub(super) fn may_be_of(&self, stack: &str, service: &str) -> bool {
        (self.project == stack && self.service == service)
            || (self.name == stack && self.name == service)
    }
}

enum Look {
    Seen(Box<Container>, Option<Image>),
    Unreadable(Unreadable),
    Gone,
}

impl Connection {
    /// Every container, in whichever state, with the labels that it was given.
    pub(super) async fn seen(&self) -> Result<Seen, Fault> {
        let list = self.list(&[]).await?;
        let looked: Vec<Look> = stream::iter(list)
            .map(|it| self.look_at(it))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let mut seen = Seen::default();
        for one in looked {
            match one {
                Look::Seen(container, image) => {
                    let image = image.map(|image| (container.image.clone(), image));
                    seen.images.extend(image);
                    seen.containers.push(*container);
                }
                Look::Unreadable(it) => seen.unreadable.push(it),
                Look::Gone => {}
            }
        }
        seen.containers.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(seen)
    }

    /// One that the engine can not show must not keep the others from being seen.
    async fn look_at(&self, it: ContainerSummary) -> Result<Look, Fault> {
        let Some(id) = it.id.clone() else {
            return Ok(Look::Gone);
        };
        let reason = match self.with_image(&id).await {
            Ok(Some((container, image))) => {
                return Ok(Look::Seen(Box::new(container), image));
            }
            Ok(None) => return Ok(Look::Gone),
            Err(fault) => fault.or_words().map_err(Fault::Away)?,
        };
        let it = Unreadable::new(it, reason);
        if self.is_news(&id) {
            tracing::warn!(
                container = %it.name,
                reason = %it.reason,
                "the engine does not show the container {}, which is left out", it.name
            );
        }
        Ok(Look::Unreadable(it))
    }

    async fn with_image(&self, id: &str) -> Result<Option<(Container, Option<Image>)>, Fault> {
        let Some(mut container) = self.container(id).await? else {
            return Ok(None);
        };
        let image = self.image(&container.image).await?;
        if let Some(image) = &image {
            container.drop_labels_of(image);
        }
        Ok(Some((container, image)))
    }

    /// A container by its id or name, with the labels that it was given.
    pub(super) async fn given(&self, id: &str) -> Result<Option<Container>, Fault> {
        Ok(self.with_image(id).await?.map(|(container, _)| container))
    }

    /// The ids of the containers that carry all of these labels.
    pub(super) async fn ids(&self, labels: &[String]) -> Result<Vec<String>, Fault> {
        let list = self.list(labels).await?;
        Ok(list.into_iter().filter_map(|it| it.id).collect())
    }

    async fn list(&self, labels: &[String]) -> Result<Vec<ContainerSummary>, Fault> {
        let filters = [("label".to_owned(), labels.to_vec())];
        let options = bollard::query_parameters::ListContainersOptions {
            all: true,
            filters: Some(filters.into()),
            ..Default::default()
        };
        self.ask(sentence("list the containers"), SOON, |client| async move {
            client.list_containers(Some(options)).await
        })
        .await
    }

    /// The images with these ids, as far as they are there.
    pub(super) async fn images(
        &self,
        ids: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Image>, Fault> {
        let shown: Vec<Option<(String, Image)>> = stream::iter(ids)
            .map(|id| async move {
                let image = self.image(&id).await?;
                Ok::<_, Fault>(image.map(|image| (id, image)))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(shown.into_iter().flatten().collect())
    }
}

/// The services that containers make up. One-off commands of Compose, hooks, and what stands aside
/// while a deployment runs are of no service.
pub(super) fn services(containers: &[Container], images: &BTreeMap<String, Image>) -> Vec<Service> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Container>> = BTreeMap::new();
    for container in containers.iter().filter(|it| serves(it, containers)) {
        let group = groups.entry(container.stack_and_service()).or_default();
        group.push(container);
    }
    let depended: Vec<_> = groups
        .iter()
        .map(|(&(stack, _), all)| (stack, all[0]))
        .collect();
    let one_shots: BTreeSet<(&str, String)> = depended
        .into_iter()
        .flat_map(|(stack, first)| {
            let depends_on = first.label(labels::DEPENDS_ON).unwrap_or_default();
            labels::dependencies(depends_on)
                .into_iter()
                .filter(|it| it.condition == Condition::Completed)
                .map(move |it| (stack, it.service))
        })
        .collect();
    let mut services = Vec::new();
    for ((stack, name), mut replicas) in groups {
        replicas.sort_by(|a, b| (a.number(), a.name()).cmp(&(b.number(), b.name())));
        let one_shot = one_shots.contains(&(stack, name.to_owned()));
        services.push(service(stack, name, &replicas, one_shot, images));
    }
    services
}

/// What it was deployed as comes first, if its image is known by that.
fn digests(container: &Container, images: &BTreeMap<String, Image>) -> Vec<Digest> {
    let image = images.get(&container.image);
    let mut all = image
        .map(|image| image.digests(repository(container.reference())))
        .unwrap_or_default();
    let deployed = container.label(labels::DIGEST);
    all.sort_by_key(|it| Some(it.as_str()) != deployed);
    all
}

pub(super) fn serves(container: &Container, all: &[Container]) -> bool {
    container.label(labels::ONE_OFF) != Some("True")
        && container.label(labels::HOOK).is_none()
        && !stands_aside(container, all)
}

/// Whether a container has made room, or waits for it. People may give such names to containers of
/// their own, so the name alone says nothing.
pub(super) fn stands_aside(it: &Container, all: &[Container]) -> bool {
    if let Some((_, deployment)) = labels::of_temporary_name(it.name()) {
        return made_by(it) == Some(deployment);
    }
    let Some((name, deployment)) = labels::of_kept_name(it.name()) else {
        return false;
    };
    all.iter()
        .filter(|other| other.label(labels::HOOK).is_none())
        .any(|other| {
            let replaces = other.label(labels::REPLACES) == Some(it.id.as_str())
                && made_by(other) == Some(deployment);
            replaces || is_left_behind(it, name, deployment, other)
        })
}

/// Whether a container was left by a deployment, and what took its place was replaced in turn.
fn is_left_behind(it: &Container, name: &str, deployment: i64, other: &Container) -> bool {
    let home = match it.stack_and_service() {
        (stack, service) if stack == it.name() && service == it.name() => (name, name),
        of_compose => of_compose,
    };
    !it.running()
        && other.name() == name
        && other.stack_and_service() == home
        && made_by(other).is_some_and(|by| by >= deployment)
}

fn made_by(it: &Container) -> Option<i64> {
    it.label(labels::DEPLOYMENT)?.parse().ok()
}

fn service(
    stack: &str,
    name: &str,
    replicas: &[&Container],
    one_shot: bool,
    images: &BTreeMap<String, Image>,
) -> Service {
    let first = replicas[0];
    let depends_on = first.label(labels::DEPENDS_ON).unwrap_or_default();
    Service {
        stack: stack.to_owned(),
        name: name.to_owned(),
        image: first.reference().to_owned(),
        labels: first
            .labels()
            .filter(|(label, _)| label.starts_with(labels::BERTH))
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect(),
        replicas: replicas
            .iter()
            .map(|container| Replica {
                name: container.name().to_owned(),
                state: container.replica_state(one_shot),
                digests: digests(container, images),
            })
            .collect(),
        depends_on: labels::dependencies(depends_on),
        one_shot,
        own: replicas
            .iter()
            .any(|it| own::container_id() == Some(&it.id)),
    }
}

#[cfg(test)]
mod tests;
