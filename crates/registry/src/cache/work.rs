use std::ops::Sub;

use berth_oci::ProjectName;
use futures_util::FutureExt as _;

use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// What a cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheWork {
    /// Blobs that were here.
    pub hits: u64,
    /// Downloads that were begun.
    pub fills: u64,
    /// Clients that joined a download.
    pub joins: u64,
    /// Bytes of blobs that clients were given.
    pub served_bytes: u64,
    /// Bytes of blobs that came from upstreams.
    pub fetched_bytes: u64,
}

impl CacheWork {
    /// Bytes that clients were given and that did not come from an upstream for them.
    pub fn saved_bytes(&self) -> u64 {
        self.served_bytes.saturating_sub(self.fetched_bytes)
    }
}

impl Sub for CacheWork {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            hits: self.hits - earlier.hits,
            fills: self.fills - earlier.fills,
            joins: self.joins - earlier.joins,
            served_bytes: self.served_bytes - earlier.served_bytes,
            fetched_bytes: self.fetched_bytes - earlier.fetched_bytes,
        }
    }
}

/// What a cache did in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheHour {
    pub begins_at: Timestamp,
    pub work: CacheWork,
}

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
/// 400 days, so that a year can be compared with the one before.
const HOURS_KEPT: i64 = 400 * 24;
/// The most hours in one answer: a month.
const HOURS_SHOWN: i64 = 31 * 24;

impl Registry {
    /// Adds to what the cache did in the hour that is now.
    pub async fn add_cache_work(
        &self,
        project: &ProjectName,
        work: CacheWork,
    ) -> Result<(), DbError> {
        let hour = self.clock.now().0 / HOUR_MILLIS;
        let project = project.clone();
        self.db
            .write_relaxed(move |tx| {
                async move {
                    db::upstream_hours::add(tx, project.as_str(), hour, &work).await?;
                    db::upstream_hours::delete_before(tx, hour - HOURS_KEPT).await
                }
                .boxed()
            })
            .await
    }

    /// What the cache did in each hour since, for a month at most.
    pub async fn cache_hours(
        &self,
        project: &ProjectName,
        since: Timestamp,
    ) -> Result<Vec<CacheHour>, DbError> {
        let first = since.0 / HOUR_MILLIS;
        let mut connection = self.db.read().await?;
        let hours =
            db::upstream_hours::list(&mut connection, project.as_str(), first, HOURS_SHOWN).await?;
        let hours = hours.into_iter().map(|(hour, work)| CacheHour {
            begins_at: Timestamp(hour * HOUR_MILLIS),
            work,
        });
        Ok(hours.collect())
    }
}
