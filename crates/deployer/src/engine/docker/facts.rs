//! What is known of an engine when a deployment is planned.

use std::collections::{BTreeMap, BTreeSet};

use berth_registry::sentence;
use serde::Deserialize;

use super::connection::{Connection, SOON};
use super::container::Container;
use super::fault::Fault;
use super::image::Image;
use super::observe::Unreadable;
use super::{carried, observe, own};
use crate::engine::Wanted;

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Facts {
    /// All that are on the engine, of this stack and of others.
    pub(super) containers: Vec<Container>,
    /// The images of the containers, and what the wanted tags and digests name by now.
    pub(super) images: BTreeMap<String, Image>,
    /// What Compose wrote into the containers that are to be replaced: paths, or why it can not be
    /// told.
    #[serde(default)]
    pub(super) carried: BTreeMap<String, Result<Vec<String>, String>>,
    /// `linux/amd64`
    #[serde(default)]
    pub(super) platform: String,
    #[serde(default)]
    pub(super) unreadable: Vec<Unreadable>,
    /// The container that Berth runs in.
    #[serde(default)]
    pub(super) own: Option<String>,
}

impl Facts {
    pub(super) fn service(&self, stack: &str, service: &str) -> Vec<&Container> {
        let mut replicas: Vec<&Container> = self
            .containers
            .iter()
            .filter(|it| {
                observe::serves(it, &self.containers) && it.stack_and_service() == (stack, service)
            })
            .collect();
        replicas.sort_by(|a, b| (a.number(), a.name()).cmp(&(b.number(), b.name())));
        replicas
    }
}

impl Connection {
    pub(super) async fn facts(&self, wanted: &Wanted) -> Result<Facts, Fault> {
        let seen = self.seen().await?;
        let mut facts = Facts {
            containers: seen.containers,
            images: seen.images,
            unreadable: seen.unreadable,
            own: own::container_id().map(str::to_owned),
            ..Facts::default()
        };
        let version = self
            .ask(sentence("tell its version"), SOON, |client| async move {
                client.version().await
            })
            .await?;
        facts.platform = format!(
            "{}/{}",
            version.os.unwrap_or_default(),
            version.arch.unwrap_or_default()
        );
        let mut images: BTreeSet<String> = BTreeSet::new();
        let mut all_carried = BTreeMap::new();
        for service in &wanted.services {
            images.insert(service.image.to_string());
            let (host, repository) = (&service.image.host, &service.image.repository);
            images.insert(format!("{host}/{repository}@{}", service.digest));
            for obsolete in &service.obsolete {
                let name = format!("{host}/{repository}@{obsolete}");
                match self.image(&name).await {
                    Ok(there) => facts.images.extend(there.map(|image| (name, image))),
                    // An image that can not be looked at is no reason not to deploy.
                    Err(fault) => drop(fault.or_words().map_err(Fault::Away)?),
                }
            }
            for old in facts.service(&wanted.stack, &service.service) {
                let carried = match carried::written_by_compose(self, old).await {
                    Ok(carried) => carried,
                    Err(fault) => Err(fault.or_words().map_err(Fault::Away)?),
                };
                all_carried.insert(old.id.clone(), carried);
            }
        }
        facts.carried = all_carried;
        facts.images.extend(self.images(images).await?);
        Ok(facts)
    }
}
