use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::decide::days_before;
use super::run::{Outcome, Started};
use super::{RetentionError, Run, RunState, Totals, after_hours, holding, stored};
use crate::audit::{Actor, Entry};
use crate::auth::Caller;
use crate::clock::Timestamp;
use crate::db::DbError;
use crate::db::retention::{policies, runs};
use crate::registry::Registry;
use crate::sentence;

const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Each holds the tags of one repository in memory.
const AT_ONCE: usize = 2;

/// A run is in the hands of a task or waits for one by then.
const LOST_AFTER: Duration = Duration::from_secs(60);
/// So long, and so many for each project, runs are in the history.
const KEPT_DAYS: u32 = 90;
const KEPT_RUNS: i64 = 1000;

/// Runs that somebody has asked for and that are to begin.
#[derive(Default)]
pub(crate) struct Requested {
    runs: Mutex<VecDeque<Started>>,
    some: Notify,
}

impl Requested {
    fn add(&self, run: Started) {
        let mut runs = self.runs.lock().expect("nothing panics while it holds it");
        runs.push_back(run);
        self.some.notify_one();
    }

    fn take(&self) -> VecDeque<Started> {
        let mut runs = self.runs.lock().expect("nothing panics while it holds it");
        std::mem::take(&mut *runs)
    }

    fn has(&self, id: i64) -> bool {
        let runs = self.runs.lock().expect("nothing panics while it holds it");
        runs.iter().any(|run| run.id == id)
    }
}

/// The tasks that carry runs out.
#[derive(Default)]
pub(super) struct UnderWay {
    tasks: JoinSet<()>,
    of_runs: HashMap<i64, AbortHandle>,
}

impl UnderWay {
    pub(super) fn spawn(&mut self, id: i64, run: impl Future<Output = ()> + Send + 'static) {
        self.of_runs.retain(|_, task| !task.is_finished());
        self.of_runs.insert(id, self.tasks.spawn(run));
    }

    /// Waits until one has ended, in whatever way.
    pub(super) async fn ended(&mut self) -> bool {
        self.tasks.join_next().await.is_some()
    }

    pub(super) fn has(&self, id: i64) -> bool {
        let task = self.of_runs.get(&id);
        task.is_some_and(|task| !task.is_finished())
    }
}

impl Registry {
    /// Begins a run of the project's policy; its history tells how it goes.
    pub async fn run_retention(
        &self,
        by: &Caller,
        project: &ProjectName,
    ) -> Result<Run, RetentionError> {
        let actor = by.actor();
        let started = self.begin_retention(&actor, project).await?;
        let run = Run {
            id: started.id,
            requested_by: Some(actor.name),
            state: RunState::Running,
            started_at: started.now,
            finished_at: None,
            totals: Totals::default(),
            error: None,
        };
        self.requested_retention.add(started);
        Ok(run)
    }

