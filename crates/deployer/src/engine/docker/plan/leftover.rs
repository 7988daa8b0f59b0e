//! Old containers that earlier deployments could not remove.

use berth_registry::sentence;

use super::{Target, words};
use crate::engine::docker::action::{Action, Clear, Left};
use crate::engine::docker::container::Container;
use crate::engine::docker::facts::Facts;
use crate::engine::docker::{labels, observe};
use crate::engine::{Phase, Step};

pub(super) fn clear(facts: &Facts, target: &Target<'_>) -> Option<Step> {
    let left: Vec<Left> = facts
        .containers
        .iter()
        .filter(|it| observe::stands_aside(it, &facts.containers))
        .filter_map(|it| left_of(target, it))
        .collect();
    let names: Vec<&str> = left.iter().map(|it| it.name.as_str()).collect();
    let line = sentence!(
        "remove {}, which an earlier deployment has left",
        words::list(&names)
    );
    (!left.is_empty()).then(|| target.step(Phase::Settle, line, &Action::Clear(Clear { left })))
}

/// Names are the engine's: whoever has the place says of which service it is.
fn left_of(target: &Target<'_>, it: &Container) -> Option<Left> {
    let (place, deployment) = labels::of_kept_name(it.name())?;
    let taken = target.old.iter().any(|old| old.name() == place);
    let goes = taken && deployment != target.deployment && it.stopped();
    goes.then(|| Left {
        id: it.id.clone(),
        name: it.name().to_owned(),
        place: place.to_owned(),
    })
}
