//! What people ask for themselves: a deployment by hand, its plan, and the way back.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_oci::{Digest, Reference, RepositoryName};
use berth_registry::audit::Entry;
use berth_registry::auth::{Action, Caller};
use berth_registry::sentence;
use berth_registry::source::Asked;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tracing::warn;

use super::Deployer;
use crate::begin::PrepareError;
use crate::db::deployments::New;
use crate::engine::{PlanError, Service};
use crate::history::{Cause, DeployedService, Deployment, LineKind, State, StepRecord, StepState};
use crate::image::ImageReference;
use crate::matching::opted_in;
use crate::shown::{DeployError, Planned, Request, StackOf};
use crate::take::{TakeError, labels};
use crate::target::Target;
use crate::{db, holds, queue};

impl From<TakeError> for DeployError {
    fn from(error: TakeError) -> Self {
        match error {
            TakeError::Db(error) => Self::Db(error),
            TakeError::Engine(_) | TakeError::Locate(_) | TakeError::Source(_) => {
                let text = error.to_string();
                warn!(error = &error as &dyn std::error::Error, "{text}");
                Self::Conflict(text)
            }
        }
    }
}

impl Deployer {
    /// What a deployment would do now. Nothing is changed.
    pub async fn plan(&self, by: &Caller, request: &Request) -> Result<Planned, DeployError> {
        let (target, services) = self.asked_for(by, request).await?;
        let now = self.journal.now();
        let deployment = Deployment {
            id: 0,
            target: target.name.clone(),
            stack: request.stack.clone(),
            cause: Cause::Hand,
            state: State::Queued,
            reason: None,
            requested_by: None,
            approved_by: None,
            wants_approval: false,
            services,
            rolls_back: None,
            created_at: now,
            due_at: now,
            started_at: None,
            finished_at: None,
        };
        let prepared = self.try_plan(&target, &deployment).await;
        let prepared = prepared.map_err(|error| refused(&target, error))?;
        let steps = (1..).zip(prepared.steps);
        let steps = steps.map(|(number, step)| StepRecord {
            number,
            phase: step.phase,
            service: step.service,
            line: step.line,
            state: StepState::Planned,
            detail: None,
            started_at: None,
            finished_at: None,
        });
        let moved = prepared.services.into_iter();
        Ok(Planned {
            services: moved.filter(|service| service.left_out.is_none()).collect(),
            steps: steps.collect(),
        })
    }

    /// Queues a deployment. It waits neither for a window nor for approval: somebody wants it now.
    pub async fn deploy(&self, by: &Caller, request: Request) -> Result<Deployment, DeployError> {
        let (target, services) = self.asked_for(by, &request).await?;
        let asked = Hand {
            action: "deploy.run",
            cause: Cause::Hand,
            rolls_back: None,
            quarantine: Vec::new(),
        };
        self.queue(by, &target, &request.stack, services, asked)
            .await
    }

    /// Queues a deployment that brings back what ran before the deployment `id`. What that one
    /// brought is not deployed again by itself.
    pub async fn roll_back(&self, by: &Caller, id: i64) -> Result<Deployment, DeployError> {
        let deployment = self.find_for(by, id, Action::DeployRollback).await?;
        if !deployment.state.ended() {
            let text = sentence!("deployment {id} is still {}", deployment.state.as_str());
            return Err(DeployError::Conflict(text));
        }
        let target = self.targets.get(&deployment.target);
        let target = target.ok_or_else(|| {
            DeployError::Conflict(sentence!("no engine {} is configured", deployment.target))
        })?;
        let (mut services, mut quarantine) = (Vec::new(), Vec::new());
        for service in deployment.moved().cloned() {
            let Some(from) = service.from_digest else {
                let name = &service.service;
                let text = sentence!("it is not known what {name} ran before deployment {id}");
                return Err(DeployError::Conflict(text));
            };
            self.require_manifest(&service.repository, &from).await?;
            quarantine.push(service.to_digest.clone());
            services.push(DeployedService {
                from_digest: Some(service.to_digest),
                to_digest: from,
                pushed_by: None,
                downtime_ms: None,
                ..service
            });
        }
        let asked = Hand {
            action: "deploy.rollback",
            cause: Cause::Rollback,
            rolls_back: Some(id),
            quarantine,
        };
        self.queue(by, target, &deployment.stack, services, asked)
            .await
    }

    /// The services that are asked for, with the digests that they are to run.
    async fn asked_for(
        &self,
        by: &Caller,
        request: &Request,
    ) -> Result<(Arc<Target>, Vec<DeployedService>), DeployError> {
        let of = StackOf {
            target: &request.target,
            stack: &request.stack,
        };
        let (target, observed) = self.find_stack(by, of, Action::DeployRun).await?;
        let rules = self.rules_of(&target).await?;
        let named: BTreeMap<&str, &(Service, ImageReference)> = observed
            .iter()
            .map(|one| (one.0.name.as_str(), one))
            .collect();
        if let Some(name) = request
            .services
            .keys()
            .find(|name| !named.contains_key(name.as_str()))
        {
            let stack = &request.stack;
            let text = sentence!("{stack} has no service {name} whose image is of this registry");
            return Err(DeployError::Invalid(text));
        }
        let mut services = Vec::new();
        for (service, image) in &observed {
            let digest = request.services.get(&service.name);
            if digest.is_none() && !request.services.is_empty() {
                continue;
            }
            let opted_in = opted_in(service, &labels(service, &rules), self.settings.monitor);
            match (opted_in, digest) {
                (Ok(_), _) => {}
                // It was not named.
                (Err(_), None) => continue,
                (Err(verdict), Some(_)) => {
                    let text = sentence!("{} is not deployed: {}", service.name, verdict.text);
                    return Err(DeployError::Invalid(text));
                }
            }
            services.push(self.wanted(service, image, digest).await?);
        }
        if services.is_empty() {
            let text = sentence!(
                "no service of {} has the label berth.deploy=true",
                request.stack
            );
            return Err(DeployError::Invalid(text));
        }
        Ok((target, services))
    }

