//! What happens around the replacement of a service: hooks, and what others have to do with it.

use berth_registry::sentence;

use super::{Target, replace, words};
use crate::engine::docker::action::{Action, Await, Dependent, Hook, Restart, When};
use crate::engine::docker::container::Container;
use crate::engine::docker::facts::Facts;
use crate::engine::docker::{labels, observe};
use crate::engine::{Condition, Dependency, Phase, Step, Wanted};
use crate::policy::Command;

pub(super) fn hooks(facts: &Facts, targets: &[Target<'_>], when: When) -> Vec<Step> {
    let hook = |target: &Target<'_>| {
        let policy = &target.wanted.policy;
        let (command, phase) = match when {
            When::Before => (&policy.before, Phase::Before),
            When::After => (&policy.after, Phase::After),
        };
        let Command(words) = command.as_ref()?;
        let old = target.old[0];
        let (command, name) = (words::command(words), target.name());
        let line = match when {
            When::Before => {
                sentence!("run {command} in the new image of {name}, before anything is touched")
            }
            When::After => {
                sentence!("run {command} in the new image of {name}, now that the new version runs")
            }
        };
        let hook = Hook {
            when,
            image: target.image.clone(),
            after: old.id.clone(),
            name: format!("{}.{}-{}", old.name(), when.as_str(), target.deployment),
            command: words.clone(),
            carried: replace::carried(facts, old),
        };
        Some(target.step(phase, line, &Action::Hook(hook)))
    };
    targets.iter().filter_map(hook).collect()
}

/// What the service depends on has to be as its Compose file says, in this deployment or not.
pub(super) fn waits(facts: &Facts, target: &Target<'_>) -> Vec<Step> {
    let depends_on = target.old[0].label(labels::DEPENDS_ON).unwrap_or_default();
    let wait = |dependency: Dependency| {
        // A dependency that is not required, and is not there, is waited for by nobody.
        if facts.service(target.stack, &dependency.service).is_empty() {
            return None;
        }
        let (other, name) = (&dependency.service, target.name());
        let line = match dependency.condition {
            Condition::Started => {
                sentence!("wait until {other} has started, which {name} depends on")
            }
            Condition::Healthy => {
                sentence!("wait until {other} is healthy, which {name} depends on")
            }
            Condition::Completed => {
                sentence!("wait until {other} has completed, which {name} depends on")
            }
        };
        let action = Action::Await(Await {
            stack: target.stack.to_owned(),
            service: dependency.service,
            condition: dependency.condition,
            timeout: target.wanted.policy.timeout,
        });
        Some(target.step(Phase::Replace, line, &action))
    };
    labels::dependencies(depends_on)
        .into_iter()
        .filter_map(wait)
        .collect()
}

/// Running containers of services that are not deployed themselves, and whose Compose file asks for
/// a restart when this service was replaced.
pub(super) fn dependents(facts: &Facts, wanted: &Wanted, target: &Target<'_>) -> Option<Restart> {
    let deployed = |it: &Container| {
        let (_, service) = it.stack_and_service();
        wanted
            .services
            .iter()
            .any(|wanted| wanted.service == service)
    };
    let asks = |it: &Container| {
        let depends_on = it.label(labels::DEPENDS_ON).unwrap_or_default();
        let mut all = labels::dependencies(depends_on).into_iter();
        all.any(|dependency| dependency.restart && dependency.service == target.name())
    };
    let containers: Vec<Dependent> = facts
        .containers
        .iter()
        .filter(|it| observe::serves(it, &facts.containers) && it.running())
        .filter(|it| it.stack_and_service().0 == wanted.stack && !deployed(it) && asks(it))
        // Berth would end in the middle of the deployment.
        .filter(|it| facts.own.as_ref() != Some(&it.id))
        .map(|it| Dependent {
            id: it.id.clone(),
            name: it.name().to_owned(),
            started_at: it.state.started_at,
        })
        .collect();
    (!containers.is_empty()).then_some(Restart { containers })
}
