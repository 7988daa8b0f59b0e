//! Deployments that have not begun: one for a stack at most.

use std::time::Duration;

use berth_registry::{DbError, Timestamp, sentence};
use sqlx::SqliteConnection;

use crate::db::deployments::New;
use crate::history::{Cause, DeployedService, Deployment, LineKind, State};
use crate::holds::Kept;
use crate::journal::move_to;
use crate::{db, holds};

/// How long a stack has to be quiet.
#[derive(Clone, Copy)]
pub(crate) struct Quiet {
    pub(crate) after_last: Duration,
    pub(crate) after_first: Duration,
}

/// Why a push could not be queued now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    #[error(transparent)]
    Db(#[from] DbError),
    /// A deployment that a person has asked for comes first.
    #[error("another deployment of the stack comes first")]
    InTheWay,
}

/// Adds what a push wants to the deployment of its stack that has not begun, or makes one. One that
/// waits for somebody's word is superseded, since the word was asked for something else.
pub(crate) async fn add(
    tx: &mut SqliteConnection,
    (target, name, stack): (i64, &str, &str),
    cause: Cause,
    (services, kept_here): (&[DeployedService], &[Kept]),
    quiet: Quiet,
    now: Timestamp,
) -> Result<i64, QueueError> {
    let due_at = now.plus(quiet.after_last);
    let new = New {
        target,
        stack,
        cause,
        requested_by: None,
        rolls_back: None,
        due_at,
    };
    let before = db::deployments::not_begun(tx, target, stack).await?;
    let (id, kept) = match before {
        Some(asked_for) if !asked_for.cause.automatic() => return Err(QueueError::InTheWay),
        Some(queued) if queued.state == State::Queued => {
            let latest = queued.created_at.plus(quiet.after_first);
            db::deployments::set_due(tx, queued.id, due_at.min(latest)).await?;
            (queued.id, Vec::new())
        }
        Some(waiting) => {
            // Before the new one, since there is one at most.
            let reason = sentence("a newer push came before it began");
            supersede(tx, &waiting, reason, now).await?;
            let id = db::deployments::insert(tx, &new, now).await?;
            holds::hand_on(tx, name, waiting.id, id).await?;
            (id, waiting.services)
        }
        None => (db::deployments::insert(tx, &new, now).await?, Vec::new()),
    };
    for service in kept.iter().chain(services) {
        db::deployments::put_service(tx, id, service).await?;
    }
    holds::hold(tx, name, id, kept_here).await?;
    for service in services {
        let (image, digest) = (&service.image, &service.to_digest);
        let text = match &service.pushed_by {
            Some(actor) => sentence!("{image} moved to {digest}, pushed by {actor}"),
            None => sentence!("{image} moved to {digest}"),
        };
        let name = Some(service.service.as_str());
        db::lines::insert(tx, id, LineKind::Note, name, &text, now).await?;
    }
    Ok(id)
}

pub(crate) async fn supersede(
    tx: &mut SqliteConnection,
    deployment: &Deployment,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let change = (deployment.state, State::Superseded);
    move_to(tx, deployment.id, change, Some(reason), now).await?;
    Ok(())
}
