use berth_oci::Digest;
use berth_registry::{DbError, sentence};
use futures_util::FutureExt as _;

use super::PrepareError;
use super::left::Left;
use crate::deployer::Deployer;
use crate::engine::{PlanError, Step, Wanted, WantedService};
use crate::history::{DeployedService, Deployment, LineKind, State};
use crate::holds::Kept;
use crate::journal::move_to;
use crate::target::Target;
use crate::{db, holds};

/// Versions that are looked through for images that may go.
const VERSIONS: i64 = 50;

/// A deployment that can begin.
pub(crate) struct Prepared {
    pub(crate) services: Vec<DeployedService>,
    pub(crate) steps: Vec<Step>,
    /// What it brings.
    kept: Vec<Kept>,
}

impl Deployer {
    /// Plans. Nothing is changed.
    pub(super) async fn prepare(
        &self,
        target: &Target,
        deployment: &Deployment,
        left: &Left,
    ) -> Result<Prepared, PrepareError> {
        let mut wanted = Vec::new();
        for (service, labels) in &left.services {
            let image = service.image.parse().map_err(|_| PlanError::Refused {
                service: service.service.clone(),
                reason: sentence!("its image {} can not be read", service.image),
            })?;
            wanted.push(WantedService {
                service: service.service.clone(),
                image,
                digest: service.to_digest.clone(),
                policy: labels.policy.clone(),
                obsolete: self.obsolete(target, &deployment.stack, service).await?,
            });
        }
        let wanted = Wanted {
            deployment: deployment.id,
            stack: deployment.stack.clone(),
            services: wanted,
        };
        let steps = target.engine.plan(&wanted).await?;
        let moved = left.services.iter().map(|(service, _)| service.clone());
        let moved: Vec<_> = moved.collect();
        let kept = self.brought(&moved).await?;
        let left_out = left.left_out.iter().map(|(service, why)| DeployedService {
            left_out: Some(why.clone()),
            ..service.clone()
        });
        Ok(Prepared {
            services: moved.into_iter().chain(left_out).collect(),
            steps,
            kept,
        })
    }

    /// The versions of a service whose images need not be kept any more.
    async fn obsolete(
        &self,
        target: &Target,
        stack: &str,
        service: &DeployedService,
    ) -> Result<Vec<Digest>, DbError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let (name, repository) = (&service.service, &service.repository);
        let versions = db::deployments::versions(
            &mut connection,
            target.id,
            stack,
            name,
            repository,
            VERSIONS,
        );
        let mut earlier: Vec<Digest> = service.from_digest.iter().cloned().collect();
        for version in versions.await? {
            if version != service.to_digest && !earlier.contains(&version) {
                earlier.push(version);
            }
        }
        let kept = self.settings.keep_images as usize;
        Ok(earlier.into_iter().skip(kept).collect())
    }

    /// Plans what somebody asks for, as it would be done now.
    pub(crate) async fn try_plan(
        &self,
        target: &Target,
        deployment: &Deployment,
    ) -> Result<Prepared, PrepareError> {
        let observed = self.observe(target).await.map_err(PlanError::from)?;
        let left = self.left(target, deployment, &observed).await?;
        self.prepare(target, deployment, &left).await
    }

    /// Writes the steps, all of them, with the state in which they are taken.
    pub(super) async fn journal_plan(
        &self,
        target: &Target,
        deployment: &Deployment,
        prepared: Prepared,
    ) -> Result<bool, DbError> {
        let (id, from, now) = (deployment.id, deployment.state, self.journal.now());
        let process = self.process.clone();
        let target = target.name.clone();
        self.journal
            .write(move |tx| {
                async move {
                    if !move_to(tx, id, (from, State::Pulling), None, now).await? {
                        return Ok(false);
                    }
                    for service in &prepared.services {
                        db::deployments::put_service(tx, id, service).await?;
                        if let Some(why) = &service.left_out {
                            let name = Some(service.service.as_str());
                            let text = sentence!("left out: {why}");
                            db::lines::insert(tx, id, LineKind::Note, name, &text, now).await?;
                        }
                    }
                    holds::hold(tx, &target, id, &prepared.kept).await?;
                    for (number, step) in (1..).zip(&prepared.steps) {
                        db::steps::insert(tx, id, number, step).await?;
                    }
                    db::deployments::claim(tx, id, &process).await
                }
                .boxed()
            })
            .await
    }
}
