//! Approving, cancelling, holding and pinning, and the rules that opt services in.

use berth_oci::Digest;
use berth_registry::audit::Entry;
use berth_registry::auth::{Action, Caller};
use berth_registry::{DbError, sentence};
use futures_util::FutureExt as _;

use super::Deployer;
use crate::db;
use crate::engine::Service;
use crate::history::{DeployedService, Deployment, LineKind, State};
use crate::image::ImageReference;
use crate::journal::move_to;
use crate::policy::{Approval, Labels};
use crate::shown::{DeployError, Hold, NewRule, Rule, ServiceOf, StackOf};
use crate::take::{MOST_RULES, labels};

impl Deployer {
    /// Lets a deployment that waits for somebody's word go on.
    pub async fn approve(&self, by: &Caller, id: i64) -> Result<Deployment, DeployError> {
        let deployment = self.find_for(by, id, Action::DeployApprove).await?;
        // What is queued may still become something else, by another push.
        if deployment.state != State::Waiting {
            let state = deployment.state.as_str();
            let text = sentence!("deployment {id} is {state}, and waits for nobody's word");
            return Err(DeployError::Conflict(text));
        }
        let pushed_it = |service: &DeployedService| service.pushed_by.as_deref() == Some(by.name());
        if deployment.services.iter().any(pushed_it) && self.wants_others(&deployment).await? {
            let text = sentence!(
                "somebody else than {}, who pushed it, has to approve it",
                by.name()
            );
            return Err(DeployError::Conflict(text));
        }
        let (actor, now) = (by.actor(), self.journal.now());
        let entry = entry(by, "deploy.approve", &deployment, id);
        self.journal
            .write(move |tx| {
                async move {
                    // What waits is never changed, only superseded.
                    let current = db::deployments::find(tx, id).await?;
                    if current.is_none_or(|current| current.state != State::Waiting) {
                        let text = sentence!("deployment {id} has changed: look at it again");
                        return Err(DeployError::Conflict(text));
                    }
                    db::deployments::set_approved(tx, id, &actor.name).await?;
                    let text = sentence!("approved by {}", actor.name);
                    db::lines::insert(tx, id, LineKind::Note, None, &text, now).await?;
                    entry.record(tx, now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await?;
        self.look_at_once(&deployment);
        self.deployment(by, id).await
    }

    /// Whether a service of it is to be approved by somebody who did not push it.
    async fn wants_others(&self, deployment: &Deployment) -> Result<bool, DeployError> {
        let Some(target) = self.targets.get(&deployment.target) else {
            return Ok(true);
        };
        let rules = self.rules_of(target).await?;
        let observed = self.observe_for(target).await?;
        let others = |service: &Service| {
            let labels = Labels::read(&labels(service, &rules), self.settings.monitor);
            labels.is_ok_and(|labels| labels.approval == Approval::Other)
        };
        let of_it = |service: &&Service| {
            let mut deployed = deployment.services.iter();
            service.stack == deployment.stack && deployed.any(|one| one.service == service.name)
        };
        Ok(observed.iter().filter(of_it).any(others))
    }

    /// Ends a deployment that has not begun.
    pub async fn cancel(&self, by: &Caller, id: i64) -> Result<Deployment, DeployError> {
        let deployment = self.find_for(by, id, Action::DeployApprove).await?;
        let (from, now) = (deployment.state, self.journal.now());
        if from.begun() || from.ended() {
            let text = sentence!(
                "deployment {id} is {}: it can not be cancelled",
                from.as_str()
            );
            return Err(DeployError::Conflict(text));
        }
        let reason = sentence!("cancelled by {}", by.name());
        let entry = entry(by, "deploy.cancel", &deployment, id);
        self.journal
            .write(move |tx| {
                async move {
                    let change = (from, State::Cancelled);
                    if !move_to(tx, id, change, Some(&reason), now).await? {
                        let text = sentence!("deployment {id} has changed: look at it again");
                        return Err(DeployError::Conflict(text));
                    }
                    entry.record(tx, now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await?;
        self.look_at_once(&deployment);
        self.deployment(by, id).await
    }

    fn look_at_once(&self, deployment: &Deployment) {
        if let Some(target) = self.targets.get(&deployment.target) {
            target.forget(deployment.id);
            target.wake.notify_one();
        }
    }

    /// Keeps pushes from a stack. What has not begun of them is cancelled.
    pub async fn hold(
        &self,
        by: &Caller,
        of: StackOf<'_>,
        reason: Option<String>,
    ) -> Result<(), DeployError> {
        let (target, services) = self.find_stack(by, of, Action::DeployHold).await?;
        let (id, stack, now) = (target.id, of.stack.to_owned(), self.journal.now());
        let hold = Hold {
            by: by.name().to_owned(),
            at: now,
            reason,
        };
        let entry = entry_of_stack(by, "deploy.hold", &target.name, &stack, &services);
        self.journal
            .write(move |tx| {
                async move {
                    db::steering::hold(tx, id, &stack, &hold).await?;
                    let waiting = db::deployments::not_begun(tx, id, &stack).await?;
                    if let Some(waiting) = waiting.filter(|waiting| waiting.cause.automatic()) {
                        let change = (waiting.state, State::Cancelled);
                        let reason = hold.of(&stack);
                        move_to(tx, waiting.id, change, Some(&reason), now).await?;
                    }
                    entry.record(tx, now).await?;
                    Ok::<_, DbError>(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    /// Lets pushes deploy to a stack again. Those that came meanwhile are not made up for.
    pub async fn release(&self, by: &Caller, of: StackOf<'_>) -> Result<(), DeployError> {
        let (target, services) = self.find_stack(by, of, Action::DeployHold).await?;
        let (id, stack, now) = (target.id, of.stack.to_owned(), self.journal.now());
        let entry = entry_of_stack(by, "deploy.release", &target.name, &stack, &services);
        self.journal
            .write(move |tx| {
                async move {
                    if db::steering::release(tx, id, &stack).await? {
                        entry.record(tx, now).await?;
                    }
                    Ok::<_, DbError>(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    /// Keeps a service at a digest, whatever is pushed. What it runs now stays until somebody
    /// deploys the digest.
    pub async fn pin(
        &self,
        by: &Caller,
        of: ServiceOf<'_>,
        digest: Digest,
    ) -> Result<(), DeployError> {
        let (target, services) = self.find_stack(by, of.stack, Action::DeployHold).await?;
        let named = services.iter().find(|(one, _)| one.name == of.service);
        let (_, image) = named.ok_or_else(|| DeployError::Absent(of.to_string()))?;
        self.require_manifest(&image.repository, &digest).await?;
        let (id, now) = (target.id, self.journal.now());
        let (stack, service) = (of.stack.stack.to_owned(), of.service.to_owned());
        let entry = entry_of_stack(by, "deploy.pin", &target.name, &stack, &services)
            .with_detail(format_args!("{service} {digest}"));
        self.journal
            .write(move |tx| {
                async move {
                    db::steering::pin(tx, id, &stack, &service, &digest).await?;
                    entry.record(tx, now).await?;
                    Ok::<_, DbError>(())
                }
                .boxed()
            })
            .await?;
        Ok(())
    }

    pub async fn unpin(&self, by: &Caller, of: ServiceOf<'_>) -> Result<(), DeployError> {
        let (target, services) = self.find_stack(by, of.stack, Action::DeployHold).await?;
        let (id, now, absent) = (target.id, self.journal.now(), of.to_string());
        let (stack, service) = (of.stack.stack.to_owned(), of.service.to_owned());
        let entry = entry_of_stack(by, "deploy.unpin", &target.name, &stack, &services)
            .with_detail(&service);
        self.journal
            .write(move |tx| {
                async move {
                    if !db::steering::unpin(tx, id, &stack, &service).await? {
                        return Err(DeployError::Absent(absent));
                    }
                    entry.record(tx, now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// For those with `target.manage`, as is [`Deployer::delete_rule`].
    pub async fn create_rule(&self, by: &Caller, rule: NewRule) -> Result<Rule, DeployError> {
        if !self.targets.contains_key(&rule.target) {
            return Err(DeployError::Invalid(sentence!(
                "there is no target {}",
                rule.target
            )));
        }
        let read = Labels::read(&rule.labels, self.settings.monitor);
        read.map_err(|error| DeployError::Invalid(error.to_string()))?;
        if let Some(label) = rule
            .labels
            .keys()
            .find(|label| !label.starts_with("berth.deploy"))
        {
            let text =
                sentence!("{label} is no label of deployments: they begin with berth.deploy");
            return Err(DeployError::Invalid(text));
        }
        let (by_name, now) = (by.name().to_owned(), self.journal.now());
        let subject = format!("{}/{}", rule.target, rule.stack);
        let entry = Entry::done(&by.actor(), "deploy_rule.create", subject);
        self.journal
            .write(move |tx| {
                async move {
                    let most = MOST_RULES as i64;
                    let rules = db::rules::list(tx, Some(&rule.target), 0, most).await?;
                    if rules.len() == MOST_RULES {
                        let text = sentence!("a target has {MOST_RULES} rules at most");
                        return Err(DeployError::Conflict(text));
                    }
                    let id = db::rules::insert(tx, &rule, &by_name, now).await?;
                    entry.record(tx, now).await?;
                    Ok(Rule {
                        id,
                        target: rule.target,
                        stack: rule.stack,
                        service: rule.service,
                        labels: rule.labels,
                        created_by: by_name,
                        created_at: now,
                    })
                }
                .boxed()
            })
            .await
    }

    pub async fn delete_rule(&self, by: &Caller, id: i64) -> Result<(), DeployError> {
        let (actor, now) = (by.actor(), self.journal.now());
        self.journal
            .write(move |tx| {
                async move {
                    let rule = db::rules::delete(tx, id).await?;
                    let rule = rule.ok_or_else(|| DeployError::Absent(sentence!("rule {id}")))?;
                    let subject = format!("{}/{}", rule.target, rule.stack);
                    let entry = Entry::done(&actor, "deploy_rule.delete", subject);
                    entry.record(tx, now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

fn entry(by: &Caller, action: &'static str, deployment: &Deployment, id: i64) -> Entry {
    let (target, stack) = (&deployment.target, &deployment.stack);
    let entry = Entry::done(&by.actor(), action, format_args!("{target}/{stack}"));
    let entry = entry.with_detail(sentence!("deployment {id}"));
    match deployment.services.first() {
        Some(service) => entry.in_project(&service.repository.project()),
        None => entry,
    }
}

fn entry_of_stack(
    by: &Caller,
    action: &'static str,
    target: &str,
    stack: &str,
    services: &[(Service, ImageReference)],
) -> Entry {
    let entry = Entry::done(&by.actor(), action, format_args!("{target}/{stack}"));
    match services.first() {
        Some((_, image)) => entry.in_project(&image.repository.project()),
        None => entry,
    }
}
