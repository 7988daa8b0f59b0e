//! Images: pulled, named, and forgotten.

use std::time::Duration;

use berth_registry::sentence;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::StreamExt;

use super::Job;
use crate::engine::StepError;
use crate::engine::docker::action::{NewImage, Tag};
use crate::engine::docker::connection::{SOON, WORK};
use crate::engine::docker::container::Container;
use crate::engine::docker::fault::{Fault, found};
use crate::engine::docker::image::Image;
use crate::engine::docker::labels;

/// A pull of which nothing was heard for so long has come to a stop. Unpacking a layer is silent, too.
const SILENCE: Duration = Duration::from_secs(600);
/// How often a pull is tried when the registry is to blame, and the time between.
const TRIES: u32 = 4;
const BETWEEN: Duration = Duration::from_secs(2);
/// Lines of its progress that are told.
const MOST_LINES: usize = 200;

impl Job<'_> {
    pub(super) async fn pull(&self, image: &NewImage) -> Result<(), StepError> {
        let name = image.by_tag();
        let mut tries = 1;
        loop {
            if self.pulled(image).await?.is_some() {
                return Ok(());
            }
            match self.pull_once(image).await {
                Ok(()) => break,
                Err(Fault::Refused(reason)) if tries < TRIES && passes(&reason) => {
                    let reason = reason.trim();
                    let text = sentence!("{name} can not be pulled, and is tried again: {reason}");
                    self.errand.log.engine(self.service, &text);
                }
                Err(fault) => {
                    return Err(fault.or_failed(None, &sentence!("{name} can not be pulled")));
                }
            }
            tokio::time::sleep(BETWEEN * tries).await;
            tries += 1;
        }
        match self.pulled(image).await? {
            Some(_) => Ok(()),
            None => Err(self.failed(sentence!(
                "{name} was pulled, but the engine does not know it by {}",
                image.digest
            ))),
        }
    }

    /// The new image, if the engine has it under the wanted digest.
    pub(super) async fn pulled(&self, image: &NewImage) -> Result<Option<Image>, StepError> {
        let there = self.engine.image(&image.by_digest()).await;
        let there = there.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not show the image"))
        })?;
        Ok(there.filter(|it| knows(it, image)))
    }

    async fn pull_once(&self, image: &NewImage) -> Result<(), Fault> {
        let what = sentence!("pull {}", image.by_digest());
        let options = CreateImageOptions {
            from_image: Some(image.by_digest()),
            platform: image.platform.clone().unwrap_or_default(),
            ..Default::default()
        };
        let credentials = (self.errand.pull_token)().map(|token| DockerCredentials {
            registrytoken: Some(token),
            ..Default::default()
        });
        let client = self.engine.client(SILENCE).await?;
        let mut progress = std::pin::pin!(client.create_image(Some(options), None, credentials));
        let mut lines = 0;
        loop {
            let next = tokio::time::timeout(SILENCE, progress.next()).await;
            let stopped = || Fault::Refused(sentence!("nothing came for {} s", SILENCE.as_secs()));
            let Some(info) = next.map_err(|_| stopped())? else {
                return Ok(());
            };
            let info = match info {
                Ok(info) => info,
                Err(error) => return Err(self.engine.fault(&what, error).await),
            };
            let counts = info
                .progress_detail
                .as_ref()
                .is_some_and(|it| it.total.is_some());
            let Some(status) = info.status.filter(|_| !counts && lines < MOST_LINES) else {
                continue;
            };
            lines += 1;
            let text = match info.id {
                Some(id) => format!("{id}: {status}"),
                None => status,
            };
            self.errand.log.engine(self.service, &text);
        }
    }

    /// Lets the tag name the new image on the engine, as a pull of the tag would: the next
    /// `docker compose up` compares with it.
    pub(super) async fn tag(&self, image: &NewImage) -> Result<(), StepError> {
        if self.pulled(image).await?.is_none() {
            let name = image.by_digest();
            return Err(self.failed(sentence!("{name} is gone from the engine")));
        }
        let _held = self.engine.hold_tag(&image.by_tag()).await;
        self.name_image(&image.by_digest(), image).await
    }

    /// Takes a pull back.
    pub(super) async fn unpull(&self, image: &NewImage) -> Result<(), StepError> {
        match self.pulled(image).await? {
            Some(there) if self.others_use(&there.id, image).await? => Ok(()),
            Some(_) | None => self.forget(&[image.by_digest()]).await,
        }
    }

    /// Whether a container outside of this deployment needs an image.
    async fn others_use(&self, id: &str, image: &NewImage) -> Result<bool, StepError> {
        let seen = self.engine.seen().await;
        let seen = seen.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not show who uses it"))
        })?;
        let deployment = self.errand.deployment.to_string();
        Ok(seen
            .containers
            .iter()
            .any(|it| uses(it, id, image, &deployment)))
    }

    pub(super) async fn untag(&self, tag: &Tag) -> Result<(), StepError> {
        let shown =
            |fault: Fault| fault.or_failed(None, sentence("the engine does not show the image"));
        let _held = self.engine.hold_tag(&tag.image.by_tag()).await;
        let named = self
            .engine
            .image(&tag.image.by_tag())
            .await
            .map_err(shown)?;
        let ours = self.pulled(&tag.image).await?;
        // Somebody has moved the tag in the meantime, and wants it there.
        if named.is_some_and(|named| ours.as_ref().is_none_or(|ours| ours.id != named.id)) {
            return Ok(());
        }
        // Another stack uses the tag, too, and was brought to the same image.
        if let Some(ours) = ours
            && self.others_use(&ours.id, &tag.image).await?
        {
            return Ok(());
        }
        match &tag.previous {
            Some(previous) => self.name_image(previous, &tag.image).await,
            None => self.forget(&[tag.image.by_tag()]).await,
        }
    }

    pub(super) async fn name_image(&self, name: &str, image: &NewImage) -> Result<(), StepError> {
        let options = TagImageOptions {
            repo: Some(image.repository.clone()),
            tag: Some(image.tag.clone()),
        };
        let what = sentence!("let {} name {name}", image.by_tag());
        self.engine
            .ask(&what, SOON, |client| async move {
                client.tag_image(name, Some(options)).await
            })
            .await
            .map_err(|fault| {
                fault.or_failed(
                    None,
                    &sentence!("{} can not name the image", image.by_tag()),
                )
            })
    }

    /// Removes images by name. What something runs stays, and what is gone is gone.
    pub(super) async fn forget(&self, images: &[String]) -> Result<(), StepError> {
        for image in images {
            let options = RemoveImageOptions {
                force: false,
                noprune: false,
                platforms: None,
            };
            let removed = self
                .engine
                .ask(&sentence!("remove {image}"), WORK, |client| async move {
                    client.remove_image(image, Some(options), None).await
                })
                .await;
            match found(removed) {
                Ok(_) | Err(Fault::Conflict(_)) => {}
                Err(Fault::Away(error)) => return Err(StepError::Engine(error)),
                // An image too many is no reason to undo a deployment.
                Err(Fault::Absent(reason) | Fault::Refused(reason)) => {
                    let text = sentence!("{image} can not be removed: {}", reason.trim());
                    self.errand.log.engine(self.service, &text);
                }
            }
        }
        Ok(())
    }
}

