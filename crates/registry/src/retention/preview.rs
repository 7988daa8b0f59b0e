use std::fmt;
use std::str::FromStr;

use berth_oci::{Digest, ProjectName, Reference, RepositoryName, Tag};

use super::policy::{Policy, PolicyText};
use super::snapshot::{self, DecidedTags, Going};
use super::{RetentionError, holding, stored};
use crate::clock::Timestamp;
use crate::db::retention::rows;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// What a run would do with a tag, or that it would remove a manifest without one.
#[derive(Clone, Debug)]
pub struct Preview {
    pub repository: RepositoryName,
    pub tag: Option<Tag>,
    pub digest: Digest,
    pub keep: bool,
    /// Number of the rule that decides, from 1.
    pub rule: Option<u8>,
    pub reason: String,
}

/// Where a page of a preview ends: the tags of a repository come before its manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    repository: RepositoryName,
    reference: Reference,
}

impl Registry {
    /// What a run of the policy would do now, or of the stored one, behind a place. In order of
    /// repositories; of each its tags by name, then its manifests by digest.
    pub async fn preview_retention(
        &self,
        project: &ProjectName,
        policy: Option<&PolicyText>,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<Preview>, RetentionError> {
        let policy = self.policy_or_stored(project, policy).await?;
        self.write_usage().await?;
        let now = self.clock.now();
        let mut items = Vec::new();
        let start = after.map_or("", |place| place.repository.as_str());
        let mut repository = self.next_repository(project, start, "").await?;
        while let Some((id, name)) = repository {
            let after = after.filter(|place| place.repository == name);
            let after = after.map(|place| &place.reference);
            self.preview_repository((id, &name), &policy, after, limit, now, &mut items)
                .await?;
            if items.len() >= limit {
                break;
            }
            repository = self
                .next_repository(project, name.as_str(), name.as_str())
                .await?;
        }
        Ok(items)
    }

    async fn policy_or_stored(
        &self,
        project: &ProjectName,
        policy: Option<&PolicyText>,
    ) -> Result<Policy, RetentionError> {
        let mut connection = self.db.read().await?;
        let row = holding(&mut connection, project).await?;
        if let Some(policy) = policy {
            return Ok(policy.read(project)?);
        }
        let found = db::retention::policies::find(&mut connection, row.id).await?;
        let found = found.ok_or_else(|| RetentionError::NoPolicy(project.clone()))?;
        Ok(stored(&found.policy, project)?)
    }

    pub(super) async fn next_repository(
        &self,
        project: &ProjectName,
        from: &str,
        but: &str,
    ) -> Result<Option<(i64, RepositoryName)>, DbError> {
        let mut connection = self.db.read_unasked().await?;
        rows::next_repository(&mut connection, project, from, but).await
    }

    async fn preview_repository(
        &self,
        repository: (i64, &RepositoryName),
        policy: &Policy,
        after: Option<&Reference>,
        limit: usize,
        now: Timestamp,
        items: &mut Vec<Preview>,
    ) -> Result<(), DbError> {
        let (last_tag, last_digest) = match after {
            None => ("", None),
            Some(Reference::Tag(tag)) => (tag.as_str(), None),
            Some(Reference::Digest(digest)) => ("", Some(digest)),
        };
        if last_digest.is_none() {
            let decided = snapshot::tags(&self.db, repository, policy, now).await?;
            self.preview_tags(repository.1, &decided, last_tag, limit, items)
                .await?;
        }
        if items.len() >= limit {
            return Ok(());
        }
        if let Some(going) = snapshot::untagged(&self.db, repository, policy, now).await? {
            let after = last_digest.map_or("", Digest::as_str);
            self.preview_untagged(repository, going, after, limit, items)
                .await?;
        }
        Ok(())
    }

    async fn preview_tags(
        &self,
        repository: &RepositoryName,
        decided: &DecidedTags,
        after: &str,
        limit: usize,
        items: &mut Vec<Preview>,
    ) -> Result<(), DbError> {
        let mut connection = self.db.read_unasked().await?;
        let decided = decided.rows.iter().zip(&decided.decisions);
        for (row, decision) in decided.filter(|(row, _)| row.tag.as_str() > after) {
            if items.len() >= limit {
                break;
            }
            // Gone since the tags were read.
            let Some(digest) = rows::digest(&mut connection, row.manifest_id).await? else {
                continue;
            };
            items.push(Preview {
                repository: repository.clone(),
                tag: Some(row.tag.clone()),
                digest,
                keep: decision.keeps(),
                rule: decision.rule(),
                reason: decision.to_string(),
            });
        }
        Ok(())
    }

    async fn preview_untagged(
        &self,
        (repository_id, repository): (i64, &RepositoryName),
        going: Going,
        after: &str,
        limit: usize,
        items: &mut Vec<Preview>,
    ) -> Result<(), DbError> {
        let mut connection = self.db.read_unasked().await?;
        let missing = limit.saturating_sub(items.len());
        let (until, wanted) = (going.until, going.manifests.into_iter().collect());
        let digests = rows::untagged_digests(
            &mut connection,
            repository_id,
            until,
            after,
            &wanted,
            missing,
        );
        let digests = digests.await?.into_iter();
        items.extend(digests.map(|digest| Preview {
            repository: repository.clone(),
            tag: None,
            digest,
            keep: false,
            rule: None,
            reason: Going::reason(going.days),
        }));
        Ok(())
    }
}

impl Preview {
    pub fn place(&self) -> Place {
        let reference = match &self.tag {
            Some(tag) => Reference::Tag(tag.clone()),
            None => Reference::Digest(self.digest.clone()),
        };
        Place {
            repository: self.repository.clone(),
            reference,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            Reference::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Reference::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (repository, reference) = match text.split_once('@') {
            Some((repository, digest)) => (repository, digest.parse().ok().map(Reference::Digest)),
            None => {
                let (repository, tag) = text.split_once(':').ok_or(InvalidPlace)?;
                (repository, tag.parse().ok().map(Reference::Tag))
            }
        };
        Ok(Self {
            repository: repository.parse().map_err(|_| InvalidPlace)?,
            reference: reference.ok_or(InvalidPlace)?,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no place in a preview")]
pub struct InvalidPlace;