    pub(super) async fn begin_retention(
        &self,
        actor: &Actor,
        project: &ProjectName,
    ) -> Result<Started, RetentionError> {
        let (project, actor, now) = (project.clone(), actor.clone(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let row = holding(tx, &project).await?;
                    let Some(found) = policies::find(tx, row.id).await? else {
                        return Err(RetentionError::NoPolicy(project));
                    };
                    let policy = stored(&found.policy, &project)?;
                    let by = Some(actor.name.as_str());
                    let Some(id) = runs::insert(tx, row.id, by, &found.policy, now).await? else {
                        return Err(RetentionError::Running(project));
                    };
                    began(&actor, &project, id).record(tx, now).await?;
                    Ok(Started {
                        id,
                        project_id: row.id,
                        project,
                        policy,
                        now,
                    })
                }
                .boxed()
            })
            .await
    }

    /// Runs that the end of the server has cut are made again.
    pub(crate) async fn interrupt_retention(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let interrupted = self
            .db
            .write(move |tx| {
                async move {
                    policies::set_running_due(tx, now).await?;
                    runs::interrupt(tx, now).await
                }
                .boxed()
            })
            .await?;
        if interrupted > 0 {
            info!(
                runs = interrupted,
                "{interrupted} runs of retention were interrupted, and are made again"
            );
        }
        Ok(())
    }

    pub(crate) async fn retain_until(self: Arc<Self>, stopping: CancellationToken) {
        let mut under_way = UnderWay::default();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        while !stopping.is_cancelled() {
            for run in self.requested_retention.take() {
                let permits = Arc::clone(&permits);
                let id = run.id;
                let run = Arc::clone(&self).run_permitted(run, permits, stopping.clone());
                under_way.spawn(id, run);
            }
            if let Err(error) = self.fail_lost(&under_way, &stopping).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "could not look which runs of retention are lost"
                );
            }
            match self.claim_due().await {
                Ok(Some(run)) => {
                    let permits = Arc::clone(&permits);
                    let id = run.id;
                    let run = Arc::clone(&self).run_permitted(run, permits, stopping.clone());
                    under_way.spawn(id, run);
                    continue;
                }
                Ok(None) => {}
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "could not look which retention is due"
                ),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.requested_retention.some.notified() => {}
                true = under_way.ended() => {}
                () = stopping.cancelled() => {}
            }
        }
        while under_way.ended().await {}
    }

    /// Ends the runs whose task has ended without them: it has panicked, or could not write.
    pub(super) async fn fail_lost(
        &self,
        under_way: &UnderWay,
        stopping: &CancellationToken,
    ) -> Result<(), DbError> {
        let since = self.clock.now().minus(LOST_AFTER);
        let mut connection = self.db.read_unasked().await?;
        let running = runs::running(&mut connection, since).await?;
        drop(connection);
        for (id, project_id, project) in running {
            if under_way.has(id) || self.requested_retention.has(id) {
                continue;
            }
            // One that was stopped is made again.
            if stopping.is_cancelled() {
                return Ok(());
            }
            warn!(project = %project, run = id, "run {id} of retention of {project} was lost");
            let end = End {
                id,
                project_id,
                project,
                state: RunState::Failed,
                totals: None,
                error: Some(
                    sentence("its end could not be noted; what it has removed is").to_owned(),
                ),
            };
            self.finish(end).await?;
        }
        Ok(())
    }

    /// Begins the run of a project whose time has come.
    pub(super) async fn claim_due(&self) -> Result<Option<Started>, DbError> {
        let now = self.clock.now();
        loop {
            let mut connection = self.db.read_unasked().await?;
            if policies::due(&mut connection, now).await?.is_none() {
                return Ok(None);
            }
            drop(connection);
            let claimed = self
                .db
                .write(move |tx| async move { claim(tx, now).await }.boxed())
                .await?;
            match claimed {
                Claimed::Started(run) => return Ok(Some(run)),
                Claimed::Nothing => return Ok(None),
                Claimed::Unreadable(project, error) => warn!(
                    project = %project,
                    error = &error as &dyn std::error::Error,
                    "the retention policy of {project} can not be read"
                ),
            }
        }
    }

    async fn run_permitted(
        self: Arc<Self>,
        run: Started,
        permits: Arc<Semaphore>,
        stopping: CancellationToken,
    ) {
        let permit = tokio::select! {
            permit = permits.acquire() => permit,
            // Its row says that it runs: the next start makes it again.
            () = stopping.cancelled() => return,
        };
        let _permit = permit.expect("the permits are never closed");
        self.run_to_its_end(&run, &stopping).await;
    }

    pub(super) async fn run_to_its_end(
        self: &Arc<Self>,
        run: &Started,
        stopping: &CancellationToken,
    ) {
        let project = &run.project;
        let finished = match self.carry_out(run, stopping).await {
            Ok((totals, Outcome::Done)) => {
                info!(project = %project, run = run.id, "retention of {project}: {totals}");
                self.finish(run.end(RunState::Done, Some(totals), None))
                    .await
            }
            Ok((_, Outcome::Stopped)) => Ok(()),
            Ok((totals, Outcome::Overtaken)) => {
                info!(
                    project = %project,
                    run = run.id,
                    "retention of {project} was overtaken by a change of its policy: {totals}"
                );
                let text = Some(sentence("its policy is no longer that of the project").to_owned());
                self.finish(run.end(RunState::Interrupted, Some(totals), text))
                    .await
            }
            Err(error) => {
                warn!(
                    project = %project,
                    error = &error as &dyn std::error::Error,
                    "retention of {project} has failed"
                );
                let text = Some(error.to_string());
                self.finish(run.end(RunState::Failed, None, text)).await
            }
        };
        if let Err(error) = finished {
            warn!(
                project = %project,
                error = &error as &dyn std::error::Error,
                "could not note the end of a run of retention"
            );
        }
    }

    async fn finish(&self, end: End) -> Result<(), DbError> {
        let now = self.clock.now();
        self.db
            .write(move |tx| async move { end.note(tx, now).await }.boxed())
            .await
    }
}

enum Claimed {
    Started(Started),
    /// Its run has failed.
    Unreadable(ProjectName, DbError),
    Nothing,
}

async fn claim(tx: &mut SqliteConnection, now: Timestamp) -> Result<Claimed, DbError> {
    let Some(due) = policies::due(tx, now).await? else {
        return Ok(Claimed::Nothing);
    };
    let next = due.every_hours.map(|hours| after_hours(now, hours));
    policies::set_next_run(tx, due.project_id, next).await?;
    let id = runs::insert(tx, due.project_id, None, &due.policy, now).await?;
    let Some(id) = id else {
        return Ok(Claimed::Nothing);
    };
    let start = began(&Actor::system(), &due.project, id);
    start.record(tx, now).await?;
    match stored(&due.policy, &due.project) {
        Ok(policy) => Ok(Claimed::Started(Started {
            id,
            project_id: due.project_id,
            project: due.project,
            policy,
            now,
        })),
        Err(error) => {
            let end = End {
                id,
                project_id: due.project_id,
                project: due.project,
                state: RunState::Failed,
                totals: None,
                error: Some(error.to_string()),
            };
            end.note(tx, now).await?;
            Ok(Claimed::Unreadable(end.project, error))
        }
    }
}

/// How a run has ended.
struct End {
    id: i64,
    project_id: i64,
    project: ProjectName,
    state: RunState,
    totals: Option<Totals>,
    error: Option<String>,
}

impl Started {
    fn end(&self, state: RunState, totals: Option<Totals>, error: Option<String>) -> End {
        End {
            id: self.id,
            project_id: self.project_id,
            project: self.project.clone(),
            state,
            totals,
            error,
        }
    }
}

impl End {
    async fn note(&self, tx: &mut SqliteConnection, now: Timestamp) -> Result<(), DbError> {
        let mut detail = self.state.as_str().to_owned();
        if let Some(totals) = &self.totals {
            runs::set_totals(tx, self.id, totals).await?;
            detail = format!("{detail}: {totals}");
        }
        runs::finish(tx, self.id, self.state, self.error.as_deref(), now).await?;
        runs::trim(tx, self.project_id, days_before(now, KEPT_DAYS), KEPT_RUNS).await?;
        Entry::done(&Actor::system(), "retention.end", self.id)
            .in_project(&self.project)
            .with_detail(detail)
            .record(tx, now)
            .await
    }
}

fn began(actor: &Actor, project: &ProjectName, run: i64) -> Entry {
    Entry::done(actor, "retention.start", run).in_project(project)
}
