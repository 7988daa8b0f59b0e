use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::IMMUTABLE;
use crate::support::{Blob, Image, OCI_MANIFEST};

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest with the blobs that it needs.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) content: Blob,
    pub(super) media_type: &'static str,
    pub(super) blobs: Vec<Blob>,
    /// The digests of the manifests that it is an index of.
    children: Vec<String>,
    /// The digest of the manifest that it refers to.
    subject: Option<String>,
}

impl Manifest {
    pub(super) fn image(layers: Vec<Vec<u8>>) -> Self {
        let image = Image::new(layers);
        Self {
            content: image.manifest,
            media_type: OCI_MANIFEST,
            blobs: image.layers.into_iter().chain([image.config]).collect(),
            children: Vec::new(),
            subject: None,
        }
    }

    /// An index over manifests, which no other one equals.
    pub(super) fn index(children: &[&Self], number: u64) -> Self {
        let entries: Vec<Value> = children.iter().map(|child| child.descriptor()).collect();
        let document = json!({
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": entries,
            "annotations": {"number": number.to_string()},
        });
        Self {
            content: Blob::new(document.to_string()),
            media_type: OCI_INDEX,
            blobs: Vec::new(),
            children: children
                .iter()
                .map(|child| child.digest().to_owned())
                .collect(),
            subject: None,
        }
    }

    /// A signature or the like of another manifest.
    pub(super) fn referrer(subject: &Self, layers: Vec<Vec<u8>>) -> Self {
        let image = Self::image(layers);
        let mut document: Value =
            serde_json::from_slice(&image.content.bytes).expect("a manifest is JSON");
        document["subject"] = subject.descriptor();
        document["artifactType"] = "application/vnd.example.signature".into();
        Self {
            content: Blob::new(document.to_string()),
            subject: Some(subject.digest().to_owned()),
            ..image
        }
    }

    fn descriptor(&self) -> Value {
        self.content.descriptor(self.media_type)
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
            children: Vec::new(),
            subject: None,
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

    /// The deletion of all that is there.
    pub(super) fn everything_gone(&self) -> Change {
        let manifests = self.present().into_iter();
        let tags = self.tags().into_iter();
        Change {
            manifests: manifests
                .map(|manifest| (manifest.digest().to_owned(), false))
                .collect(),
            tags: tags.map(|(tag, _)| (tag, None)).collect(),
        }
    }

    /// Whether it would take away what a tag that does not move stands for.
    pub(super) fn is_fixed(&self, change: &Change) -> bool {
        let tags = self.tags().into_iter();
        let mut digests: Vec<_> = tags
            .filter(|(tag, _)| tag.starts_with(IMMUTABLE))
            .map(|(_, digest)| digest)
            .collect();
        let mut fixed = BTreeSet::new();
        while let Some(digest) = digests.pop() {
            digests.extend(self.known[&digest].children.iter().cloned());
            fixed.insert(digest);
        }
        let (mut tags, mut manifests) = (change.tags.iter(), change.manifests.iter());
        tags.any(|(tag, _)| tag.starts_with(IMMUTABLE))
            || manifests.any(|(digest, _)| fixed.contains(digest))
    }

    /// What is there and refers to each manifest that was ever referred to.
    pub(super) fn referrers(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut referrers = BTreeMap::<_, BTreeSet<_>>::new();
        for manifest in self.known.values() {
            if let Some(subject) = &manifest.subject {
                let there = self.has(manifest.digest()).then(|| manifest.digest());
                referrers.entry(subject.as_str()).or_default().extend(there);
            }
        }
        referrers
    }

    pub(super) fn forget_what_is_gone(&mut self) {
        let there = self.present().into_iter();
        let there: BTreeSet<_> = there.map(|manifest| manifest.digest().to_owned()).collect();
        self.manifests.retain(|digest, _| there.contains(digest));
        self.known.retain(|digest, _| there.contains(digest));
        self.tags
            .retain(|_, possible| possible.iter().any(Option::is_some));
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
