//! Projects that are read as one.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use berth_oci::{Digest, InvalidName, Page, ProjectName, Reference, RepositoryName};
use berth_registry::Registry;
use berth_registry::source::{
    Blob, Listing, ManifestDescription, Pushes, Referrer, Source, SourceError, StoredManifest,
};

use crate::remote::Remote;
use crate::settings::GroupSettings;

pub(crate) struct Group {
    settings: GroupSettings,
    source: Arc<dyn Source>,
    of_pushes: Arc<dyn Source>,
}

impl Group {
    /// Of members with the project that each is kept in and the source that it is read from.
    pub(crate) fn new(
        registry: &Arc<Registry>,
        settings: GroupSettings,
        members: Vec<Member>,
    ) -> Self {
        let source = |pushes| Members {
            members: members.clone(),
            registry: Arc::clone(registry),
            pushes,
        };
        Self {
            source: Arc::new(source(false)),
            of_pushes: Arc::new(source(true)),
            settings,
        }
    }

    /// Where a repository is read from, also by who is about to push there.
    pub(crate) fn source(&self, pushes: bool) -> &Arc<dyn Source> {
        if pushes {
            &self.of_pushes
        } else {
            &self.source
        }
    }

    pub(crate) fn name(&self) -> &ProjectName {
        &self.settings.name
    }

    /// Where a push to a repository of the group goes.
    pub(crate) fn pushes(&self, inner: &RepositoryName) -> Result<Pushes, InvalidName> {
        let name = self.name();
        match &self.settings.push {
            Some(member) => Ok(Pushes::To(inner.within(member)?)),
            None => Ok(Pushes::Refused(format!(
                "no member of {name} takes pushes: push to a project"
            ))),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) kept: Kept,
    pub(crate) source: Arc<dyn Source>,
}

/// Where a member keeps what it has.
#[derive(Clone)]
pub(crate) enum Kept {
    InProject(ProjectName),
    InCacheOf(Arc<Remote>),
}

impl Member {
    fn here(&self) -> bool {
        matches!(self.kept, Kept::InProject(_))
    }

    /// What a repository of the group is called in this member.
    fn name(&self, repository: &RepositoryName) -> Option<RepositoryName> {
        let inner = repository.in_project()?;
        let name = match &self.kept {
            Kept::InProject(project) => inner.within(project),
            Kept::InCacheOf(remote) => remote.here(&inner),
        };
        name.ok()
    }
}

/// Asked in their order. What one of them has is given even if another fails; that it fails is told
/// when none has it.
///
/// Once a project here has a repository of the name, no upstream is asked for it: its name is
/// nobody's business, and nobody elsewhere adds to it.
struct Members {
    members: Vec<Member>,
    registry: Arc<Registry>,
    /// For what is about to be pushed: the projects here alone.
    pushes: bool,
}

impl Members {
    /// Who may be asked for a repository, each with the name that it has there.
    async fn of(
        &self,
        repository: &RepositoryName,
    ) -> Result<Vec<(&Member, RepositoryName)>, SourceError> {
        let members = self.members.iter();
        let mut named: Vec<_> = members
            .filter_map(|member| Some((member, member.name(repository)?)))
            .collect();
        let mut here = self.pushes;
        for (member, name) in &named {
            here |= member.here() && self.registry.claims_repository(name).await?;
        }
        if here {
            named.retain(|(member, _)| member.here());
        }
        Ok(named)
    }
}

macro_rules! first {
    ($members:expr, $repository:expr, |$source:ident, $name:ident| $ask:expr) => {{
        let mut failed = None;
        for (member, name) in $members.of($repository).await? {
            let ($source, $name) = (&*member.source, &name);
            match $ask.await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }};
}

#[async_trait]
impl Source for Members {
    async fn describe_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<ManifestDescription>, SourceError> {
        first!(self, repository, |source, name| source
            .describe_manifest(name, reference))
    }

    async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<StoredManifest>, SourceError> {
        first!(self, repository, |source, name| source
            .manifest(name, reference))
    }

    async fn describe_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        first!(self, repository, |source, name| source
            .describe_blob(name, digest))
    }

    async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Blob>, SourceError> {
        first!(self, repository, |source, name| source.blob(name, digest))
    }

    async fn tags(
        &self,
        repository: &RepositoryName,
        page: &Page,
        limit: usize,
    ) -> Result<Option<Listing<String>>, SourceError> {
        let mut pages = Vec::new();
        let mut failed = None;
        for (member, name) in self.of(repository).await? {
            match member.source.tags(&name, page, limit).await {
                Ok(Some(listing)) => pages.push(listing),
                Ok(None) => {}
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        match failed {
            Some(error) if pages.is_empty() => Err(error),
            Some(_) | None => Ok((!pages.is_empty()).then(|| merged(pages, limit))),
        }
    }

    /// Those of the first member that has any.
    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<Listing<Referrer>, SourceError> {
        let mut failed = None;
        for (member, name) in self.of(repository).await? {
            let listing = member
                .source
                .referrers(&name, subject, artifact_type, after, limit)
                .await;
            match listing {
                Ok(listing) if listing.entries.is_empty() => {}
                Ok(listing) => return Ok(listing),
                Err(error) => failed = Some(failed.unwrap_or(error)),
            }
        }
        let none = Listing::of(Vec::new(), limit);
        failed.map_or(Ok(none), Err)
    }

    async fn keeper(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<RepositoryName>, SourceError> {
        let reference = Reference::Digest(digest.clone());
        first!(self, repository, |source, name| async {
            match source.describe_manifest(name, &reference).await? {
                Some(_) => source.keeper(name, digest).await,
                None => Ok(None),
            }
        })
    }
}

/// Several lists as one page of at most `limit`, in order of their bytes.
pub(crate) fn merged(pages: Vec<Listing<String>>, limit: usize) -> Listing<String> {
    let more = pages.iter().any(|page| page.more);
    // Behind the end of a page that goes on, the others may have what that one has not shown.
    let end = pages
        .iter()
        .filter(|page| page.more)
        .filter_map(|page| page.entries.last())
        .min()
        .cloned();
    let tags: BTreeSet<String> = pages.into_iter().flat_map(|page| page.entries).collect();
    let within = |tag: &String| end.as_ref().is_none_or(|end| tag <= end);
    let mut listing = Listing::of(tags.into_iter().filter(within).collect(), limit);
    listing.more |= more;
    listing
}

#[cfg(test)]
mod tests;
