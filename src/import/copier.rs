use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use berth_oci::{Digest, Reference, RepositoryName, Tag};
use berth_registry::TagPattern;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::destination::Destination;
use super::failure::Failure;
use super::image::Copying;
use super::names::Place;
use super::plan::Plan;
use super::progress::Progress;
use super::report::{Came, Entry, Report};
use super::source::{Listing, Source, SourceError};
use crate::table::printable;

/// What is copied, and how.
#[derive(Debug)]
pub(crate) struct Options {
    /// Empty for all.
    pub(crate) tags: Vec<TagPattern>,
    /// Whether manifests come that nothing leads to.
    pub(crate) untagged: bool,
    pub(crate) jobs: usize,
}

/// Copies repositories from a source to a destination, several images at a time.
pub(crate) struct Copier {
    pub(super) source: Source,
    pub(super) destination: Destination,
    pub(super) options: Options,
    pub(super) report: Report,
    pub(super) progress: Progress,
    /// For blobs that are looked for or sent.
    pub(super) transfers: Semaphore,
    /// For images, and so for manifests that are in memory. One that waits for a blob holds it, and
    /// who holds one of the others waits for nothing.
    images: Semaphore,
    /// Cancelled once the destination takes nothing more.
    lost: CancellationToken,
    homes: Mutex<HashMap<Digest, Arc<Home>>>,
}

/// The repository that the import knows a blob to be in. Whoever wants the blob locks it first, so
/// that it comes once.
pub(super) type Home = tokio::sync::Mutex<Option<RepositoryName>>;

/// A manifest, and the tags that point at it.
type Root = (Digest, Vec<Tag>);

