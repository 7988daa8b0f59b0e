//! In which order services are replaced.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::docker::container::Container;
use crate::engine::docker::facts::Facts;
use crate::engine::docker::{labels, observe};
use crate::engine::{Condition, Wanted};

/// The services that are wanted, each behind those that it depends on, be it through services that
/// are not deployed. Of those that depend on each other, the first by name comes first.
pub(super) fn services(facts: &Facts, wanted: &Wanted) -> Vec<String> {
    let mut depends_on = dependencies(facts, &wanted.stack);
    for service in &wanted.services {
        depends_on.entry(service.service.clone()).or_default();
    }
    let mut ordered: Vec<String> = Vec::new();
    while let Some(next) = next(&depends_on, &ordered) {
        ordered.push(next);
    }
    ordered.retain(|name| wanted.services.iter().any(|it| it.service == *name));
    ordered
}

fn next(depends_on: &BTreeMap<String, BTreeSet<String>>, done: &[String]) -> Option<String> {
    let open = || depends_on.iter().filter(|(name, _)| !done.contains(name));
    // What is not there is waited for by nobody.
    let is_open = |name: &String| depends_on.contains_key(name) && !done.contains(name);
    let free = open().find(|(_, needs)| !needs.iter().any(is_open));
    free.or_else(|| open().next()).map(|(name, _)| name.clone())
}

fn dependencies(facts: &Facts, stack: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for container in serving(facts) {
        let (project, service) = container.stack_and_service();
        if project == stack {
            let label = container.label(labels::DEPENDS_ON).unwrap_or_default();
            let needs = labels::dependencies(label).into_iter().map(|it| it.service);
            all.entry(service.to_owned()).or_default().extend(needs);
        }
    }
    all
}

fn serving(facts: &Facts) -> impl Iterator<Item = &Container> {
    let all = &facts.containers;
    all.iter().filter(|it| observe::serves(it, all))
}

/// Whether another service waits for this one to complete.
pub(super) fn one_shot(facts: &Facts, stack: &str, service: &str) -> bool {
    let waits = |label: &str| {
        let mut all = labels::dependencies(label).into_iter();
        all.any(|it| it.service == service && it.condition == Condition::Completed)
    };
    serving(facts)
        .filter(|it| it.stack_and_service().0 == stack)
        .any(|it| waits(it.label(labels::DEPENDS_ON).unwrap_or_default()))
}
