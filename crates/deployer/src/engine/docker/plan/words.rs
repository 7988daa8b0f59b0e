//! The lines of steps.

use std::time::Duration;

use berth_registry::sentence;

use crate::engine::docker::action::{Restart, Swap};

/// `shop-web-1, shop-web-2 and shop-web-3`
pub(super) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(super) fn swaps(swaps: &[Swap]) -> String {
    list(&swaps.iter().map(|it| it.name.as_str()).collect::<Vec<_>>())
}

pub(super) fn dependents(dependents: &Restart) -> String {
    let names = dependents.containers.iter().map(|it| it.name.as_str());
    list(&names.collect::<Vec<_>>())
}

/// As far as people compare it.
pub(super) fn digest(digest: &str) -> &str {
    let (_, hex) = digest.split_once(':').unwrap_or(("", digest));
    hex.get(..12).unwrap_or(hex)
}

pub(super) fn short(by_digest: &str) -> String {
    match by_digest.split_once('@') {
        Some((name, of)) => format!("{name}@{}", digest(of)),
        None => by_digest.to_owned(),
    }
}

/// A command, cut where it would fill the screen.
pub(super) fn command(words: &[String]) -> String {
    let text = words.join(" ");
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

pub(super) fn seconds(time: Duration) -> String {
    if time.as_secs() >= 60 && time.as_secs().is_multiple_of(60) {
        return sentence!("{} min", time.as_secs() / 60);
    }
    sentence!("{} s", time.as_secs_f64())
}
