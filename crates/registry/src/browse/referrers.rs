use std::collections::BTreeMap;

use berth_oci::{Digest, RepositoryName};

use super::{Page, SourceError};
use crate::db::unsigned;
use crate::registry::Registry;

/// A manifest that names another one as its subject, such as a signature or a list of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerSummary {
    pub digest: Digest,
    pub media_type: String,
    pub artifact_type: Option<String>,
    /// Of the manifest alone.
    pub size_bytes: u64,
    pub annotations: BTreeMap<String, String>,
}

impl Registry {
    /// The manifests that name `subject`, oldest first; none where there is no such repository. A
    /// page is also short where annotations are long.
    pub async fn browse_referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Page<ReferrerSummary, u64>, SourceError> {
        let listing = self
            .hosted()
            .referrers(
                repository,
                subject,
                artifact_type,
                after.unwrap_or_default(),
                self.page_limit(limit),
            )
            .await?;
        let last = listing.entries.last().filter(|_| listing.more);
        let next = last.map(|referrer| unsigned(referrer.id));
        let mut items = Vec::with_capacity(listing.entries.len());
        for referrer in listing.entries {
            items.push(ReferrerSummary {
                annotations: referrer.annotations()?,
                digest: referrer.digest,
                media_type: referrer.media_type,
                artifact_type: referrer.artifact_type,
                size_bytes: referrer.size_bytes,
            });
        }
        Ok(Page { items, next })
    }
}

#[cfg(test)]
mod tests;
