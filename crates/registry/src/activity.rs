//! What was done with tags lately.

use berth_oci::{Digest, RepositoryName, Tag};

use crate::browse::Visible;
use crate::clock::Timestamp;
use crate::db::{self, DbError};
use crate::registry::Registry;

/// What was pushed and pulled last, the newest first. Tags that are gone are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub pushed: Vec<PushedTag>,
    pub pulled: Vec<PulledTag>,
}

/// A tag that somebody has moved; an upstream that moved one is no news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedTag {
    pub repository: RepositoryName,
    pub tag: Tag,
    /// What it was moved to.
    pub digest: Digest,
    pub by: Option<String>,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledTag {
    pub repository: RepositoryName,
    pub tag: Tag,
    /// What it is on now.
    pub digest: Digest,
    pub pulls: u64,
    pub at: Timestamp,
}

impl Registry {
    /// What happened lately in the repositories that are visible, `limit` of each kind at most. Who sees
    /// little of a busy registry may be shown less than there was.
    pub async fn activity(&self, visible: &Visible<'_>, limit: usize) -> Result<Activity, DbError> {
        let mut connection = self.db.read().await?;
        Ok(Activity {
            pushed: db::activity::pushed(&mut connection, visible, limit).await?,
            pulled: db::activity::pulled(&mut connection, visible, limit).await?,
        })
    }
}

#[cfg(test)]
mod tests;
