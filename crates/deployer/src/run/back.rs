use berth_registry::{DbError, sentence};
use futures_util::FutureExt as _;

use super::{Direction, Interrupted, Run};
use crate::db;
use crate::db::steps::Journalled;
use crate::engine::Phase;
use crate::history::{LineKind, State, StepState};

impl Run {
    /// Takes back what was taken, the last step first. Until something was replaced nobody notices.
    pub(super) async fn back(&mut self, mut reason: String) -> Result<(), Interrupted> {
        let steps = self.steps().await?;
        let touched = steps.iter().any(|step| touches(step) && begun(step));
        if touched {
            self.roll_back(&reason).await?;
        }
        let mut stuck = Vec::new();
        for step in steps.iter().rev().filter(|step| begun(step)) {
            if step.state == StepState::Undone || step.step.phase == Phase::Settle {
                continue;
            }
            self.start_undo(step).await?;
            match self.take(step, Direction::Back).await? {
                Ok(()) => self.finish_undo(step, StepState::Undone, None).await?,
                Err(trouble) => {
                    stuck.push(trouble.reason.clone());
                    let detail = Some(trouble.reason);
                    self.finish_undo(step, StepState::UndoFailed, detail)
                        .await?;
                }
            }
        }
        let state = match (touched, stuck.is_empty()) {
            (true, true) => State::RolledBack,
            (false, true) => State::Failed,
            (true | false, false) => State::RollbackFailed,
        };
        for trouble in stuck {
            let stuck = sentence("could not be taken back");
            reason = format!("{reason}; {stuck}: {trouble}");
        }
        self.end(state, Some(reason)).await
    }

    /// Says that it is rolled back, unless a process before this one has.
    async fn roll_back(&mut self, reason: &str) -> Result<(), DbError> {
        let (id, from) = (self.deployment.id, self.deployment.state);
        let to = State::RollingBack;
        if from != to {
            let change = (from, to);
            self.deployer.change(id, change, reason.to_owned()).await?;
            self.deployment.state = to;
        }
        Ok(())
    }

    async fn start_undo(&self, step: &Journalled) -> Result<(), DbError> {
        let (id, number, now) = (self.deployment.id, step.number, self.journal().now());
        let (service, line) = (step.step.service.clone(), step.step.line.clone());
        self.log.flush().await;
        self.journal()
            .write(move |tx| {
                async move {
                    let text = sentence!("{number}. take back: {line}");
                    db::lines::insert(tx, id, LineKind::Step, service.as_deref(), &text, now)
                        .await?;
                    db::steps::start_undo(tx, id, number, now).await
                }
                .boxed()
            })
            .await
    }

    async fn finish_undo(
        &self,
        step: &Journalled,
        state: StepState,
        detail: Option<String>,
    ) -> Result<(), DbError> {
        let (id, number, now) = (self.deployment.id, step.number, self.journal().now());
        let service = step.step.service.clone();
        self.log.flush().await;
        self.journal()
            .write(move |tx| {
                async move {
                    if let Some(reason) = &detail {
                        let text = sentence!("{number}. could not be taken back: {reason}");
                        db::lines::insert(tx, id, LineKind::Step, service.as_deref(), &text, now)
                            .await?;
                    }
                    db::steps::finish_undo(tx, id, number, state, detail.as_deref(), now).await
                }
                .boxed()
            })
            .await
    }
}

fn begun(step: &Journalled) -> bool {
    step.started_at.is_some()
}

fn touches(step: &Journalled) -> bool {
    match step.step.phase {
        Phase::Pull | Phase::Before => false,
        Phase::Replace | Phase::Verify | Phase::After | Phase::Settle => true,
    }
}
