use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::run::{Outcome, Started};
use super::{RetentionError, Run, RunState, Totals, after_hours, holding, stored};
use crate::audit::{Actor, Entry};
use crate::auth::Caller;
use crate::db::DbError;
use crate::db::retention::{policies, runs};
use crate::registry::Registry;

const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Each holds the tags of one repository in memory.
const AT_ONCE: usize = 2;

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
                    let Some(id) = runs::insert(tx, &project, by, &found.policy, now).await? else {
                        return Err(RetentionError::Running(project));
                    };
                    began(&actor, &project, id).record(tx, now).await?;
                    Ok(Started {
                        id,
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
        let mut running = JoinSet::new();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        while !stopping.is_cancelled() {
            for run in self.requested_retention.take() {
                running.spawn(Arc::clone(&self).run_permitted(
                    run,
                    Arc::clone(&permits),
                    stopping.clone(),
                ));
            }
            match self.claim_due().await {
                Ok(Some(run)) => {
                    running.spawn(Arc::clone(&self).run_permitted(
                        run,
                        Arc::clone(&permits),
                        stopping.clone(),
                    ));
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
                Some(_) = running.join_next() => {}
                () = stopping.cancelled() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Begins the run of a project whose time has come.
    pub(super) async fn claim_due(&self) -> Result<Option<Started>, DbError> {
        let now = self.clock.now();
        let mut connection = self.db.read_unasked().await?;
        if policies::due(&mut connection, now).await?.is_none() {
            return Ok(None);
        }
        drop(connection);
        self.db
            .write(move |tx| {
                async move {
                    let Some(due) = policies::due(tx, now).await? else {
                        return Ok(None);
                    };
                    let next = due.every_hours.map(|hours| after_hours(now, hours));
                    policies::set_next_run(tx, due.project_id, next).await?;
                    let policy = stored(&due.policy, &due.project)?;
                    let id = runs::insert(tx, &due.project, None, &due.policy, now).await?;
                    let Some(id) = id else { return Ok(None) };
                    began(&Actor::system(), &due.project, id)
                        .record(tx, now)
                        .await?;
                    Ok(Some(Started {
                        id,
                        project: due.project,
                        policy,
                        now,
                    }))
                }
                .boxed()
            })
            .await
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
                self.finish(run, RunState::Done, Some(totals), None).await
            }
            Ok((_, Outcome::Stopped)) => Ok(()),
            Err(error) => {
                warn!(
                    project = %project,
                    error = &error as &dyn std::error::Error,
                    "retention of {project} has failed"
                );
                let text = Some(error.to_string());
                self.finish(run, RunState::Failed, None, text).await
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

    async fn finish(
        &self,
        run: &Started,
        state: RunState,
        totals: Option<Totals>,
        error: Option<String>,
    ) -> Result<(), DbError> {
        let (id, project, now) = (run.id, run.project.clone(), self.clock.now());
        self.db
            .write(move |tx| {
                async move {
                    let mut detail = state.as_str().to_owned();
                    if let Some(totals) = totals {
                        runs::set_totals(tx, id, &totals).await?;
                        detail = format!("{detail}: {totals}");
                    }
                    runs::finish(tx, id, state, error.as_deref(), now).await?;
                    Entry::done(&Actor::system(), "retention.end", id)
                        .in_project(&project)
                        .with_detail(detail)
                        .record(tx, now)
                        .await
                }
                .boxed()
            })
            .await
    }
}

fn began(actor: &Actor, project: &ProjectName, run: i64) -> Entry {
    Entry::done(actor, "retention.start", run).in_project(project)
}
