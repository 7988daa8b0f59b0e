//! What a caller may see and do. Absent and forbidden look the same.

use std::sync::Arc;

use berth_oci::RepositoryName;
use berth_registry::auth::{Action, Caller, Target as On};
use berth_registry::{DbError, sentence};

use super::Deployer;
use crate::db;
use crate::engine::Service;
use crate::history::Deployment;
use crate::image::ImageReference;
use crate::shown::{DeployError, StackOf};
use crate::target::Target;

impl Deployer {
    /// The deployment with the services whose images the caller may pull, if there are any. Why it is
    /// where it is may be about the others, so that is for those who may see all.
    pub(super) async fn seen(
        &self,
        by: &Caller,
        mut deployment: Deployment,
    ) -> Result<Option<Deployment>, DbError> {
        let all = deployment.services.len();
        let mut visible = Vec::new();
        for service in deployment.services {
            if self.may(by, Action::Pull, &service.repository).await? {
                visible.push(service);
            }
        }
        if visible.len() < all {
            deployment.reason = None;
        }
        deployment.services = visible;
        Ok((!deployment.services.is_empty()).then_some(deployment))
    }

    pub(super) async fn find(&self, id: i64) -> Result<Option<Deployment>, DbError> {
        let mut connection = self.journal.db().read().await?;
        db::deployments::find(&mut connection, id).await
    }

    /// The deployment, as far as the caller may see it.
    pub(super) async fn find_seen(&self, by: &Caller, id: i64) -> Result<Deployment, DeployError> {
        let absent = || DeployError::Absent(sentence!("deployment {id}"));
        let deployment = self.find(id).await?.ok_or_else(absent)?;
        self.seen(by, deployment).await?.ok_or_else(absent)
    }

    /// A deployment on all of whose images the caller has the right.
    pub(super) async fn find_for(
        &self,
        by: &Caller,
        id: i64,
        action: Action,
    ) -> Result<Deployment, DeployError> {
        let absent = || DeployError::Absent(sentence!("deployment {id}"));
        let found = self.find(id).await?;
        let found = found.filter(|deployment| !deployment.services.is_empty());
        let deployment = found.ok_or_else(absent)?;
        for service in &deployment.services {
            if !self.allows(by, action, &service.repository).await? {
                return Err(absent());
            }
        }
        Ok(deployment)
    }

    /// The services of a stack whose images are of this registry, if the caller has the right on all
    /// of them.
    pub(super) async fn find_stack(
        &self,
        by: &Caller,
        of: StackOf<'_>,
        action: Action,
    ) -> Result<(Arc<Target>, Vec<(Service, ImageReference)>), DeployError> {
        let absent = || DeployError::Absent(of.to_string());
        let found = self.targets.get(of.target).filter(|_| by.known());
        let target = Arc::clone(found.ok_or_else(absent)?);
        let services = match self.observe_for(&target).await {
            Ok(services) => services,
            // That there is a stack, and an engine, is for those who have the right.
            Err(error) => {
                return Err(match self.had_right(by, &target, of.stack, action).await? {
                    true => error,
                    false => absent(),
                });
            }
        };
        let mut ours = Vec::new();
        for service in services {
            if service.stack == of.stack
                && let Some(image) = self.own_image(&service)
            {
                if !self.allows(by, action, &image.repository).await? {
                    return Err(absent());
                }
                ours.push((service, image));
            }
        }
        if ours.is_empty() {
            return Err(absent());
        }
        Ok((target, ours))
    }

    /// Whether the caller has the right on the images that a stack was last deployed with.
    async fn had_right(
        &self,
        by: &Caller,
        target: &Target,
        stack: &str,
        action: Action,
    ) -> Result<bool, DbError> {
        let mut connection = self.journal.db().read().await?;
        let last = db::deployments::last_ended(&mut connection, target.id, stack).await?;
        drop(connection);
        let Some(last) = last else {
            return self.registry.has(by, action, On::Everything).await;
        };
        for service in &last.services {
            if !self.may(by, action, &service.repository).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) async fn observe_for(&self, target: &Target) -> Result<Vec<Service>, DeployError> {
        let observed = self.observe(target).await;
        observed.map_err(|source| DeployError::Engine {
            target: target.name.clone(),
            source,
        })
    }

    /// The image of a service, if it is of this registry.
    pub(super) fn own_image(&self, service: &Service) -> Option<ImageReference> {
        let image: ImageReference = service.image.parse().ok()?;
        self.settings.hosts.contains(&image.host).then_some(image)
    }

    pub(super) async fn may(
        &self,
        by: &Caller,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<bool, DbError> {
        self.registry
            .has(by, action, On::Repository(repository))
            .await
    }

    /// As [`Deployer::may`]; a refusal is noted in the audit log.
    async fn allows(
        &self,
        by: &Caller,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<bool, DbError> {
        self.registry
            .allows(by, action, On::Repository(repository))
            .await
    }
}