/// What runs an image needs it, and what was made by the tag has the tag name it.
fn uses(it: &Container, id: &str, image: &NewImage, deployment: &str) -> bool {
    it.image == id
        && it.label(labels::DEPLOYMENT) != Some(deployment)
        && (it.running() || it.reference() == image.by_tag())
}

pub(super) fn knows(it: &Image, image: &NewImage) -> bool {
    let digests = it.digests(&image.repository);
    digests.iter().any(|digest| digest.as_str() == image.digest)
}

/// Whether another try may help: a registry that restarts, a connection that breaks.
fn passes(reason: &str) -> bool {
    let stays = [
        "no space left",
        "not found",
        "unknown",
        "denied",
        "unauthorized",
        "no basic auth",
        "no matching manifest",
        "quota",
    ];
    !stays.iter().any(|text| reason.contains(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_is_needed_by_what_is_outside_of_the_deployment() {
        let image = NewImage {
            repository: "registry:5000/shop/web".to_owned(),
            tag: "live".to_owned(),
            digest: "sha256:22".to_owned(),
            platform: None,
        };
        let (ours, tag) = ("sha256:new", "registry:5000/shop/web:live");
        // The image, what it was made from, its state, and which deployment made it.
        let cases = [
            ((ours, tag, "running", None), true),
            ((ours, tag, "exited", Some("8")), true),
            ((ours, "sha256:new", "running", Some("8")), true),
            ((ours, "sha256:new", "exited", None), false),
            ((ours, tag, "running", Some("7")), false),
            (("sha256:old", tag, "running", None), false),
        ];
        for ((id, reference, status, deployment), expected) in cases {
            let all = json!({
                "Id": "a".repeat(64), "Created": "2026-01-01T00:00:00Z", "Image": id,
                "Name": "/blog-web-1",
                "Config": {"Image": reference, "Labels": {"berth.deployment": deployment}},
                "State": {
                    "Status": status,
                    "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
                },
            });
            let container = serde_json::from_value(all).unwrap();
            assert_eq!(
                uses(&container, ours, &image, "7"),
                expected,
                "{id} {reference} {status} {deployment:?}"
            );
        }
    }
}
