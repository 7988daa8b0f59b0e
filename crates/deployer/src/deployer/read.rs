//! What is shown. Deployments are visible to those who may pull one of their images; of services that
//! a caller may not see, steps and lines are left out too.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_registry::auth::{Action, Caller};
use berth_registry::{Timestamp, sentence};
use futures_util::future::join_all;

use super::Deployer;
use crate::db;
use crate::db::decisions::Of;
use crate::db::deployments::Which;
use crate::db::steps::Journalled;
use crate::engine::{ReplicaState, Service};
use crate::history::{Decision, Deployment, Line, Part, StepRecord};
use crate::image::ImageReference;
use crate::matching::{Known, Reason, Verdict, standing};
use crate::shown::{
    DeployError, Filter, Rule, ServiceOf, ServiceStatus, StackStatus, TargetStatus,
};
use crate::take::labels;
use crate::target::Target;

/// Pages of rows that are looked through for one, where a caller may see little.
const PARTS: usize = 10;

impl Deployer {
    /// In order of their names. For those with `target.read`, as is [`Deployer::stacks`].
    pub async fn targets(&self) -> Vec<TargetStatus> {
        let status = async |target: &Arc<Target>| {
            // So that it is said what is so now; the outcome is noted there.
            let _ = self.observe(target).await;
            TargetStatus {
                name: target.name.clone(),
                kind: target.engine.kind(),
                trouble: target.trouble(),
                triggers: target.triggers.clone(),
            }
        };
        join_all(self.targets.values().map(status)).await
    }

    /// The targets that could not be reached when they were asked last, with the reason.
    pub fn unreachable(&self) -> Vec<(String, String)> {
        let targets = self.targets.values();
        let troubled = targets.filter_map(|target| Some((target.name.clone(), target.trouble()?)));
        troubled.collect()
    }

    pub async fn stacks(&self, target: &str) -> Result<Vec<StackStatus>, DeployError> {
        let found = self.targets.get(target);
        let found = found.ok_or_else(|| DeployError::Absent(sentence!("target {target}")))?;
        let services = self.observe_for(found).await?;
        let rules = self.rules_of(found).await?;
        let mut stacks: BTreeMap<String, Vec<Service>> = BTreeMap::new();
        for service in services {
            let stack = stacks.entry(service.stack.clone()).or_default();
            stack.push(service);
        }
        let mut shown = Vec::new();
        for (stack, services) in stacks {
            let known = self.known(found, &stack).await?;
            let status = |service| self.status(found, service, &rules, &known);
            shown.push(StackStatus {
                services: services.iter().map(status).collect(),
                stack,
                held: known.held.clone(),
            });
        }
        Ok(shown)
    }

    fn status(
        &self,
        target: &Target,
        service: &Service,
        rules: &[Rule],
        known: &Known,
    ) -> ServiceStatus {
        let verdict = match self.own_image(service) {
            Some(_) => standing(service, &labels(service, rules), known, self.terms(target)),
            None => Some(Verdict {
                reason: Reason::NoMatch,
                text: not_ours(&service.image),
            }),
        };
        let replicas = service.replicas.iter();
        let running = replicas.filter(|replica| replica.state == ReplicaState::Running);
        ServiceStatus {
            service: service.name.clone(),
            image: service.image.clone(),
            digest: service.digest().cloned(),
            why_not: verdict.map(|verdict| verdict.text),
            replicas: service.replicas.len(),
            running: running.count(),
            pinned: known.pinned.get(&service.name).cloned(),
        }
    }

