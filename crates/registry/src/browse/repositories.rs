use berth_oci::{ProjectName, RepositoryName};
use sqlx::SqliteConnection;

use super::{Page, Visible, Walk};
use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// Which repositories to list.
pub struct RepositoryFilter<'f> {
    pub project: Option<ProjectName>,
    /// A part of the name, in upper or lower case.
    pub search: Option<String>,
    /// Where the page before has ended: its [`Page::next`], or a name.
    pub after: Option<String>,
    /// The projects that can hold a visible repository; without, all. The others are not read.
    pub projects: Option<Vec<ProjectName>>,
    pub visible: &'f Visible<'f>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySummary {
    pub name: RepositoryName,
    pub created_at: Timestamp,
    pub tags: u64,
    pub manifests: u64,
    /// Of its blobs, each counted once.
    pub size_bytes: u64,
    /// When a manifest was pushed last.
    pub pushed_at: Option<Timestamp>,
}

impl Registry {
    /// The repositories that the filter lets through, in order of the bytes of their names.
    pub async fn browse_repositories(
        &self,
        filter: &RepositoryFilter<'_>,
        limit: usize,
    ) -> Result<Page<RepositorySummary>, DbError> {
        let mut connection = self.db.read().await?;
        // A name has no upper case.
        let search = filter.search.as_ref().map(|text| text.to_lowercase());
        let walk = Walk {
            after: filter.after.as_deref().unwrap_or_default(),
            project: filter.project.as_ref(),
            projects: filter.projects.as_deref(),
            limit: self.page_limit(limit),
            wanted: &|row| {
                search
                    .as_ref()
                    .is_none_or(|text| row.name.as_str().contains(text))
                    && (filter.visible)(&row.name)
            },
        };
        let names = walk.page(&mut connection).await?;
        let mut items = Vec::with_capacity(names.items.len());
        for name in names.items {
            // One that is gone meanwhile is left out.
            items.extend(summary(&mut connection, name).await?);
        }
        let next = names.next;
        Ok(Page { items, next })
    }

    pub async fn browse_repository(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<RepositorySummary>, DbError> {
        let mut connection = self.db.read().await?;
        summary(&mut connection, repository.clone()).await
    }
}

async fn summary(
    connection: &mut SqliteConnection,
    name: RepositoryName,
) -> Result<Option<RepositorySummary>, DbError> {
    let totals = db::browse::repositories::totals(connection, &name).await?;
    Ok(totals.map(|totals| RepositorySummary {
        name,
        created_at: totals.created_at,
        tags: totals.tags,
        manifests: totals.manifests,
        size_bytes: totals.blob_bytes,
        pushed_at: totals.pushed_at,
    }))
}

#[cfg(test)]
mod tests;
