//! Images that are fetched before anybody asks for them, with what refers to them.

use std::collections::HashSet;

use berth_oci::{Digest, EdgeRole, Manifest, Reference, RepositoryName, Tag};
use berth_registry::source::{Source as _, SourceError, StoredManifest};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use oci_spec::image::ImageIndex;

use super::Cached;
use super::blobs::Found;
use crate::settings::Platform;
use crate::trouble;

/// Blobs that are fetched at a time for one image.
const AT_A_TIME: usize = 3;
/// The most manifests of one image: platforms, signatures, attestations.
const MANIFESTS: usize = 500;

/// What a fetch ahead of need has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warmed {
    pub manifests: u64,
    pub blobs: u64,
    /// Of blobs that were not here before.
    pub fetched_bytes: u64,
}

impl Cached {
    /// Fetches an image, for these platforms or for all if there are none. `None` when there is no
    /// such image.
    pub(crate) async fn fetch_ahead(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        platforms: &[Platform],
    ) -> Result<Option<Warmed>, SourceError> {
        let Some(first) = self.manifest(repository, reference).await? else {
            return Ok(None);
        };
        let mut warmed = Warmed::default();
        let mut seen = HashSet::from([first.description.digest.clone()]);
        let mut waiting = vec![first];
        while let Some(manifest) = waiting.pop() {
            warmed.manifests += 1;
            let named = self.fetch_named(repository, &manifest, platforms, &mut warmed);
            for digest in named.await? {
                if seen.len() >= MANIFESTS || !seen.insert(digest.clone()) {
                    continue;
                }
                let reference = Reference::Digest(digest);
                // An index may name what its registry has never had.
                waiting.extend(self.manifest(repository, &reference).await?);
            }
        }
        Ok(Some(warmed))
    }

    /// Fetches the blobs of a manifest; the manifests that go with it are left to the caller.
    async fn fetch_named(
        &self,
        repository: &RepositoryName,
        manifest: &StoredManifest,
        platforms: &[Platform],
        warmed: &mut Warmed,
    ) -> Result<Vec<Digest>, SourceError> {
        let description = &manifest.description;
        let media_type = description.media_type.as_str();
        let Ok(parsed) = Manifest::parse(Some(media_type), &manifest.bytes) else {
            return Ok(Vec::new());
        };
        let named = |role| matches!(role, EdgeRole::Config | EdgeRole::Layer);
        let mut blobs = Vec::new();
        for edge in parsed.edges.iter().filter(|edge| named(edge.role)) {
            blobs.push(self.fetch_blob(repository, edge.digest.clone()).boxed());
        }
        let fetched: Vec<u64> = stream::iter(blobs)
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        warmed.blobs += fetched.len() as u64;
        warmed.fetched_bytes += fetched.iter().sum::<u64>();
        let mut next = children(&manifest.bytes, &parsed, platforms);
        let subject = &description.digest;
        let referrers = self
            .referrers(repository, subject, None, 0, MANIFESTS)
            .await?;
        next.extend(
            referrers
                .entries
                .iter()
                .map(|referrer| referrer.digest.clone()),
        );
        for tag in signature_tags(subject) {
            let signed = self.manifest(repository, &Reference::Tag(tag)).await?;
            next.extend(signed.map(|manifest| manifest.description.digest));
        }
        Ok(next)
    }

    /// The bytes that had to be fetched.
    async fn fetch_blob(
        &self,
        repository: &RepositoryName,
        digest: Digest,
    ) -> Result<u64, SourceError> {
        if self
            .here
            .hosted()
            .describe_blob(repository, &digest)
            .await?
            .is_some()
        {
            return Ok(0);
        }
        match self.find_missing(repository, &digest).await? {
            None | Some(Found::Here(_)) => Ok(0),
            Some(Found::Coming(mut joined)) => {
                joined
                    .finished()
                    .await
                    .map_err(|error| trouble::cut(&error))?;
                Ok(joined.size_bytes())
            }
        }
    }
}

/// Where cosign 2 keeps signatures, attestations and bills of materials: in tags, and not as
/// referrers.
fn signature_tags(subject: &Digest) -> impl Iterator<Item = Tag> {
    let of = format!("{}-{}", subject.algorithm(), subject.hex());
    let kinds = ["sig", "att", "sbom"].into_iter();
    kinds.filter_map(move |kind| format!("{of}.{kind}").parse().ok())
}

/// The entries of an index that are for one of the platforms. What is for none, such as attestations,
/// goes along with all.
fn children(bytes: &[u8], parsed: &Manifest, platforms: &[Platform]) -> Vec<Digest> {
    let all = || {
        let children = parsed
            .edges
            .iter()
            .filter(|edge| edge.role == EdgeRole::Child);
        children.map(|edge| edge.digest.clone()).collect()
    };
    if platforms.is_empty() || !parsed.media_type.index() {
        return all();
    }
    let Ok(index) = serde_json::from_slice::<ImageIndex>(bytes) else {
        return all();
    };
    let entries = index.manifests().iter().filter(|entry| {
        entry
            .platform()
            .as_ref()
            .is_none_or(|of_entry| platforms.iter().any(|platform| platform.matches(of_entry)))
    });
    entries
        .filter_map(|entry| entry.digest().to_string().parse().ok())
        .collect()
}