    /// Newest first, those older than the deployment `before`.
    pub async fn deployments(
        &self,
        by: &Caller,
        filter: &Filter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Part<Deployment>, DeployError> {
        let mut which = Which {
            target: filter.target.as_deref(),
            stack: filter.stack.as_deref(),
            state: filter.state,
            before,
        };
        let mut items = Vec::new();
        for _ in 0..PARTS {
            let mut connection = self.journal.db().read().await?;
            let rows = db::deployments::list(&mut connection, &which, limit as i64 + 1).await?;
            drop(connection);
            let part = Part::of(rows, limit, |deployment| deployment.id);
            for deployment in part.items {
                let id = deployment.id;
                if items.len() == limit {
                    let next = which.before;
                    return Ok(Part { items, next });
                }
                items.extend(self.seen(by, deployment).await?);
                which.before = Some(id);
            }
            if part.next.is_none() {
                return Ok(Part { items, next: None });
            }
        }
        let next = which.before;
        Ok(Part { items, next })
    }

    /// Those that wait for somebody to approve them, and those that failed since a moment and of whose
    /// services none was deployed again; newest first, of so many.
    pub async fn unsettled(
        &self,
        by: &Caller,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Deployment>, DeployError> {
        let mut connection = self.journal.db().read().await?;
        let rows = db::deployments::unsettled(&mut connection, since, limit as i64).await?;
        drop(connection);
        let mut items = Vec::new();
        for deployment in rows {
            items.extend(self.seen(by, deployment).await?);
        }
        Ok(items)
    }

    pub async fn deployment(&self, by: &Caller, id: i64) -> Result<Deployment, DeployError> {
        self.find_seen(by, id).await
    }

    pub async fn steps(&self, by: &Caller, id: i64) -> Result<Vec<StepRecord>, DeployError> {
        let seen = self.find_seen(by, id).await?;
        let mut connection = self.journal.db().read().await?;
        let steps = db::steps::list(&mut connection, id).await?;
        let visible = |step: &Journalled| {
            let service = step.step.service.as_ref();
            service.is_none_or(|service| names(&seen, service))
        };
        let steps = steps.into_iter().filter(visible);
        Ok(steps.map(StepRecord::from).collect())
    }

    /// Lines behind the one with the number `after`, oldest first.
    pub async fn lines(
        &self,
        by: &Caller,
        id: i64,
        after: i64,
        limit: usize,
    ) -> Result<Part<Line>, DeployError> {
        let seen = self.find_seen(by, id).await?;
        let visible = |line: &Line| {
            let service = line.service.as_ref();
            service.is_none_or(|service| names(&seen, service))
        };
        let mut after = after;
        loop {
            let mut connection = self.journal.db().read().await?;
            let rows = db::lines::list(&mut connection, id, after, limit as i64 + 1).await?;
            drop(connection);
            let mut part = Part::of(rows, limit, |line| line.number);
            part.items.retain(visible);
            match part.next {
                Some(next) if part.items.is_empty() => after = next,
                Some(_) | None => return Ok(part),
            }
        }
    }

    /// What became of pushes for a service, newest first, those before the event `before`.
    pub async fn decisions(
        &self,
        by: &Caller,
        of: ServiceOf<'_>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Part<Decision>, DeployError> {
        let absent = || DeployError::Absent(of.to_string());
        let found = self.targets.get(of.stack.target).filter(|_| by.known());
        let of = Of {
            target: found.ok_or_else(absent)?.id,
            stack: of.stack.stack,
            service: of.service,
        };
        let mut before = before;
        loop {
            let mut connection = self.journal.db().read().await?;
            let rows = db::decisions::list(&mut connection, of, before, limit as i64 + 1).await?;
            drop(connection);
            let part = Part::of(rows, limit, |decision| decision.event);
            let mut items = Vec::new();
            for decision in part.items {
                if self.may(by, Action::Pull, &decision.repository).await? {
                    items.push(decision);
                }
            }
            match (items.is_empty(), part.next) {
                (false, next) => return Ok(Part { items, next }),
                (true, Some(next)) => before = Some(next),
                (true, None) => return Err(absent()),
            }
        }
    }

    /// In order of their numbers. For those with `target.read`.
    pub async fn rules(&self, after: i64, limit: usize) -> Result<Part<Rule>, DeployError> {
        let mut connection = self.journal.db().read().await?;
        let rows = db::rules::list(&mut connection, None, after, limit as i64 + 1).await?;
        Ok(Part::of(rows, limit, |rule| rule.id))
    }
}

fn names(deployment: &Deployment, service: &str) -> bool {
    let mut services = deployment.services.iter();
    services.any(|one| one.service == service)
}

/// Why an image is none of this registry, or none that a push can move.
fn not_ours(image: &str) -> String {
    match image.parse::<ImageReference>() {
        Ok(image) => sentence!(
            "its image names the registry {}, which is another one",
            image.host
        ),
        Err(error) => sentence!("of its image: {error}"),
    }
}

impl From<Journalled> for StepRecord {
    fn from(step: Journalled) -> Self {
        Self {
            number: step.number,
            phase: step.step.phase,
            service: step.step.service,
            line: step.step.line,
            state: step.state,
            detail: step.detail,
            started_at: step.started_at,
            finished_at: step.undone_at.or(step.finished_at),
        }
    }
}
