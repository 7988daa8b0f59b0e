use std::collections::HashMap;

use berth_oci::{Digest, MediaType, RepositoryName, Tag};

use super::{LOOKED_AT, Page, Platforms};
use crate::clock::Timestamp;
use crate::db::browse::tags::{Between, TagRow};
use crate::db::{self, DbError, signed};
use crate::registry::Registry;

/// Comes behind every tag.
const BEHIND_ALL: &str = "~";
/// A search that is longer than any tag finds none, and the database would refuse a very long one.
const SEARCHED: usize = 129;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSummary {
    pub name: Tag,
    pub digest: Digest,
    pub media_type: MediaType,
    pub artifact_type: Option<String>,
    /// `None` where that is not known.
    pub platforms: Option<Platforms>,
    /// Of the image: see [`super::ImageSummary::size_bytes`].
    pub size_bytes: u64,
    /// When the tag came to this manifest last, and who moved it.
    pub pushed_at: Timestamp,
    pub pushed_by: Option<String>,
    /// Of the tag, whatever it was on.
    pub pulls: u64,
    pub last_pulled_at: Option<Timestamp>,
}

impl Registry {
    /// The tags whose name holds `search`, in upper or lower case, in order of their bytes; `None`
    /// when there is no such repository.
    pub async fn browse_tags(
        &self,
        repository: &RepositoryName,
        search: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<TagSummary>>, DbError> {
        let limit = self.page_limit(limit);
        let after = after.unwrap_or_default();
        let mut connection = self.db.read().await?;
        let Some(repository_id) = db::repositories::find(&mut connection, repository).await? else {
            return Ok(None);
        };
        // Without a search each name that is looked at is one that was asked for.
        let end = match search {
            Some(_) => {
                let passed_over = signed(LOOKED_AT as u64 - 1);
                db::browse::tags::beyond(&mut connection, repository_id, after, passed_over).await?
            }
            None => None,
        };
        let piece = Between {
            repository_id,
            after,
            last: end.as_deref().unwrap_or(BEHIND_ALL),
            pattern: &pattern(search.unwrap_or_default()),
            limit: signed(limit as u64 + 1),
        };
        let rows = db::browse::tags::between(&mut connection, &piece).await?;
        let mut page = Page::of(rows, limit, |row| row.name.to_string());
        let ids: Vec<_> = page.items.iter().map(|row| row.manifest_id).collect();
        let sizes = db::browse::images::sizes(&mut connection, &ids).await?;
        // The store may be slow, and readers are few.
        drop(connection);
        self.learn_platforms(repository, &mut page.items).await;
        let mut page = page.map(|row| summary(row, &sizes));
        page.next = page.next.or(end);
        Ok(Some(page))
    }

    pub async fn browse_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<TagSummary>, DbError> {
        let mut connection = self.db.read().await?;
        let Some(repository_id) = db::repositories::find(&mut connection, repository).await? else {
            return Ok(None);
        };
        let Some(row) = db::browse::tags::find(&mut connection, repository_id, tag).await? else {
            return Ok(None);
        };
        let sizes = db::browse::images::sizes(&mut connection, &[row.manifest_id]).await?;
        drop(connection);
        let mut rows = [row];
        self.learn_platforms(repository, &mut rows).await;
        let [row] = rows;
        Ok(Some(summary(row, &sizes)))
    }
}

fn summary(row: TagRow, sizes: &HashMap<i64, u64>) -> TagSummary {
    TagSummary {
        // A manifest that went since the row was read has no size any more.
        size_bytes: sizes.get(&row.manifest_id).copied().unwrap_or_default(),
        name: row.name,
        digest: row.digest,
        media_type: row.media_type,
        artifact_type: row.artifact_type,
        platforms: row.platforms,
        pushed_at: row.pushed_at,
        pushed_by: row.pushed_by,
        pulls: row.pulls,
        last_pulled_at: row.last_pulled_at,
    }
}

/// What a name that holds the text is LIKE.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars().take(SEARCHED) {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests;
