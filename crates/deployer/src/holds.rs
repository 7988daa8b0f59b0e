//! Keeps the registry from losing what a target runs, or may go back to.

use std::collections::BTreeMap;

use berth_oci::{Digest, RepositoryName};
use berth_registry::DbError;
use berth_registry::holds::{self, Held};
use berth_registry::source::Asked;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::db;
use crate::deployer::Deployer;
use crate::engine::Service;
use crate::history::{DeployedService, Deployment, State};
use crate::image::ImageReference;
use crate::take::TakeError;
use crate::target::Target;

/// Before the names of targets, among all who hold something.
const HOLDER: &str = "target ";

pub(crate) fn holder(target: &str) -> String {
    format!("{HOLDER}{target}")
}

/// Lets go of what targets held that are no longer configured.
pub(crate) async fn retain(tx: &mut SqliteConnection, targets: &[String]) -> Result<(), DbError> {
    holds::retain(tx, |name| {
        let target = name.strip_prefix(HOLDER);
        target.is_none_or(|target| targets.iter().any(|known| known == target))
    })
    .await
}

/// Holds what a deployment that begins brings its services to.
pub(crate) async fn hold(
    tx: &mut SqliteConnection,
    target: &str,
    deployment: &Deployment,
    services: &[DeployedService],
) -> Result<(), DbError> {
    let held: Vec<_> = services
        .iter()
        .map(|service| Held {
            repository: service.repository.clone(),
            digest: service.to_digest.clone(),
            reason: format!("deployment {} brings it to {target}", deployment.id),
        })
        .collect();
    holds::add(tx, &holder(target), &held).await
}

impl Deployer {
    /// Looks at what runs at the target, and holds that, what its services may go back to, and what
    /// deployments are bringing there; and no longer what was held before.
    pub(crate) async fn hold_what_runs(&self, target: &Target) -> Result<(), TakeError> {
        let services = self.observe(target).await?;
        let mut held = BTreeMap::new();
        for service in &services {
            let Some(image) = self.image_of(service) else {
                continue;
            };
            let repository = self.repository_of(&image).await?;
            let place = format!("{}/{} of {}", service.stack, service.name, target.name);
            for digest in self.may_go_back_to(target, service, &image).await? {
                let reason = format!("{place} may go back to it");
                held.insert((repository.clone(), digest), reason);
            }
            for digest in service.replicas.iter().flat_map(|replica| &replica.digests) {
                let reason = format!("{place} runs it");
                held.insert((repository.clone(), digest.clone()), reason);
            }
        }
        let held: Vec<_> = held
            .into_iter()
            .map(|((repository, digest), reason)| Held {
                repository,
                digest,
                reason,
            })
            .collect();
        let (id, name) = (target.id, target.name.clone());
        self.journal
            .db()
            .write(move |tx| {
                async move {
                    holds::replace(tx, &holder(&name), &held).await?;
                    // Those that began since the target was looked at, too.
                    for deployment in db::deployments::unfinished(tx, id).await? {
                        if !matches!(deployment.state, State::Queued | State::Waiting) {
                            hold(tx, &name, &deployment, &deployment.services).await?;
                        }
                    }
                    Ok::<_, DbError>(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    /// The image of a service, if it is of this registry; also one that is pinned to a digest.
    fn image_of(&self, service: &Service) -> Option<ImageReference> {
        let (name, _digest) = service
            .image
            .split_once('@')
            .unwrap_or((&service.image, ""));
        let image: ImageReference = name.parse().ok()?;
        self.settings.hosts.contains(&image.host).then_some(image)
    }

    /// Where the image is kept here.
    async fn repository_of(&self, image: &ImageReference) -> Result<RepositoryName, TakeError> {
        let asked = Asked {
            repository: &image.repository,
            namespace: None,
            prefix: None,
            pushes: false,
        };
        let located = self.sources.locate(asked).await?;
        Ok(located.renamed.unwrap_or_else(|| image.repository.clone()))
    }

    async fn may_go_back_to(
        &self,
        target: &Target,
        service: &Service,
        image: &ImageReference,
    ) -> Result<Vec<Digest>, DbError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let versions = db::deployments::versions(
            &mut connection,
            target.id,
            &service.stack,
            &service.name,
            &image.repository,
            i64::from(self.settings.keep_images),
        )
        .await?;
        // The one that runs, and as many as keep their images.
        let kept = self.settings.keep_images as usize + 1;
        Ok(versions.into_iter().take(kept).collect())
    }
}
