use std::collections::HashSet;

use berth_oci::RepositoryName;

use super::attached::subject_of;
use super::decide::{Attached, Decision, TagRow, days_before, decide};
use super::policy::Policy;
use super::untagged;
use crate::clock::Timestamp;
use crate::db::retention::rows::{self, TagColumns};
use crate::db::{self, Db, DbError};
use crate::immutable::Rules;
use crate::sentence;

/// The tags of a repository, and what becomes of each.
pub(super) struct DecidedTags {
    /// The newest change when they were read: what comes behind it they may not show.
    pub(super) sequence: i64,
    pub(super) rows: Vec<TagRow>,
    pub(super) decisions: Vec<Decision>,
}

/// Manifests without a tag that go, in the order in which they can.
pub(super) struct Going {
    pub(super) until: Timestamp,
    pub(super) days: u32,
    pub(super) manifests: Vec<i64>,
    /// Of so many.
    pub(super) candidates: usize,
}

/// Reads one repository, whatever its size: which tags are the newest only all of them tell.
pub(super) async fn tags(
    db: &Db,
    (repository_id, repository): (i64, &RepositoryName),
    policy: &Policy,
    now: Timestamp,
) -> Result<DecidedTags, DbError> {
    let mut connection = db.read_unasked().await?;
    let sequence = rows::last_change(&mut connection).await?;
    let held = rows::held(&mut connection, repository_id, repository).await?;
    let rules = rules_of(&mut connection, repository_id, repository).await?;
    let rows = rows::tags(&mut connection, repository_id).await?;
    let subjects = rows::subjects_of_tags(&mut connection, repository_id).await?;
    drop(connection);
    let (policy, repository) = (policy.clone(), repository.clone());
    // With many tags and patterns it takes a while.
    let deciding = tokio::task::spawn_blocking(move || {
        let row = |row: TagColumns| TagRow {
            immutable: rules.first_of(&row.tag).map(|rule| rule.id),
            held: held.contains(&row.manifest_id),
            attached: subject_of(&row.tag).map(|subject| match subjects.contains(&subject) {
                true => Attached::ToPresent,
                false => Attached::ToAbsent,
            }),
            tag: row.tag,
            manifest_id: row.manifest_id,
            pushed_at: row.pushed_at,
            pulled_at: row.pulled_at,
        };
        let rows: Vec<_> = rows.into_iter().map(row).collect();
        let attached_until = policy
            .untagged_after_days
            .map(|days| days_before(now, days));
        let decisions = decide(&policy.rules_of(&repository), &rows, attached_until, now);
        DecidedTags {
            sequence,
            rows,
            decisions,
        }
    });
    match deciding.await {
        Ok(decided) => Ok(decided),
        // It is never aborted.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn rules_of(
    connection: &mut sqlx::SqliteConnection,
    repository_id: i64,
    repository: &RepositoryName,
) -> Result<Rules, DbError> {
    match db::repositories::project(connection, repository_id).await? {
        Some(project_id) => Rules::of(connection, project_id, repository).await,
        None => Ok(Rules::none()),
    }
}

pub(super) async fn untagged(
    db: &Db,
    (repository_id, repository): (i64, &RepositoryName),
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<Going>, DbError> {
    let Some(days) = policy.untagged_after_days else {
        return Ok(None);
    };
    let until = days_before(now, days);
    let mut connection = db.read_unasked().await?;
    let mut candidates = rows::untagged(&mut connection, repository_id, until).await?;
    let needed = rows::in_the_way(&mut connection, repository_id, until).await?;
    let held: HashSet<i64> = rows::held(&mut connection, repository_id, repository).await?;
    drop(connection);
    let count = candidates.len();
    candidates.retain(|id| !held.contains(id));
    let order = untagged::order(&candidates, &needed).into_iter();
    Ok(Some(Going {
        until,
        days,
        manifests: order.map(|index| candidates[index]).collect(),
        candidates: count,
    }))
}

impl Going {
    pub(super) fn reason(days: u32) -> String {
        match days {
            1 => sentence("it has had no tag for a day").to_owned(),
            days => sentence!("it has had no tag for {days} days"),
        }
    }
}