impl Copier {
    pub(crate) fn new(source: Source, destination: Destination, options: Options) -> Self {
        let jobs = options.jobs;
        Self {
            source,
            destination,
            options,
            report: Report::default(),
            progress: Progress::new(),
            transfers: Semaphore::new(jobs),
            images: Semaphore::new(jobs),
            lost: CancellationToken::new(),
            homes: Mutex::default(),
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Copies all it can. What fails is in the report. Ends early if the destination is lost.
    pub(crate) async fn run(&self, places: &[Place]) {
        let all = stream::iter(places)
            .for_each_concurrent(self.options.jobs, |place| self.repository(place));
        tokio::select! {
            () = all => {}
            () = self.lost.cancelled() => self.progress.line("the destination is lost: ending"),
        }
    }

    /// What a run would do.
    pub(crate) async fn plan(&self, places: &[Place]) -> Plan {
        let mut plan = Plan::default();
        for place in places {
            let roots = match self.list(place).await {
                Ok((_, roots)) => roots,
                Err(error) => {
                    if place.named || !error.missing() {
                        plan.fail(place, None, &error.into());
                    }
                    continue;
                }
            };
            for (tag, digest) in roots {
                let there = match digest {
                    Ok(digest) => self
                        .tag_there(place, &tag, &digest)
                        .await
                        .map(|there| (digest, there)),
                    Err(failure) => Err(failure),
                };
                match there {
                    Ok((digest, there)) => plan.tag(place, &tag, &digest, there),
                    Err(failure) => plan.fail(place, Some(&tag), &failure),
                }
            }
        }
        plan
    }

    async fn repository(&self, place: &Place) {
        let entry = self.report.repository(place);
        let (listing, tags) = match self.list(place).await {
            Ok(listed) => listed,
            // Registries list repositories of which all was deleted, and then do not know them.
            Err(error) if error.missing() && !place.named => {
                entry.leave_out(place.source.as_str(), Failure::from(error).reason());
                return;
            }
            Err(error) => {
                self.fail(&entry, place.source.as_str(), &error.into());
                return;
            }
        };
        let mut roots: Vec<Root> = Vec::new();
        let mut places: HashMap<Digest, usize> = HashMap::new();
        for (tag, digest) in tags {
            match digest {
                Ok(digest) => {
                    let at = *places.entry(digest.clone()).or_insert(roots.len());
                    if at == roots.len() {
                        roots.push((digest, Vec::new()));
                    }
                    roots[at].1.push(tag);
                }
                Err(failure) => {
                    self.fail(&entry, &format!("{}:{tag}", place.source), &failure);
                }
            }
        }
        if self.options.untagged {
            let untagged = |digest: &&Digest| !places.contains_key(*digest);
            let untagged = listing.revisions.iter().filter(untagged);
            roots.extend(untagged.map(|digest| (digest.clone(), Vec::new())));
        }
        let copying = Copying::new(self, place, entry, listing);
        stream::iter(roots)
            .for_each_concurrent(self.options.jobs, async |(digest, tags)| {
                let _permit = self.images.acquire().await.expect("it is never closed");
                copying.image(&digest, &tags).await;
            })
            .await;
    }

    /// What a repository has, and the digests of the tags that are wanted of it.
    async fn list(
        &self,
        place: &Place,
    ) -> Result<(Listing, Vec<(Tag, Result<Digest, Failure>)>), SourceError> {
        let listing = self.source.list(&place.source).await?;
        let patterns = &self.options.tags;
        let (wanted, others): (Vec<_>, Vec<_>) = (listing.tags.iter().cloned())
            .partition(|tag| patterns.is_empty() || patterns.iter().any(|one| one.matches(tag)));
        let mut found = self.resolve(place, wanted).await;
        // Signatures and the like are below tags that are named after what they are of.
        let digests = found.iter().filter_map(|(_, digest)| digest.as_ref().ok());
        let stems: HashSet<String> = digests.map(attached_stem).collect();
        let attached = |tag: &Tag| stem_of(tag).is_some_and(|stem| stems.contains(stem));
        let attached: Vec<Tag> = others.into_iter().filter(attached).collect();
        found.extend(self.resolve(place, attached).await);
        Ok((listing, found))
    }

    async fn resolve(&self, place: &Place, tags: Vec<Tag>) -> Vec<(Tag, Result<Digest, Failure>)> {
        stream::iter(tags)
            .map(async |tag| {
                let _permit = self.images.acquire().await.expect("it is never closed");
                let digest = self.source.resolve(&place.source, &tag).await;
                (tag, digest.map_err(Failure::from))
            })
            .buffered(self.options.jobs)
            .collect()
            .await
    }

    /// Whether the destination has a tag already, with this digest.
    pub(super) async fn tag_there(
        &self,
        place: &Place,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool, Failure> {
        let reference = Reference::Tag(tag.clone());
        let present = self.destination.manifest(&place.destination, &reference);
        let present = present.await?;
        Ok(present.is_some_and(|present| present.digest == *digest))
    }

    pub(super) fn home(&self, digest: &Digest) -> Arc<Home> {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(homes.entry(digest.clone()).or_default())
    }

    /// Notes what failed, and says so.
    pub(super) fn fail(&self, entry: &Entry, what: &str, failure: &Failure) {
        let reason = failure.reason();
        entry.fail(what, reason);
        self.progress
            .line(&printable(&format!("failed: {what}: {reason}")));
        if matches!(failure, Failure::Lost(_)) {
            self.lost.cancel();
        }
    }

    pub(super) fn tell(&self, place: &Place, tag: &Tag, came: Came) {
        let state = match came {
            Came::Sent { .. } | Came::Mounted => "copied",
            Came::There => "there already",
        };
        let line = format!("{}:{tag}: {state}", place.destination);
        self.progress.line(&line);
    }
}

/// `sha256-<hex>`: what the tags of a manifest's signatures and referrers begin with.
fn attached_stem(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm(), digest.hex())
}

/// What an attached tag begins with.
fn stem_of(tag: &Tag) -> Option<&str> {
    match tag.as_str().split_once('.') {
        None => Some(tag.as_str()),
        Some((stem, "sig" | "att" | "sbom")) => Some(stem),
        Some(_) => None,
    }
}
