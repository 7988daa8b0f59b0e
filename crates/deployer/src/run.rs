//! A deployment that has begun: its steps are taken one after another, each journalled before it
//! acts. If one fails, those that were taken are taken back.
//!
//! A process may end at any place. The next one reads the journal and goes on: a step that was begun
//! is taken once more, which the engine makes sure is the same as once.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::{DbError, sentence};
use futures_util::FutureExt as _;
use tracing::{error, info, warn};

use crate::db;
use crate::db::steps::Journalled;
use crate::deployer::Deployer;
use crate::engine::{Errand, Phase, Step, StepError};
use crate::history::{Deployment, LineKind, State, StepState};
use crate::journal::move_to;
use crate::target::Target;

mod back;
mod downtime;
mod log;

use log::RunLog;

/// Between two tries while the engine is away.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// After the database has failed.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// One deployment under way.
struct Run {
    deployer: Arc<Deployer>,
    target: Arc<Target>,
    deployment: Deployment,
    log: RunLog,
    /// Why a new version is bad that stays all the same.
    unproved: Option<String>,
}

/// Why a run does not go on.
enum Interrupted {
    /// The process is about to end; the next one goes on.
    Stopping,
    Db(DbError),
}

impl From<DbError> for Interrupted {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Why a step could not be taken.
struct Failure {
    /// The service whose new version is to blame, if one is.
    service: Option<String>,
    reason: String,
}

enum Direction {
    Forth,
    Back,
}

impl Deployer {
    /// Runs a deployment that this process has claimed, in a task of its own.
    pub(crate) fn spawn_run(self: &Arc<Self>, target: &Arc<Target>, deployment: i64) {
        self.note_running(deployment);
        let (deployer, target) = (Arc::clone(self), Arc::clone(target));
        self.tasks.spawn(async move {
            match deployer.run(&target, deployment).await {
                Ok(()) | Err(Interrupted::Stopping) => {}
                Err(Interrupted::Db(error)) => {
                    target.look_again(deployment, deployer.journal.now().plus(TRY_AGAIN));
                    error!(
                        error = &error as &dyn std::error::Error,
                        "deployment {deployment} can not go on"
                    );
                }
            }
            deployer.note_ended(deployment);
            // Another deployment of the stack may have waited for this one, too.
            target.look_at_holds();
        });
    }

    async fn run(
        self: &Arc<Self>,
        target: &Arc<Target>,
        deployment: i64,
    ) -> Result<(), Interrupted> {
        let mut connection = self.journal.db().read_unasked().await?;
        let found = db::deployments::find(&mut connection, deployment).await?;
        drop(connection);
        let Some(deployment) = found else {
            return Ok(());
        };
        let mut run = Run {
            deployer: Arc::clone(self),
            target: Arc::clone(target),
            log: RunLog::start(self, deployment.id),
            unproved: None,
            deployment,
        };
        let outcome = run.go().await;
        run.log.flush().await;
        outcome
    }
}

impl Run {
    async fn go(&mut self) -> Result<(), Interrupted> {
        let steps = self.steps().await?;
        // The last one: those before it were taken back for it.
        let failed = steps.iter().rfind(|step| self.turned_back_at(step));
        if let Some(failed) = failed {
            let reason = failed.detail.clone().unwrap_or_default();
            return self.back(reason).await;
        }
        for step in &steps {
            match step.state {
                StepState::Done => continue,
                StepState::Failed => {
                    self.pass_over(step, step.detail.clone().unwrap_or_default());
                    continue;
                }
                StepState::Planned
                | StepState::Started
                | StepState::Undoing
                | StepState::Undone
                | StepState::UndoFailed => {}
            }
            self.start(step).await?;
            match self.take(step, Direction::Forth).await? {
                Ok(()) => self.finish(step).await?,
                Err(failure) => {
                    self.fail(step, &failure).await?;
                    if self.turns_back(step) {
                        return self.back(failure.reason).await;
                    }
                    self.pass_over(step, failure.reason);
                }
            }
        }
        match self.unproved.take() {
            None => self.succeed().await,
            Some(reason) => {
                let stays = sentence("the new version stays, since berth.deploy.rollback is false");
                let reason = format!("{reason}; {stays}");
                self.end(State::RollbackFailed, Some(reason)).await
            }
        }
    }

