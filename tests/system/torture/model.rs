use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Blob, Image, OCI_MANIFEST};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest with the blobs that it needs.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) content: Blob,
    pub(super) media_type: &'static str,
    pub(super) blobs: Vec<Blob>,
}

impl Manifest {
    pub(super) fn image(layers: Vec<Vec<u8>>) -> Self {
        let image = Image::new(layers);
        Self {
            content: image.manifest,
            media_type: OCI_MANIFEST,
            blobs: image.layers.into_iter().chain([image.config]).collect(),
        }
    }

    /// As the cache that BuildKit exports: an index whose entries are blobs.
    pub(super) fn build_cache(layers: Vec<Vec<u8>>) -> Self {
        let blobs: Vec<_> = layers.into_iter().map(Blob::new).collect();
        let entries: Vec<Value> = blobs
            .iter()
            .map(|blob| blob.descriptor("application/vnd.oci.image.layer.v1.tar"))
            .collect();
        let document = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        Self {
            content: Blob::new(document.to_string()),
            media_type: OCI_INDEX,
            blobs,
        }
    }

    pub(super) fn digest(&self) -> &str {
        &self.content.digest
    }
}

/// What may be found of something: what was acknowledged, or either state where a request was under
/// way.
type Possible<T> = BTreeSet<T>;

/// What a repository may have.
#[derive(Default)]
pub(super) struct Model {
    /// Every manifest that was ever pushed, by its digest.
    pub(super) known: BTreeMap<String, Manifest>,
    manifests: BTreeMap<String, Possible<bool>>,
    tags: BTreeMap<String, Possible<Option<String>>>,
}

/// What a request changes, if it is done.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    pub(super) manifests: Vec<(String, bool)>,
    pub(super) tags: Vec<(String, Option<String>)>,
}

impl Model {
    /// A request is under way.
    pub(super) fn begin(&mut self, change: &Change) {
        for (digest, there) in &change.manifests {
            let possible = self.manifests.entry(digest.clone());
            possible
                .or_insert_with(|| BTreeSet::from([false]))
                .insert(*there);
        }
        for (tag, digest) in &change.tags {
            let possible = self.tags.entry(tag.clone());
            possible
                .or_insert_with(|| BTreeSet::from([None]))
                .insert(digest.clone());
        }
    }

    /// It was acknowledged.
    pub(super) fn done(&mut self, change: &Change) {
        for (digest, there) in &change.manifests {
            self.manifests
                .insert(digest.clone(), BTreeSet::from([*there]));
        }
        for (tag, digest) in &change.tags {
            self.tags
                .insert(tag.clone(), BTreeSet::from([digest.clone()]));
        }
    }

    /// It was refused: what would have come of it did not.
    pub(super) fn refused(&mut self, before: Change) {
        self.done(&before);
    }

    /// What the change would undo.
    pub(super) fn now(&self, change: &Change) -> Change {
        let manifests = change.manifests.iter();
        let tags = change.tags.iter();
        Change {
            manifests: manifests
                .map(|(digest, _)| (digest.clone(), self.has(digest)))
                .collect(),
            tags: tags
                .map(|(tag, _)| (tag.clone(), self.tag(tag).map(str::to_owned)))
                .collect(),
        }
    }

    pub(super) fn has(&self, digest: &str) -> bool {
        let possible = self.manifests.get(digest);
        possible.is_some_and(|possible| possible.contains(&true))
    }

    pub(super) fn tag(&self, tag: &str) -> Option<&str> {
        self.tags.get(tag)?.last()?.as_deref()
    }

    /// The manifests that are there.
    pub(super) fn present(&self) -> Vec<&Manifest> {
        let there = self.manifests.keys().filter(|digest| self.has(digest));
        there.map(|digest| &self.known[digest]).collect()
    }

    pub(super) fn tags(&self) -> Vec<(String, String)> {
        let tags = self.tags.keys();
        tags.filter_map(|tag| Some((tag.clone(), self.tag(tag)?.to_owned())))
            .collect()
    }

    pub(super) fn tags_on(&self, digest: &str) -> Vec<String> {
        let tags = self.tags().into_iter();
        tags.filter(|(_, on)| on == digest)
            .map(|(tag, _)| tag)
            .collect()
    }

    pub(super) fn all_manifests(&self) -> Vec<String> {
        self.manifests.keys().cloned().collect()
    }

    pub(super) fn all_tags(&self) -> Vec<String> {
        self.tags.keys().cloned().collect()
    }

    /// What was found after a kill has to be possible, and is certain from then on.
    pub(super) fn found_manifest(&mut self, digest: &str, there: bool) -> Result<(), String> {
        let possible = &self.manifests[digest];
        if !possible.contains(&there) {
            return Err(format!(
                "{digest} is there: {there}, and may be {possible:?}"
            ));
        }
        self.manifests
            .insert(digest.to_owned(), BTreeSet::from([there]));
        Ok(())
    }

    /// As [`Model::found_manifest`]; a tag that may be `removable` may be gone.
    pub(super) fn found_tag(
        &mut self,
        tag: &str,
        digest: Option<String>,
        removable: bool,
    ) -> Result<(), String> {
        let possible = &self.tags[tag];
        let gone_by_rule = removable && digest.is_none();
        if !(gone_by_rule || possible.contains(&digest)) {
            return Err(format!("tag {tag} is {digest:?}, and may be {possible:?}"));
        }
        self.tags.insert(tag.to_owned(), BTreeSet::from([digest]));
        Ok(())
    }
}
