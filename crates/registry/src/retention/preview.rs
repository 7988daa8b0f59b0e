use std::fmt;
use std::str::FromStr;

use berth_oci::{Digest, ProjectName, Reference, RepositoryName, Tag};

use super::policy::{Policy, PolicyText};
use super::snapshot::{self, DecidedTags, Going};
use super::{RetentionError, holding, stored};
use crate::browse::{LOOKED_AT, Page};
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
    /// `None` behind all of the repository.
    reference: Option<Reference>,
}

impl Registry {
    /// What a run of the policy would do now, or of the stored one, behind a place. In order of
    /// repositories; of each its tags by name, then its manifests by digest. A page ends early where
    /// much was looked at.
    pub async fn preview_retention(
        &self,
        project: &ProjectName,
        policy: Option<&PolicyText>,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Page<Preview, Place>, RetentionError> {
        self.preview_part(project, policy, after, limit, LOOKED_AT)
            .await
    }

    pub(super) async fn preview_part(
        &self,
        project: &ProjectName,
        policy: Option<&PolicyText>,
        after: Option<&Place>,
        limit: usize,
        most_looked_at: usize,
    ) -> Result<Page<Preview, Place>, RetentionError> {
        let policy = self.policy_or_stored(project, policy).await?;
        self.write_usage().await?;
        let now = self.clock.now();
        let mut items = Vec::new();
        let start = after.map_or("", |place| place.repository.as_str());
        let passed = after.filter(|place| place.reference.is_none());
        let passed = passed.map_or("", |place| place.repository.as_str());
        let mut repository = self.next_repository(project, start, passed).await?;
        let mut looked_at = 0;
        while let Some((id, name)) = repository {
            let after = after.filter(|place| place.repository == name);
            let after = after.and_then(|place| place.reference.as_ref());
            let wanted = limit + 1;
            looked_at += self
                .preview_repository((id, &name), &policy, after, wanted, now, &mut items)
                .await?;
            if items.len() > limit {
                break;
            }
            if looked_at >= most_looked_at {
                let next = Some(Place {
                    repository: name,
                    reference: None,
                });
                return Ok(Page { items, next });
            }
            repository = self
                .next_repository(project, name.as_str(), name.as_str())
                .await?;
        }
        Ok(Page::of(items, limit, Preview::place))
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

    /// How much was looked at.
    async fn preview_repository(
        &self,
        repository: (i64, &RepositoryName),
        policy: &Policy,
        after: Option<&Reference>,
        limit: usize,
        now: Timestamp,
        items: &mut Vec<Preview>,
    ) -> Result<usize, DbError> {
        let mut looked_at = 1;
        let (last_tag, last_digest) = match after {
            None => ("", None),
            Some(Reference::Tag(tag)) => (tag.as_str(), None),
            Some(Reference::Digest(digest)) => ("", Some(digest)),
        };
        if last_digest.is_none() {
            let decided = snapshot::tags(&self.db, repository, policy, now).await?;
            looked_at += decided.rows.len();
            self.preview_tags(repository.1, &decided, last_tag, limit, items)
                .await?;
        }
        if items.len() >= limit {
            return Ok(looked_at);
        }
        if let Some(going) = snapshot::untagged(&self.db, repository, policy, now).await? {
            looked_at += going.candidates;
            let after = last_digest.map_or("", Digest::as_str);
            self.preview_untagged(repository, going, after, limit, items)
                .await?;
        }
        Ok(looked_at)
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
                reason: decision.reason(&row.tag),
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
            reference: Some(reference),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reference {
            None => self.repository.fmt(f),
            Some(Reference::Tag(tag)) => write!(f, "{}:{tag}", self.repository),
            Some(Reference::Digest(digest)) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (repository, reference) = match (text.split_once('@'), text.split_once(':')) {
            (Some((repository, digest)), _) => {
                let digest = digest.parse().map_err(|_| InvalidPlace)?;
                (repository, Some(Reference::Digest(digest)))
            }
            (None, Some((repository, tag))) => {
                let tag = tag.parse().map_err(|_| InvalidPlace)?;
                (repository, Some(Reference::Tag(tag)))
            }
            (None, None) => (text, None),
        };
        Ok(Self {
            repository: repository.parse().map_err(|_| InvalidPlace)?,
            reference,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no place in a preview")]
pub struct InvalidPlace;
