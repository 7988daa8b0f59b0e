use std::collections::HashMap;

use crate::api::images::{Child, ImageWithParts};

/// The images of one platform in two indexes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) platform: String,
    /// Digests; `None` where one of the indexes lacks the platform, or its image is not here.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

impl Pair {
    pub(super) fn same(&self) -> bool {
        self.from == self.to
    }
}

/// In the order of the index that is compared to, then what it lacks.
pub(super) fn pairs(from: &ImageWithParts, to: &ImageWithParts) -> Vec<Pair> {
    let (from, to) = (images(from), images(to));
    let by_platform = |images: &[(String, String)]| -> HashMap<String, String> {
        images.iter().cloned().collect()
    };
    let (in_from, in_to) = (by_platform(&from), by_platform(&to));
    let lacked = from
        .iter()
        .filter(|(platform, _)| !in_to.contains_key(platform));
    let platforms = to.iter().chain(lacked);
    platforms
        .map(|(platform, _)| Pair {
            platform: platform.clone(),
            from: in_from.get(platform).cloned(),
            to: in_to.get(platform).cloned(),
        })
        .collect()
}

/// The images of an index that are here, by their platforms.
fn images(index: &ImageWithParts) -> Vec<(String, String)> {
    let children = index.children.iter();
    let images = children.filter(|child| child.present && !child.attestation);
    let named = images.filter_map(|child: &Child| {
        let platform = child.platform.as_ref()?;
        Some((platform.to_string(), child.descriptor.digest.clone()))
    });
    named.collect()
}