    /// Whether what was done is taken back if this step fails.
    fn turns_back(&self, step: &Journalled) -> bool {
        match step.step.phase {
            Phase::Settle => false,
            Phase::Verify | Phase::After => self.rolls_back(step.step.service.as_deref()),
            Phase::Pull | Phase::Before | Phase::Replace => true,
        }
    }

    /// Whether the old version of a service comes back when the new one fails.
    fn rolls_back(&self, service: Option<&str>) -> bool {
        let mut services = self.deployment.services.iter();
        let service = services.find(|one| Some(one.service.as_str()) == service);
        service.is_none_or(|service| service.rollback)
    }

    /// Whether taking back has begun at this step, or got there.
    fn turned_back_at(&self, step: &Journalled) -> bool {
        match step.state {
            StepState::Failed => self.turns_back(step),
            StepState::Undoing | StepState::Undone | StepState::UndoFailed => true,
            StepState::Planned | StepState::Started | StepState::Done => false,
        }
    }

    /// Goes on behind a step that failed.
    fn pass_over(&mut self, step: &Journalled, reason: String) {
        if step.step.phase != Phase::Settle {
            self.unproved.get_or_insert(reason);
        }
    }

    async fn steps(&self) -> Result<Vec<Journalled>, DbError> {
        let mut connection = self.journal().db().read_unasked().await?;
        db::steps::list(&mut connection, self.deployment.id).await
    }

    fn journal(&self) -> &crate::journal::Journal {
        &self.deployer.journal
    }

    /// Journals that the step is about to be taken, and moves the deployment to the state of it.
    async fn start(&mut self, step: &Journalled) -> Result<(), DbError> {
        let (id, number, now) = (self.deployment.id, step.number, self.journal().now());
        let (from, to) = (self.deployment.state, state_of(step.step.phase));
        let (service, line) = (step.step.service.clone(), step.step.line.clone());
        self.log.flush().await;
        self.journal()
            .write(move |tx| {
                async move {
                    if from != to {
                        move_to(tx, id, (from, to), None, now).await?;
                    }
                    let text = sentence!("{number}. {line}");
                    db::lines::insert(tx, id, LineKind::Step, service.as_deref(), &text, now)
                        .await?;
                    db::steps::start(tx, id, number, now).await
                }
                .boxed()
            })
            .await?;
        self.deployment.state = to;
        Ok(())
    }

    async fn finish(&self, step: &Journalled) -> Result<(), DbError> {
        let (id, number, now) = (self.deployment.id, step.number, self.journal().now());
        self.log.flush().await;
        self.journal()
            .write(move |tx| {
                async move { db::steps::finish(tx, id, number, StepState::Done, None, now).await }
                    .boxed()
            })
            .await
    }

    /// Journals why a step failed, and keeps the digest that is to blame from being tried again by
    /// itself.
    async fn fail(&self, step: &Journalled, failure: &Failure) -> Result<(), DbError> {
        let (id, number, now) = (self.deployment.id, step.number, self.journal().now());
        let (target, stack) = (self.target.id, self.deployment.stack.clone());
        let services = self.deployment.moved();
        let blamed = services.filter(|service| failure.service.as_ref() == Some(&service.service));
        let blamed: Vec<_> = blamed.map(|service| service.to_digest.clone()).collect();
        let (service, reason) = (step.step.service.clone(), failure.reason.clone());
        self.log.flush().await;
        self.journal()
            .write(move |tx| {
                async move {
                    for digest in &blamed {
                        db::steering::quarantine(tx, target, &stack, digest).await?;
                    }
                    let text = sentence!("{number}. failed: {reason}");
                    db::lines::insert(tx, id, LineKind::Step, service.as_deref(), &text, now)
                        .await?;
                    let failed = StepState::Failed;
                    db::steps::finish(tx, id, number, failed, Some(&reason), now).await
                }
                .boxed()
            })
            .await
    }

