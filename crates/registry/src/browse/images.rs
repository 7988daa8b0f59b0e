use std::fmt;
use std::str::FromStr;

use berth_oci::{Digest, MediaType, RepositoryName, Tag};
use sqlx::SqliteConnection;

use super::Page;
use crate::clock::Timestamp;
use crate::db::browse::images::ImageRow;
use crate::db::{self, DbError, signed};
use crate::registry::Registry;

/// The most tags that are listed with an image.
const TAGS: i64 = 100;

/// A manifest, be it an image, an index or an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    pub digest: Digest,
    pub media_type: MediaType,
    pub artifact_type: Option<String>,
    /// The bytes of the manifest and of its blobs, and for an index also those of its children:
    /// what of them the repository has.
    pub size_bytes: u64,
    pub pushed_at: Timestamp,
    pub pushed_by: Option<String>,
    pub pulls: u64,
    pub last_pulled_at: Option<Timestamp>,
    /// The first hundred that are on it.
    pub tags: Vec<Tag>,
}

/// Where a list of images goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImagePlace {
    pushed_at: Timestamp,
    manifest_id: i64,
}

impl ImagePlace {
    /// Before the newest push.
    const START: Self = Self {
        pushed_at: Timestamp(i64::MAX),
        manifest_id: i64::MAX,
    };
}

impl fmt::Display for ImagePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pushed_at.0, self.manifest_id)
    }
}

impl FromStr for ImagePlace {
    type Err = InvalidImagePlace;

    fn from_str(text: &str) -> Result<Self, InvalidImagePlace> {
        let (pushed_at, manifest_id) = text.split_once('.').ok_or(InvalidImagePlace)?;
        Ok(Self {
            pushed_at: Timestamp(pushed_at.parse().map_err(|_| InvalidImagePlace)?),
            manifest_id: manifest_id.parse().map_err(|_| InvalidImagePlace)?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place in a list of images is taken from the page before")]
pub struct InvalidImagePlace;

impl Registry {
    /// The manifests of a repository, newest push first, whether or not a tag is on them; `None`
    /// when there is no such repository.
    pub async fn browse_images(
        &self,
        repository: &RepositoryName,
        after: Option<ImagePlace>,
        limit: usize,
    ) -> Result<Option<Page<ImageSummary, ImagePlace>>, DbError> {
        let limit = self.page_limit(limit);
        let mut connection = self.db.read().await?;
        let Some(repository_id) = db::repositories::find(&mut connection, repository).await? else {
            return Ok(None);
        };
        let after = after.unwrap_or(ImagePlace::START);
        let rows = db::browse::images::list(
            &mut connection,
            repository_id,
            (after.pushed_at, after.manifest_id),
            signed(limit as u64 + 1),
        )
        .await?;
        let page = Page::of(rows, limit, |row| ImagePlace {
            pushed_at: row.pushed_at,
            manifest_id: row.id,
        });
        let next = page.next;
        let items = summaries(&mut connection, repository_id, page.items).await?;
        Ok(Some(Page { items, next }))
    }
}

pub(super) async fn summaries(
    connection: &mut SqliteConnection,
    repository_id: i64,
    rows: Vec<ImageRow>,
) -> Result<Vec<ImageSummary>, DbError> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let sizes = db::browse::images::sizes(connection, &ids).await?;
    let mut summaries = Vec::with_capacity(rows.len());
    for row in rows {
        // A statement each, since no other ends after so many tags of each image.
        let tags = db::browse::images::tags(connection, repository_id, row.id, TAGS).await?;
        summaries.push(ImageSummary {
            // A manifest that went since the row was read has no size any more.
            size_bytes: sizes.get(&row.id).copied().unwrap_or_default(),
            digest: row.digest,
            media_type: row.media_type,
            artifact_type: row.artifact_type,
            pushed_at: row.pushed_at,
            pushed_by: row.pushed_by,
            pulls: row.pulls,
            last_pulled_at: row.last_pulled_at,
            tags,
        });
    }
    Ok(summaries)
}

#[cfg(test)]
mod tests;
