use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use berth_oci::{Digest, Edge, EdgeRole, Manifest, MediaType, Reference, Tag};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::OnceCell;

use super::copier::Copier;
use super::failure::{Failure, told};
use super::names::Place;
use super::report::{Came, Entry};
use super::source::Listing;

/// How often the blobs of a manifest are looked at before it is put. A destination that has lost some
/// each time would have an import go on for ever.
const LOOKS: usize = 5;

/// One repository that is being copied.
pub(super) struct Copying<'a> {
    pub(super) copier: &'a Copier,
    pub(super) place: &'a Place,
    pub(super) entry: Arc<Entry>,
    listing: Listing,
    manifests: Mutex<HashMap<Digest, Arc<Done>>>,
    /// What was asked for its referrers.
    asked: Mutex<HashSet<Digest>>,
    /// Blobs of the repository that are in the report.
    pub(super) told: Mutex<HashSet<Digest>>,
}

/// A manifest that comes once, whoever names it: what it is an index of.
type Done = OnceCell<Result<Vec<Digest>, Failure>>;

impl<'a> Copying<'a> {
    pub(super) fn new(
        copier: &'a Copier,
        place: &'a Place,
        entry: Arc<Entry>,
        listing: Listing,
    ) -> Self {
        Self {
            copier,
            place,
            entry,
            listing,
            manifests: Mutex::default(),
            asked: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Copies a manifest and all that belongs to it, and then the tags that point at it.
    pub(super) async fn image(&self, digest: &Digest, tags: &[Tag]) {
        let source = &self.place.source;
        let copied = async {
            self.manifest(digest.clone()).await?;
            self.referrers(digest).await;
            Ok::<_, Failure>(())
        };
        if let Err(failure) = copied.await {
            let names: Vec<_> = match tags {
                [] => vec![format!("{source}@{digest}")],
                tags => tags.iter().map(|tag| format!("{source}:{tag}")).collect(),
            };
            for name in names {
                self.fail(&name, &failure);
            }
            return;
        }
        for tag in tags {
            match self.tag(digest, tag).await {
                Ok(came) => {
                    self.entry.tag(came);
                    self.copier.tell(self.place, tag, came);
                }
                Err(failure) => self.fail(&format!("{source}:{tag}"), &failure),
            }
        }
        self.copier.progress.image();
    }

    fn fail(&self, what: &str, failure: &Failure) {
        self.copier.fail(&self.entry, what, failure);
    }

    /// Copies a manifest with what it names, whose digests it gives if it is an index.
    fn manifest(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<Digest>, Failure>> {
        async move {
            let done = {
                let mut manifests = lock(&self.manifests);
                Arc::clone(manifests.entry(digest.clone()).or_default())
            };
            // An index can not name itself, so nobody waits here for what waits for it.
            let copied = done.get_or_init(|| self.copy(&digest)).await;
            copied.clone()
        }
        .boxed()
    }

    async fn copy(&self, digest: &Digest) -> Result<Vec<Digest>, Failure> {
        let Self { copier, place, .. } = self;
        let reference = Reference::Digest(digest.clone());
        let present = copier.destination.manifest(&place.destination, &reference);
        if present.await?.is_some() {
            // By digest the server takes an image without its layers, an index without its children.
            let (media_type, bytes) = self.there(digest).await?;
            let manifest = parse(Some(media_type.as_str()), &bytes)?;
            let children = self.children(&manifest).await?;
            self.blobs_of(&manifest).await?;
            self.entry.manifest(Came::There);
            return Ok(children);
        }
        let fetched = copier.source.manifest(&place.source, digest).await?;
        let manifest = parse(fetched.media_type.as_deref(), &fetched.bytes)?;
        let children = self.children(&manifest).await?;
        self.blobs_of(&manifest).await?;
        let bytes = fetched.bytes.len() as u64;
        self.put(&reference, &manifest.media_type, fetched.bytes)
            .await?;
        self.entry.manifest(Came::Sent { bytes });
        Ok(children)
    }

    /// Copies the children of an index, and gives the digests of those that there are.
    async fn children(&self, index: &Manifest) -> Result<Vec<Digest>, Failure> {
        let mut children = Vec::new();
        let edges = index.edges.iter();
        for edge in edges.filter(|edge| edge.role == EdgeRole::Child) {
            match self.manifest(edge.digest.clone()).await {
                Ok(_) => children.push(edge.digest.clone()),
                // An index of which only some platforms were kept is a legal one.
                Err(Failure::Absent(reason)) => {
                    let what = format!("{}@{}", self.place.source, edge.digest);
                    self.entry.leave_out(&what, &reason);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(children)
    }

    /// A manifest that the destination has. The source may count how often it is asked for one.
    async fn there(&self, digest: &Digest) -> Result<(MediaType, Bytes), Failure> {
        let fetched = self
            .copier
            .destination
            .fetch(&self.place.destination, digest);
        let gone = || Failure::Failed(format!("{digest} was deleted at the destination meanwhile"));
        fetched.await?.ok_or_else(gone)
    }

    async fn put(
        &self,
        reference: &Reference,
        media_type: &MediaType,
        bytes: Bytes,
    ) -> Result<(), Failure> {
        let repository = &self.place.destination;
        let put = self
            .copier
            .destination
            .put_manifest(repository, reference, media_type, &bytes);
        Ok(put.await?)
    }

    /// Sees to it that the destination has all blobs of a manifest at once. What no manifest names is
    /// there for the grace time only, so that the first of them may be gone once the last has come.
    async fn blobs_of(&self, manifest: &Manifest) -> Result<(), Failure> {
        let wanted = |edge: &Edge| match edge.role {
            EdgeRole::Config | EdgeRole::Layer => true,
            // Of an index: BuildKit's cache. Of an image: a layer that nobody may hand on.
            EdgeRole::OptionalBlob => manifest.media_type.index(),
            EdgeRole::Child => false,
        };
        let edges = manifest.edges.iter().filter(|edge| wanted(edge));
        let mut blobs: Vec<Edge> = edges.cloned().collect();
        for _ in 0..LOOKS {
            let looked = stream::iter(blobs)
                .map(|edge| self.blob_or_none(edge))
                .buffer_unordered(self.copier.options.jobs)
                .collect::<Vec<_>>()
                .await;
            let found = looked.into_iter().filter_map(Result::transpose);
            let found: Vec<(Edge, Came)> = found.collect::<Result<_, Failure>>()?;
            if found.iter().all(|(_, came)| *came == Came::There) {
                return Ok(());
            }
            blobs = found.into_iter().map(|(edge, _)| edge).collect();
        }
        let reason = "the destination loses blobs before their manifest can be put";
        Err(Failure::Failed(reason.to_owned()))
    }

    /// Copies a blob, and does without it where it need not be there.
    async fn blob_or_none(&self, edge: Edge) -> Result<Option<(Edge, Came)>, Failure> {
        match self.blob(&edge).await {
            Ok(came) => Ok(Some((edge, came))),
            Err(Failure::Absent(reason)) if edge.role == EdgeRole::OptionalBlob => {
                let what = format!("{}@{}", self.place.source, edge.digest);
                self.entry.leave_out(&what, &reason);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Copies what refers to a manifest and to what it is an index of, and what refers to that. A
    /// signature that fails is no reason to do without the image.
    async fn referrers(&self, digest: &Digest) {
        let Self { copier, place, .. } = self;
        let mut queue = vec![digest.clone()];
        while let Some(subject) = queue.pop() {
            if !lock(&self.asked).insert(subject.clone()) {
                continue;
            }
            // It is there, or else what names it has failed; so this gives what it is an index of.
            queue.extend(self.manifest(subject.clone()).await.unwrap_or_default());
            let found = copier
                .source
                .referrers(&place.source, &self.listing, &subject);
            let found = match found.await {
                Ok(found) => found,
                Err(error) => {
                    let what = format!("the referrers of {}@{subject}", place.source);
                    self.fail(&what, &error.into());
                    continue;
                }
            };
            for referrer in found {
                match self.manifest(referrer.clone()).await {
                    Ok(_) => queue.push(referrer),
                    Err(failure) => self.fail(&format!("{}@{referrer}", place.source), &failure),
                }
            }
        }
    }

    async fn tag(&self, digest: &Digest, tag: &Tag) -> Result<Came, Failure> {
        let Self { copier, place, .. } = self;
        if copier.tag_there(place, tag, digest).await? {
            return Ok(Came::There);
        }
        let (media_type, bytes) = self.there(digest).await?;
        let sent = bytes.len() as u64;
        let reference = Reference::Tag(tag.clone());
        self.put(&reference, &media_type, bytes).await?;
        Ok(Came::Sent { bytes: sent })
    }
}

fn parse(media_type: Option<&str>, bytes: &[u8]) -> Result<Manifest, Failure> {
    Manifest::parse(media_type, bytes).map_err(|error| Failure::Failed(told(error)))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
