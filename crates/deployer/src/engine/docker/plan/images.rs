//! The images of a deployment: fetched, named, and in the end forgotten.

use std::collections::BTreeSet;

use berth_registry::sentence;

use super::{Target, words};
use crate::engine::docker::action::{Action, Forget, Pull, Tag};
use crate::engine::docker::facts::Facts;
use crate::engine::{Phase, Step};

/// Each service has its own, even of an image that another has, too: whoever may see one service of
/// a stack need not see the others.
pub(super) fn pulls(facts: &Facts, targets: &[Target<'_>]) -> Vec<Step> {
    let pull = |target: &Target<'_>| {
        let image = &target.image;
        let line = sentence!(
            "pull {} at {}",
            image.by_tag(),
            words::digest(&image.digest)
        );
        let pull = Pull {
            image: image.clone(),
            present: facts.images.contains_key(&image.by_digest()),
        };
        target.step(Phase::Pull, line, &Action::Pull(pull))
    };
    targets.iter().map(pull).collect()
}

pub(super) fn tags(facts: &Facts, targets: &[Target<'_>]) -> Vec<Step> {
    let tag = |target: &Target<'_>| {
        let image = &target.image;
        let line = sentence!("point {} at the new image on the engine", image.by_tag());
        let tag = Tag {
            image: image.clone(),
            previous: facts.images.get(&image.by_tag()).map(|it| it.id.clone()),
        };
        target.step(Phase::Replace, line, &Action::Tag(tag))
    };
    targets.iter().map(tag).collect()
}

/// Those of the obsolete images that are there.
pub(super) fn forget(facts: &Facts, target: &Target<'_>) -> Option<Step> {
    let name = &target.image.repository;
    let images: BTreeSet<String> = target
        .wanted
        .obsolete
        .iter()
        .filter(|digest| **digest != target.wanted.digest)
        .map(|digest| format!("{name}@{digest}"))
        .filter(|image| facts.images.contains_key(image))
        .collect();
    let images: Vec<String> = images.into_iter().collect();
    let line = match images.as_slice() {
        [] => return None,
        [one] => sentence!(
            "remove the image {}, unless something runs it",
            words::short(one)
        ),
        many => sentence!(
            "remove {} old images of {}, unless something runs them",
            many.len(),
            target.name()
        ),
    };
    Some(target.step(Phase::Settle, line, &Action::Forget(Forget { images })))
}
