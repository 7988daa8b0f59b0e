use std::collections::BTreeMap;

use crate::api::images::{ImageWithParts, Platform};

/// Something that is not the same in both images.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) what: What,
    /// The name of a variable or label.
    pub(super) name: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Platform,
    Entrypoint,
    Command,
    Environment,
    Label,
    Annotation,
}

pub(super) fn changes(from: &ImageWithParts, to: &ImageWithParts) -> Vec<Change> {
    let platform = |image: &ImageWithParts| image.platform.as_ref().map(Platform::to_string);
    let words = |words: &[String]| (!words.is_empty()).then(|| words.join(" "));
    let single = [
        (What::Platform, platform(from), platform(to)),
        (
            What::Entrypoint,
            words(&from.entrypoint),
            words(&to.entrypoint),
        ),
        (What::Command, words(&from.cmd), words(&to.cmd)),
    ];
    let single = single.into_iter().map(|(what, from, to)| Change {
        what,
        name: None,
        from,
        to,
    });
    let (env_from, env_to) = (variables(&from.env), variables(&to.env));
    single
        .filter(|change| change.from != change.to)
        .chain(named(What::Environment, &env_from, &env_to))
        .chain(named(What::Label, &from.labels, &to.labels))
        .chain(named(What::Annotation, &from.annotations, &to.annotations))
        .collect()
}

fn variables(env: &[String]) -> BTreeMap<String, String> {
    let pairs = env.iter().map(|variable| {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        (name.to_owned(), value.to_owned())
    });
    pairs.collect()
}

/// What is in one alone, or has another value.
fn named(
    what: What,
    from: &BTreeMap<String, String>,
    to: &BTreeMap<String, String>,
) -> Vec<Change> {
    let names = from
        .keys()
        .chain(to.keys().filter(|name| !from.contains_key(*name)));
    let changed = names.filter(|name| from.get(*name) != to.get(*name));
    let mut changed: Vec<_> = changed
        .map(|name| Change {
            what,
            name: Some(name.clone()),
            from: from.get(name).cloned(),
            to: to.get(name).cloned(),
        })
        .collect();
    changed.sort_by(|one, other| one.name.cmp(&other.name));
    changed
}

#[cfg(test)]
mod tests;
