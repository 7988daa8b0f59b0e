use berth_registry::{DbError, Timestamp, sentence};

use super::{LOOK_AGAIN, Outcome, PrepareError};
use crate::db;
use crate::deployer::Deployer;
use crate::engine::Service;
use crate::history::{DeployedService, Deployment, State, WANTS_APPROVAL};
use crate::image::ImageReference;
use crate::matching::{Known, opted_in, overruled, runs};
use crate::policy::{Approval, Labels};
use crate::shown::{Hold, Rule};
use crate::take::labels;
use crate::target::Target;

const RUNS_ALREADY: &str = sentence("it runs this digest already");

/// What is left to do of a deployment, now that it is due.
#[derive(Default)]
pub(super) struct Left {
    pub(super) services: Vec<(DeployedService, Labels)>,
    /// Those that are left out, and why.
    pub(super) left_out: Vec<(DeployedService, String)>,
    held: Option<Hold>,
}

impl Left {
    /// Whether everything runs what is wanted.
    pub(super) fn all_run(&self) -> bool {
        self.services.is_empty() && self.left_out.iter().all(|(_, why)| why == RUNS_ALREADY)
    }

    pub(super) fn leave_out(&mut self, name: &str, why: String) {
        let refused = self.services.extract_if(.., |(one, _)| one.service == name);
        let refused: Vec<_> = refused.collect();
        let with_reason = |(service, _)| (service, why.clone());
        self.left_out.extend(refused.into_iter().map(with_reason));
    }
}

impl Deployer {
    /// The services that still have to be brought to what is wanted. Much may have happened since
    /// they were queued.
    pub(super) async fn left(
        &self,
        target: &Target,
        deployment: &Deployment,
        observed: &[Service],
    ) -> Result<Left, PrepareError> {
        let rules = self.rules_of(target).await?;
        let known = self.known(target, &deployment.stack).await?;
        let mut left = Left {
            held: known.held.clone(),
            ..Left::default()
        };
        for wanted in &deployment.services {
            let found = self.look_at(deployment, wanted, observed, &rules, &known);
            match found.await? {
                Ok(service) => left.services.push(service),
                Err(why) => left.left_out.push((wanted.clone(), why)),
            }
        }
        if deployment.cause.automatic() && !left.services.is_empty() {
            for (wanted, approved) in self.left_behind(target, deployment).await? {
                let found = self.look_at(deployment, &wanted, observed, &rules, &known);
                let found = found.await?.ok();
                // The word that was given for this deployment was not given for them.
                let may = |(_, labels): &(_, Labels)| approved || labels.approval == Approval::None;
                left.services.extend(found.filter(may));
            }
        }
        Ok(left)
    }

    /// A service with its labels, or why it is left out.
    async fn look_at(
        &self,
        deployment: &Deployment,
        wanted: &DeployedService,
        observed: &[Service],
        rules: &[Rule],
        known: &Known,
    ) -> Result<Result<(DeployedService, Labels), String>, PrepareError> {
        let left_out = |why: &str| Ok(Err(why.to_owned()));
        let service = observed
            .iter()
            .find(|one| one.stack == deployment.stack && one.name == wanted.service);
        let Some(service) = service else {
            return left_out(sentence("it is not there any more"));
        };
        let image: Option<ImageReference> = service.image.parse().ok();
        let Some(image) = image.filter(|_| service.image == wanted.image) else {
            return left_out(sentence("it uses another image by now"));
        };
        let labels = opted_in(service, &labels(service, rules), self.settings.monitor);
        let labels = match labels {
            Ok(labels) => labels,
            Err(verdict) => return left_out(&verdict.text),
        };
        if deployment.cause.automatic() {
            if self.current_digest(&image).await?.as_ref() != Some(&wanted.to_digest) {
                return left_out(sentence("the tag has moved on since"));
            }
            if let Some(verdict) = overruled(service, &wanted.to_digest, known) {
                return left_out(&verdict.text);
            }
        }
        if runs(service, &wanted.to_digest) {
            return left_out(RUNS_ALREADY);
        }
        let service = DeployedService {
            from_digest: service.digest().cloned(),
            rollback: labels.policy.rollback,
            ..wanted.clone()
        };
        Ok(Ok((service, labels)))
    }

    /// What the last deployment of the stack did not get to, since another of its services failed;
    /// and whether somebody had approved it.
    async fn left_behind(
        &self,
        target: &Target,
        deployment: &Deployment,
    ) -> Result<Vec<(DeployedService, bool)>, DbError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let last = db::deployments::last_ended(&mut connection, target.id, &deployment.stack);
        let Some(last) = last.await?.filter(|last| last.cause.automatic()) else {
            return Ok(Vec::new());
        };
        match last.state {
            State::RolledBack | State::Failed => {}
            State::Queued
            | State::Waiting
            | State::Pulling
            | State::Replacing
            | State::Verifying
            | State::Succeeded
            | State::RollingBack
            | State::RollbackFailed
            | State::Superseded
            | State::Cancelled => return Ok(Vec::new()),
        }
        let named = |name: &str| deployment.services.iter().any(|one| one.service == name);
        let behind = last.moved().filter(|service| !named(&service.service));
        let again = |service: &DeployedService| DeployedService {
            downtime_ms: None,
            ..service.clone()
        };
        let approved = last.approved_by.is_some();
        Ok(behind.map(|service| (again(service), approved)).collect())
    }
}

/// What an automatic deployment has to wait for, or that it is held.
pub(super) fn waits(deployment: &Deployment, left: &Left, now: Timestamp) -> Option<Outcome> {
    if let Some(hold) = &left.held {
        let reason = hold.of(&deployment.stack);
        return Some(Outcome::End(State::Cancelled, reason));
    }
    let of_it = |(service, _): &&(DeployedService, Labels)| {
        let mut services = deployment.services.iter();
        services.any(|one| one.service == service.service)
    };
    let mut own = left.services.iter().filter(of_it);
    let needs = |(_, labels): &(_, Labels)| labels.approval != Approval::None;
    if deployment.approved_by.is_none() && own.any(needs) {
        return Some(Outcome::Wait {
            reason: WANTS_APPROVAL.to_owned(),
            until: now.plus(LOOK_AGAIN),
        });
    }
    let services = left.services.iter();
    let mut windows = services.filter_map(|(_, labels)| labels.window.as_ref());
    let closed = windows.find(|windows| !windows.open_at(now))?;
    let opens = closed.next_after(now);
    let until = opens.map_or(now.plus(LOOK_AGAIN), |at| Timestamp(at.timestamp_millis()));
    let shown = opens.map_or_else(|| closed.to_string(), |at| at.to_string());
    Some(Outcome::Wait {
        reason: sentence!("its window opens at {shown}"),
        until: until.min(now.plus(LOOK_AGAIN)),
    })
}