    /// Has the engine take a step, or take it back. While the engine is away this waits for it.
    async fn take(
        &self,
        step: &Journalled,
        direction: Direction,
    ) -> Result<Result<(), Failure>, Interrupted> {
        let before = match direction {
            Direction::Forth => step.started_at,
            Direction::Back => step.undoing_at,
        };
        let now = || self.journal().now();
        let pull_token = || {
            let services = self.deployment.moved();
            let repositories = services.map(|service| &service.repository);
            self.deployer.registry.pull_token(repositories)
        };
        let mut errand = Errand {
            deployment: self.deployment.id,
            begun_at: now(),
            again: before.is_some(),
            now: &now,
            pull_token: &pull_token,
            log: &self.log,
        };
        let stopping = &self.deployer.stopping;
        loop {
            let taken = stopping.run_until_cancelled(self.ask(&step.step, &direction, &errand));
            match taken.await.ok_or(Interrupted::Stopping)? {
                Ok(()) => return Ok(Ok(())),
                Err(StepError::Failed { service, reason }) => {
                    return Ok(Err(Failure { service, reason }));
                }
                Err(StepError::Engine(error)) => {
                    if self.deployer.note(&self.target, Some(&error)) {
                        // Why is in the log of the server: it may name what only its people know.
                        let name = &self.target.name;
                        let text = sentence!("the engine {name} can not be asked: waiting for it");
                        self.log.note(&text);
                    }
                    let again = stopping.run_until_cancelled(tokio::time::sleep(ASK_AGAIN));
                    again.await.ok_or(Interrupted::Stopping)?;
                    // While nobody answers no new version can prove itself.
                    errand.begun_at = now();
                    errand.again = true;
                }
            }
        }
    }

    async fn ask(
        &self,
        step: &Step,
        direction: &Direction,
        errand: &Errand<'_>,
    ) -> Result<(), StepError> {
        let engine = &self.target.engine;
        match direction {
            Direction::Back => engine.undo(step, errand).await,
            Direction::Forth if step.phase == Phase::Verify => engine.verify(step, errand).await,
            Direction::Forth => engine.act(step, errand).await,
        }?;
        self.deployer.note(&self.target, None);
        Ok(())
    }

    async fn succeed(&mut self) -> Result<(), Interrupted> {
        let id = self.deployment.id;
        let target = self.target.id;
        let stack = self.deployment.stack.clone();
        let digests: Vec<_> = self
            .deployment
            .moved()
            .map(|service| service.to_digest.clone())
            .collect();
        self.journal()
            .write(move |tx| {
                async move {
                    for digest in &digests {
                        db::steering::clear(tx, target, &stack, digest).await?;
                    }
                    Ok::<_, DbError>(())
                }
                .boxed()
            })
            .await?;
        info!(deployment = id, "deployment {id} has succeeded");
        self.end(State::Succeeded, None).await
    }

    /// Notes how it ended, with how long each service was away, and what is to be told.
    async fn end(&mut self, state: State, reason: Option<String>) -> Result<(), Interrupted> {
        self.log.flush().await;
        let steps = self.steps().await?;
        let downtimes = downtime::of(&steps);
        let deployment = Deployment {
            state,
            reason: reason.clone(),
            ..self.deployment.clone()
        };
        self.deployer
            .finish(deployment, self.deployment.state, downtimes)
            .await?;
        self.deployment.state = state;
        if state != State::Succeeded {
            let id = self.deployment.id;
            let reason = reason.unwrap_or_default();
            warn!(
                deployment = id,
                "deployment {id} is {}: {reason}",
                state.as_str()
            );
        }
        Ok(())
    }
}

fn state_of(phase: Phase) -> State {
    match phase {
        Phase::Pull | Phase::Before => State::Pulling,
        Phase::Replace => State::Replacing,
        Phase::Verify | Phase::After | Phase::Settle => State::Verifying,
    }
}
