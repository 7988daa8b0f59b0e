//! New containers: made, finished where they were half made, and removed again.

use std::time::Duration;

use berth_registry::sentence;
use serde_json::{Map, Value};

use super::{Job, PAUSE, each};
use crate::engine::StepError;
use crate::engine::docker::action::{Create, NewImage, Swap};
use crate::engine::docker::carried::carry;
use crate::engine::docker::connection::SOON;
use crate::engine::docker::container::Container;
use crate::engine::docker::fault::Fault;
use crate::engine::docker::image::Image;
use crate::engine::docker::labels;
use crate::engine::docker::make::{self, Made, Origin};

/// How long a name may be taken by a container that is not there yet.
const CONFLICT: Duration = Duration::from_secs(10);
/// How long after it was asked for a container may appear.
pub(super) const LATE: Duration = Duration::from_secs(2);

impl Job<'_> {
    pub(super) async fn create(&self, create: &Create) -> Result<(), StepError> {
        each(&create.swaps, |swap| self.create_one(create, swap)).await
    }

    pub(super) async fn remove_new(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let Some(new) = self.new_or_late(swap).await? else {
                return Ok(());
            };
            // Something has to stay, whatever has happened.
            self.old_to_return(swap).await?;
            self.remove_made(&new).await
        })
        .await
    }

    /// A process that is gone may have asked for the container a moment ago.
    async fn new_or_late(&self, swap: &Swap) -> Result<Option<Container>, StepError> {
        let began = tokio::time::Instant::now();
        loop {
            let new = self.new_one(swap).await?;
            if new.is_some() || began.elapsed() > LATE {
                return Ok(new);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn create_one(&self, create: &Create, swap: &Swap) -> Result<(), StepError> {
        let mut old = self.old(swap).await?;
        let there = self.new_one(swap).await?;
        // Once it was started it is complete.
        if there
            .as_ref()
            .is_some_and(|it| it.state.status != "created")
        {
            return Ok(());
        }
        let none = Vec::new();
        let carried = create.carried.get(&swap.old).unwrap_or(&none);
        let (old_image, new_image) = self.images(&old, &create.image).await?;
        old.drop_labels_of(&old_image);
        let origin = Origin {
            old: &old,
            old_image: &old_image,
            image: &create.image,
            new_image: &new_image,
            deployment: self.errand.deployment,
            carried,
            address_of_network: self.address_of_network().await?,
        };
        let made = make::replica(&origin, create.names);
        let made = made.map_err(|reason| self.failed(reason))?;
        let id = match there {
            Some(new) => self.check_image(create, &new, &new_image)?,
            None => self.make_by_tag(create, swap, &made, &new_image).await?,
        };
        self.finish(&id, &made, &old.id, carried).await
    }

    /// The container is made by the tag, as Compose would make it. Another stack that uses the tag
    /// may be deployed at the same time and have moved it, so it is set once more, and held.
    async fn make_by_tag(
        &self,
        create: &Create,
        swap: &Swap,
        made: &Made,
        image: &Image,
    ) -> Result<String, StepError> {
        let _held = self.engine.hold_tag(&create.image.by_tag()).await;
        let by_digest = create.image.by_digest();
        self.name_image(&by_digest, &create.image).await?;
        self.make_or_find(create, swap, made).await?;
        let new = self.new_that_is_there(swap).await?;
        self.check_image(create, &new, image)
    }

    /// The id of a new container that was made from the right image.
    fn check_image(
        &self,
        create: &Create,
        new: &Container,
        image: &Image,
    ) -> Result<String, StepError> {
        if new.image == image.id {
            return Ok(new.id.clone());
        }
        Err(self.failed(sentence!(
            "{} names another image by now: somebody has pulled or tagged it in the meantime",
            create.image.by_tag()
        )))
    }

    /// A process that is gone may have asked for the container a moment ago, and the engine is still
    /// at it: the name is taken before the container is there.
    async fn make_or_find(
        &self,
        create: &Create,
        swap: &Swap,
        made: &Made,
    ) -> Result<(), StepError> {
        let name = labels::temporary_name(&swap.name, self.errand.deployment);
        let platform = create.image.platform.as_deref();
        let began = tokio::time::Instant::now();
        loop {
            match self.engine.create(&name, platform, &made.body).await {
                Ok(_) => return Ok(()),
                Err(Fault::Conflict(_)) if began.elapsed() < CONFLICT => {}
                Err(fault) => {
                    return Err(fault.or_failed(None, &sentence!("{name} can not be made")));
                }
            }
            tokio::time::sleep(PAUSE).await;
            if self.new_one(swap).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// The image that the old container was made from, and the one that is wanted.
    pub(super) async fn images(
        &self,
        old: &Container,
        image: &NewImage,
    ) -> Result<(Image, Image), StepError> {
        let of_old = self.engine.image(&old.image).await;
        let of_old = of_old.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not show an image"))
        })?;
        let of_old = of_old.ok_or_else(|| {
            let name = old.name();
            self.failed(sentence!("the image of {name} is gone from the engine"))
        })?;
        let new = self.pulled(image).await?.ok_or_else(|| {
            let name = image.by_digest();
            self.failed(sentence!("{name} is gone from the engine"))
        })?;
        Ok((of_old, new))
    }

    pub(super) async fn address_of_network(&self) -> Result<bool, StepError> {
        let known = self.engine.knows(44).await;
        known.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not tell its version"))
        })
    }

    pub(super) async fn make(
        &self,
        name: &str,
        image: &NewImage,
        body: &Map<String, Value>,
    ) -> Result<String, StepError> {
        let made = self
            .engine
            .create(name, image.platform.as_deref(), body)
            .await;
        made.map_err(|fault| fault.or_failed(None, &sentence!("{name} can not be made")))
    }

    /// Connects the networks that a container was not made on, and writes Compose's files into it.
    pub(super) async fn finish(
        &self,
        id: &str,
        made: &Made,
        old: &str,
        carried: &[String],
    ) -> Result<(), StepError> {
        let there = self.engine.container(id).await;
        let there = there
            .map_err(|fault| fault.or_failed(None, sentence("the new container is not shown")))?;
        let there =
            there.ok_or_else(|| self.failed(sentence("the new container is gone").to_owned()))?;
        for (network, given) in &made.networks.others {
            if !there.network_settings.networks.contains_key(network) {
                self.connect(network, id, given).await?;
            }
        }
        let carried = carry(self.engine, old, id, carried).await;
        carried.map_err(|fault| {
            fault.or_failed(
                None,
                sentence("what Compose wrote into the old container can not be carried over"),
            )
        })
    }

    pub(super) async fn connect(
        &self,
        network: &str,
        id: &str,
        given: &Map<String, Value>,
    ) -> Result<(), StepError> {
        let failed = sentence!("the new container can not be connected to the network {network}");
        let endpoint = serde_json::from_value(Value::Object(given.clone()));
        let request = bollard::models::NetworkConnectRequest {
            container: id.to_owned(),
            endpoint_config: Some(
                endpoint.map_err(|error| self.failed(format!("{failed}: {error}")))?,
            ),
        };
        let connected = self
            .engine
            .ask(
                &sentence!("connect to {network}"),
                SOON,
                |client| async move { client.connect_network(network, request).await },
            )
            .await;
        match connected {
            Ok(()) => Ok(()),
            Err(Fault::Refused(text)) if text.contains("already exists in network") => Ok(()),
            Err(fault) => Err(fault.or_failed(None, &failed)),
        }
    }
}
