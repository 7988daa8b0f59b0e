//! Keeps the registry from losing what a target runs, or may go back to.

use std::collections::{BTreeMap, HashSet};

use berth_oci::{Digest, RepositoryName};
use berth_registry::holds::{self, Held};
use berth_registry::source::{Asked, SourceError};
use berth_registry::{DbError, sentence};
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::db;
use crate::deployer::Deployer;
use crate::engine::Service;
use crate::history::DeployedService;
use crate::image::ImageReference;
use crate::take::TakeError;
use crate::target::Target;

/// Before the names of targets, among all who hold something.
const HOLDER: &str = "target ";
/// Between the name of a target, which has no spaces, and one of its deployments.
const DEPLOYMENT: &str = " deployment ";

fn holder(target: &str) -> String {
    format!("{HOLDER}{target}")
}

/// A deployment holds what it brings until it has ended, whatever is found to run meanwhile.
fn holder_of(target: &str, deployment: i64) -> String {
    format!("{HOLDER}{target}{DEPLOYMENT}{deployment}")
}

/// Lets go of what targets held that are no longer configured.
pub(crate) async fn retain(tx: &mut SqliteConnection, targets: &[String]) -> Result<(), DbError> {
    holds::retain(tx, |name| {
        let Some(name) = name.strip_prefix(HOLDER) else {
            return true;
        };
        let target = name.split_once(DEPLOYMENT).map_or(name, |(name, _)| name);
        targets.iter().any(|known| known == target)
    })
    .await
}

/// A manifest that is needed, and the repository here that has it.
pub(crate) type Kept = (RepositoryName, Digest);

/// Holds what a deployment brings its services to, so that it is there when it begins.
pub(crate) async fn hold(
    tx: &mut SqliteConnection,
    target: &str,
    deployment: i64,
    kept: &[Kept],
) -> Result<(), DbError> {
    let held: Vec<_> = kept
        .iter()
        .map(|(repository, digest)| Held {
            repository: repository.clone(),
            digest: digest.clone(),
            reason: sentence!("deployment {deployment} brings it to {target}"),
        })
        .collect();
    holds::add(tx, &holder_of(target, deployment), &held).await
}

/// Has a deployment hold what the one does whose place it takes.
pub(crate) async fn hand_on(
    tx: &mut SqliteConnection,
    target: &str,
    from: i64,
    to: i64,
) -> Result<(), DbError> {
    let kept = holds::of(tx, &holder_of(target, from)).await?;
    hold(tx, target, to, &kept).await
}

impl Deployer {
    /// Looks at what runs at the target, and holds that and what its services may go back to; and no
    /// longer what was held before, but for what deployments are bringing there.
    pub(crate) async fn hold_what_runs(&self, target: &Target) -> Result<(), TakeError> {
        let began = self.journal.now();
        let services = self.observe(target).await?;
        let mut held = BTreeMap::new();
        for service in &services {
            let Some(image) = self.image_of(service) else {
                continue;
            };
            let (stack, name, target_name) = (&service.stack, &service.name, &target.name);
            for digest in self.may_go_back_to(target, service, &image).await? {
                let reason = sentence!("{stack}/{name} of {target_name} may go back to it");
                held.insert(self.kept(&image.repository, &digest).await?, reason);
            }
            for digest in service.replicas.iter().flat_map(|replica| &replica.digests) {
                let reason = sentence!("{stack}/{name} of {target_name} runs it");
                held.insert(self.kept(&image.repository, digest).await?, reason);
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
                    // What one brought that has ended since then was not seen to run.
                    let needed = db::deployments::not_ended_before(tx, id, began).await?;
                    let of_deployments = holder(&name) + DEPLOYMENT;
                    let needed = needed.into_iter().map(|one| holder_of(&name, one));
                    let needed: HashSet<String> = needed.collect();
                    holds::retain(tx, |other| {
                        !other.starts_with(&of_deployments) || needed.contains(other)
                    })
                    .await
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

    /// What a deployment brings its services to.
    pub(crate) async fn brought(
        &self,
        services: &[DeployedService],
    ) -> Result<Vec<Kept>, TakeError> {
        let mut brought = Vec::new();
        for service in services {
            brought.push(self.kept(&service.repository, &service.to_digest).await?);
        }
        Ok(brought)
    }

    /// A manifest of what a client calls `repository`, in the repository that it is read from.
    pub(crate) async fn kept(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Kept, TakeError> {
        let asked = Asked {
            repository,
            namespace: None,
            prefix: None,
            pushes: false,
        };
        let located = self.sources.locate(asked).await?;
        let name = located.renamed.unwrap_or_else(|| repository.clone());
        let keeper = match located.source.keeper(&name, digest).await {
            Ok(keeper) => keeper,
            // A member elsewhere could not say, and none has it here: there is nothing to keep.
            Err(SourceError::Elsewhere { .. } | SourceError::Gone(_)) => None,
            Err(error @ (SourceError::Db(_) | SourceError::Store(_))) => return Err(error.into()),
        };
        Ok((keeper.unwrap_or(name), digest.clone()))
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
