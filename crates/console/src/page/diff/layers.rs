use std::collections::HashSet;

use crate::api::images::Layer as Of;

/// A layer of one of the two images, or of both.
pub(super) struct Layer {
    pub(super) digest: String,
    pub(super) size_bytes: u64,
    pub(super) command: Option<String>,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Both,
    /// Only in the one that is compared from.
    Gone,
    /// Only in the one that is compared to.
    New,
}

/// Those that both begin with, then what each goes on with. A layer that comes later in both is in
/// both too: it is not pulled again.
pub(super) fn layers(from: &[Of], to: &[Of]) -> Vec<Layer> {
    let digests = |layers: &[Of]| -> HashSet<String> {
        let layers = layers.iter();
        layers
            .map(|layer| layer.descriptor.digest.clone())
            .collect()
    };
    let (in_from, in_to) = (digests(from), digests(to));
    let shown = |layer: &Of, place| Layer {
        digest: layer.descriptor.digest.clone(),
        size_bytes: layer.descriptor.size_bytes,
        command: layer.created_by.clone(),
        place,
    };
    let gone = from
        .iter()
        .filter(|layer| !in_to.contains(&layer.descriptor.digest))
        .map(|layer| shown(layer, Place::Gone));
    let there = to.iter().map(|layer| {
        let both = in_from.contains(&layer.descriptor.digest);
        shown(layer, if both { Place::Both } else { Place::New })
    });
    // What went comes before what came, behind the common beginning.
    let common = to
        .iter()
        .take_while(|layer| in_from.contains(&layer.descriptor.digest))
        .count();
    let mut there: Vec<_> = there.collect();
    let behind = there.split_off(common);
    there.into_iter().chain(gone).chain(behind).collect()
}

#[cfg(test)]
mod tests;
