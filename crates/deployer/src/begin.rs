//! Deployments that are due: what is left of them is planned, journalled, and run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use berth_registry::{DbError, Timestamp, sentence};
use futures_util::FutureExt as _;
use tracing::info;

use crate::db;
use crate::deployer::Deployer;
use crate::engine::{PlanError, Service};
use crate::history::{Deployment, State};
use crate::take::TakeError;
use crate::target::Target;

mod left;
mod plan;

pub(crate) use plan::Prepared;

/// How often what waits is looked at again, unless something wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// After an engine could not be asked.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What becomes of a deployment that is due.
enum Outcome {
    Begin(Prepared),
    Wait { reason: String, until: Timestamp },
    End(State, String),
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Take(#[from] TakeError),
}

impl From<DbError> for PrepareError {
    fn from(error: DbError) -> Self {
        Self::Take(error.into())
    }
}

impl Deployer {
    /// Begins what is due, and goes on with what a process that is gone had begun.
    pub(crate) async fn begin_due(self: &Arc<Self>, target: &Arc<Target>) -> Result<(), DbError> {
        let mut connection = self.journal.db().read_unasked().await?;
        let unfinished = db::deployments::unfinished(&mut connection, target.id).await?;
        drop(connection);
        let now = self.journal.now();
        let mut busy: HashSet<String> = HashSet::new();
        let (waiting, begun): (Vec<_>, Vec<_>) = unfinished
            .into_iter()
            .partition(|deployment| !deployment.state.begun());
        for deployment in begun {
            busy.insert(deployment.stack.clone());
            if target.may_look_at(deployment.id, now) && self.claim(deployment.id).await? {
                self.spawn_run(target, deployment.id);
            }
        }
        let mut observed = None;
        for deployment in waiting {
            let due = deployment.due_at <= now && target.may_look_at(deployment.id, now);
            if busy.contains(&deployment.stack) || !due {
                continue;
            }
            if observed.is_none() {
                observed = Some(self.observe(target).await);
            }
            let outcome = match observed.as_ref().expect("it was just asked for") {
                Ok(services) => self.outcome(target, &deployment, services, now).await?,
                Err(_) => away(target, now),
            };
            self.settle(target, deployment, outcome).await?;
        }
        Ok(())
    }

    /// Takes a deployment for this process, unless it has it already.
    async fn claim(&self, deployment: i64) -> Result<bool, DbError> {
        if self.runs_here(deployment) {
            return Ok(false);
        }
        let process = self.process.clone();
        self.journal
            .write(move |tx| {
                async move { db::deployments::claim(tx, deployment, &process).await }.boxed()
            })
            .await
    }

    async fn outcome(
        &self,
        target: &Target,
        deployment: &Deployment,
        observed: &[Service],
        now: Timestamp,
    ) -> Result<Outcome, DbError> {
        let mut left = match self.left(target, deployment, observed).await {
            Ok(left) => left,
            Err(error) => return outcome_of(target, error, now),
        };
        if deployment.cause.automatic()
            && let Some(outcome) = left::waits(deployment, &left, now)
        {
            return Ok(outcome);
        }
        loop {
            if left.services.is_empty() {
                return Ok(nothing_left(&left));
            }
            match self.prepare(target, deployment, &left).await {
                // The others need not wait for one that can not be replaced.
                Err(PrepareError::Plan(PlanError::Refused { service, reason }))
                    if deployment.cause.automatic() && left.services.len() > 1 =>
                {
                    left.leave_out(&service, sentence!("it can not be replaced: {reason}"));
                }
                Ok(prepared) => return Ok(Outcome::Begin(prepared)),
                Err(error) => return outcome_of(target, error, now),
            }
        }
    }

    async fn settle(
        self: &Arc<Self>,
        target: &Arc<Target>,
        deployment: Deployment,
        outcome: Outcome,
    ) -> Result<(), DbError> {
        let (id, state) = (deployment.id, deployment.state);
        match outcome {
            Outcome::Wait { reason, until } => {
                target.look_again(id, until);
                if deployment.reason.as_ref() == Some(&reason) {
                    return Ok(());
                }
                self.change(id, (state, State::Waiting), reason).await
            }
            Outcome::End(to, reason) => {
                target.forget(id);
                self.end(deployment, to, reason).await
            }
            Outcome::Begin(prepared) => {
                target.forget(id);
                if self.journal_plan(target, &deployment, prepared).await? {
                    info!(deployment = id, target = %target.name, stack = %deployment.stack, "deployment {id} of {} begins", deployment.stack);
                    self.spawn_run(target, id);
                }
                Ok(())
            }
        }
    }
}

fn nothing_left(left: &left::Left) -> Outcome {
    let reasons = left.left_out.iter();
    let text: Vec<_> = reasons
        .map(|(service, why)| format!("{}: {why}", service.service))
        .collect();
    let state = match left.all_run() {
        true => State::Succeeded,
        false => State::Superseded,
    };
    Outcome::End(state, text.join("; "))
}

/// People are told which engine it is. Why it could not be asked was logged when it was.
fn away(target: &Target, now: Timestamp) -> Outcome {
    Outcome::Wait {
        reason: sentence!("the engine {} can not be asked", target.name),
        until: now.plus(ASK_AGAIN),
    }
}

fn outcome_of(target: &Target, error: PrepareError, now: Timestamp) -> Result<Outcome, DbError> {
    match error {
        PrepareError::Plan(PlanError::Engine(_)) | PrepareError::Take(TakeError::Engine(_)) => {
            Ok(away(target, now))
        }
        PrepareError::Plan(PlanError::Refused { service, reason }) => {
            let text = sentence!("{service} can not be replaced: {reason}");
            Ok(Outcome::End(State::Failed, text))
        }
        PrepareError::Take(TakeError::Db(error)) => Err(error),
        PrepareError::Take(error @ (TakeError::Locate(_) | TakeError::Source(_))) => {
            Ok(Outcome::Wait {
                reason: error.to_string(),
                until: now.plus(ASK_AGAIN),
            })
        }
    }
}
