//! From what is there and what is wanted to the steps between.

use berth_registry::sentence;

use super::action::{Action, NewImage, Swaps, When};
use super::container::Container;
use super::facts::Facts;
use crate::engine::{Phase, Step, Wanted, WantedService};

mod around;
mod images;
mod leftover;
mod order;
mod refuse;
mod replace;
mod start_first;
mod words;

#[cfg(test)]
mod tests;

/// Why a service can not be replaced without losing something, and what would help.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) service: String,
    pub(super) reason: String,
}

/// A service that is to be replaced, with what is known of it.
struct Target<'p> {
    wanted: &'p WantedService,
    stack: &'p str,
    deployment: i64,
    old: Vec<&'p Container>,
    image: NewImage,
    one_shot: bool,
}

impl Target<'_> {
    fn name(&self) -> &str {
        &self.wanted.service
    }

    fn step(&self, phase: Phase, line: String, action: &Action) -> Step {
        let action = serde_json::to_value(action);
        Step {
            phase,
            service: Some(self.name().to_owned()),
            line,
            gap: None,
            action: action.expect("an action is plain data with texts for keys"),
        }
    }
}

pub(super) fn plan(facts: &Facts, wanted: &Wanted) -> Result<Vec<Step>, Refusal> {
    let mut targets = Vec::new();
    for name in order::services(facts, wanted) {
        let named = wanted.services.iter().find(|it| it.service == name);
        if let Some(service) = named {
            targets.push(target(facts, wanted, service)?);
        }
    }
    refuse::contradictions(&targets)?;

    let mut steps = images::pulls(facts, &targets);
    steps.extend(around::hooks(facts, &targets, When::Before));
    steps.extend(images::tags(facts, &targets));
    for target in &targets {
        steps.extend(around::waits(facts, target));
        let dependents = around::dependents(facts, wanted, target);
        if let Some(dependents) = &dependents {
            let line = sentence!(
                "restart {} if the old version comes back",
                words::dependents(dependents)
            );
            let action = Action::RestartBack(dependents.clone());
            steps.push(target.step(Phase::Replace, line, &action));
        }
        steps.extend(replace::steps(facts, target)?);
        if let Some(dependents) = dependents {
            let line = sentence!(
                "restart {}, which depends on it",
                words::dependents(&dependents)
            );
            steps.push(target.step(Phase::Replace, line, &Action::Restart(dependents)));
        }
    }
    steps.extend(around::hooks(facts, &targets, When::After));
    for target in &targets {
        let swaps = replace::swaps(&target.old);
        let line = sentence!("remove the old {}", words::swaps(&swaps));
        steps.push(target.step(Phase::Settle, line, &Action::Remove(Swaps { swaps })));
    }
    steps.extend(targets.iter().filter_map(|it| leftover::clear(facts, it)));
    steps.extend(targets.iter().filter_map(|it| images::forget(facts, it)));
    Ok(steps)
}

fn target<'p>(
    facts: &'p Facts,
    wanted: &'p Wanted,
    service: &'p WantedService,
) -> Result<Target<'p>, Refusal> {
    let old = facts.service(&wanted.stack, &service.service);
    refuse::service(facts, &wanted.stack, service, &old)?;
    let (host, name) = (&service.image.host, &service.image.repository);
    let had = facts.images.get(&old[0].image);
    let platform = had.map(|image| image.platform());
    Ok(Target {
        wanted: service,
        stack: &wanted.stack,
        deployment: wanted.deployment,
        image: NewImage {
            repository: format!("{host}/{name}"),
            tag: service.image.tag.to_string(),
            digest: service.digest.to_string(),
            platform: platform.filter(|it| !of_engine(it, &facts.platform)),
        },
        one_shot: order::one_shot(facts, &wanted.stack, &service.service),
        old,
    })
}

/// Whether an image's platform is the one that the engine takes by itself. Images often leave the
/// variant out, and engines always do.
fn of_engine(platform: &str, engine: &str) -> bool {
    platform == "/" || engine.is_empty() || platform == engine || {
        let base = platform.rsplit_once('/').map_or(platform, |(base, _)| base);
        base == engine
    }
}