    async fn wanted(
        &self,
        service: &Service,
        image: &ImageReference,
        digest: Option<&Digest>,
    ) -> Result<DeployedService, DeployError> {
        let to_digest = match digest {
            Some(digest) => {
                self.require_manifest(&image.repository, digest).await?;
                digest.clone()
            }
            None => self.current_digest(image).await?.ok_or_else(|| {
                DeployError::Invalid(sentence!(
                    "{image}, which {} uses, is not there",
                    service.name
                ))
            })?,
        };
        Ok(DeployedService {
            service: service.name.clone(),
            image: service.image.clone(),
            repository: image.repository.clone(),
            tag: image.tag.clone(),
            from_digest: service.digest().cloned(),
            to_digest,
            pushed_by: None,
            downtime_ms: None,
            left_out: None,
            rollback: true,
        })
    }

    pub(super) async fn require_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), DeployError> {
        let asked = Asked {
            repository,
            namespace: None,
            prefix: None,
            pushes: false,
        };
        let located = self.sources.locate(asked).await.map_err(TakeError::from)?;
        let name = located.renamed.as_ref().unwrap_or(repository);
        let reference = Reference::Digest(digest.clone());
        let found = located.source.describe_manifest(name, &reference).await;
        if found.map_err(TakeError::from)?.is_none() {
            return Err(DeployError::Invalid(sentence!(
                "{repository} has no image {digest}"
            )));
        }
        Ok(())
    }

    async fn queue(
        &self,
        by: &Caller,
        target: &Target,
        stack: &str,
        services: Vec<DeployedService>,
        asked: Hand,
    ) -> Result<Deployment, DeployError> {
        let (target_id, stack, now) = (target.id, stack.to_owned(), self.journal.now());
        let (name, kept) = (target.name.clone(), self.brought(&services).await?);
        let actor = by.actor();
        let project = services.first().map(|service| service.repository.project());
        let mut entry = Entry::done(
            &actor,
            asked.action,
            format_args!("{}/{stack}", target.name),
        );
        if let Some(project) = project {
            entry = entry.in_project(&project);
        }
        let id = self
            .journal
            .write(move |tx| {
                async move {
                    let of = (target_id, stack.as_str());
                    make_way(tx, of, &services, now).await?;
                    let new = New {
                        target: target_id,
                        stack: &stack,
                        cause: asked.cause,
                        requested_by: Some(&actor.name),
                        rolls_back: asked.rolls_back,
                        due_at: now,
                    };
                    let id = db::deployments::insert(tx, &new, now).await?;
                    for service in &services {
                        db::deployments::put_service(tx, id, service).await?;
                    }
                    holds::hold(tx, &name, id, &kept).await?;
                    for digest in &asked.quarantine {
                        db::steering::quarantine(tx, target_id, &stack, digest).await?;
                    }
                    let text = sentence!("asked for by {}", actor.name);
                    db::lines::insert(tx, id, LineKind::Note, None, &text, now).await?;
                    entry.record(tx, now).await?;
                    Ok::<_, DeployError>(id)
                }
                .boxed()
            })
            .await?;
        target.wake.notify_one();
        let made = self.find(id).await?;
        made.ok_or_else(|| DeployError::Absent(sentence!("deployment {id}")))
    }
}

/// How a deployment comes to be that a person asks for.
struct Hand {
    /// For the audit log.
    action: &'static str,
    cause: Cause,
    rolls_back: Option<i64>,
    /// What is not to be deployed by itself any more.
    quarantine: Vec<Digest>,
}

/// Takes the place of what has not begun, if nothing of it is lost by that.
async fn make_way(
    tx: &mut SqliteConnection,
    (target, stack): (i64, &str),
    services: &[DeployedService],
    now: berth_registry::Timestamp,
) -> Result<(), DeployError> {
    let Some(before) = db::deployments::not_begun(tx, target, stack).await? else {
        return Ok(());
    };
    let covered = before
        .services
        .iter()
        .all(|old| services.iter().any(|new| new.service == old.service));
    if !covered {
        let (id, state) = (before.id, before.state.as_str());
        let text = sentence!("deployment {id} of {stack} is {state}: wait for it, or cancel it");
        return Err(DeployError::Conflict(text));
    }
    queue::supersede(tx, &before, sentence("somebody asked for another one"), now).await?;
    Ok(())
}

fn refused(target: &Target, error: PrepareError) -> DeployError {
    match error {
        PrepareError::Plan(PlanError::Refused { service, reason }) => {
            DeployError::Refused { service, reason }
        }
        PrepareError::Plan(PlanError::Engine(source))
        | PrepareError::Take(TakeError::Engine(source)) => DeployError::Engine {
            target: target.name.clone(),
            source,
        },
        PrepareError::Take(error) => error.into(),
    }
}
