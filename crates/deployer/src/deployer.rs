use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use berth_registry::source::Sources;
use berth_registry::{DbError, Registry, Timestamp};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use uuid::Uuid;

use crate::causes::with_causes;
use crate::engine::docker::Docker;
use crate::engine::{Engine, EngineError};
use crate::history::{Deployment, State};
use crate::journal::{Journal, move_to};
use crate::queue::Quiet;
use crate::settings::{EngineSettings, Settings};
use crate::take::{TakeError, Taken};
use crate::target::Target;
use crate::{db, holds, notify};

mod ask;
mod read;
mod steer;
mod visible;

/// How often a target looks for events, unless something wakes it. A look is one query.
const LOOK: Duration = Duration::from_millis(500);
/// After something has failed, or has to wait.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often what is not needed any more is removed.
const TIDY_UP: Duration = Duration::from_secs(10 * 60);
/// Older events are all visible: no transaction takes so long.
const SETTLED: Duration = Duration::from_secs(60 * 60);
/// How long logs of deployments, decisions, and what was told are kept; deployments and their steps
/// stay.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Redeploys services when the tags that they use move.
pub struct Deployer {
    pub(crate) registry: Arc<Registry>,
    pub(crate) sources: Arc<dyn Sources>,
    pub(crate) settings: Settings,
    pub(crate) targets: BTreeMap<String, Arc<Target>>,
    pub(crate) journal: Journal,
    /// Names this process in claims.
    pub(crate) process: String,
    /// The deployments that run in this process.
    running: Mutex<HashSet<i64>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

impl Deployer {
    /// As [`Deployer::open_with`], with the engines that the settings name.
    pub async fn open(
        registry: Arc<Registry>,
        sources: Arc<dyn Sources>,
        settings: Settings,
    ) -> Result<Arc<Self>, DbError> {
        let engine = |engine: &EngineSettings| {
            let docker = Docker::connect(engine);
            (engine.name.clone(), Arc::new(docker) as Arc<dyn Engine>)
        };
        let engines = settings.engines.iter().map(engine).collect();
        Self::open_with(registry, sources, settings, engines).await
    }

    /// Takes up the targets that are named, goes on with what a process before this one had begun,
    /// and follows the events of tags.
    pub(crate) async fn open_with(
        registry: Arc<Registry>,
        sources: Arc<dyn Sources>,
        settings: Settings,
        engines: Vec<(String, Arc<dyn Engine>)>,
    ) -> Result<Arc<Self>, DbError> {
        let journal = Journal::new(&registry);
        let mut targets = BTreeMap::new();
        for (name, engine) in engines {
            let configured = settings.engines.iter().find(|engine| engine.name == name);
            let triggers = configured.and_then(|engine| engine.triggers.clone());
            let id = take_up(&journal, &name).await?;
            let target = Target::new(id, name.clone(), engine, triggers);
            targets.insert(name, Arc::new(target));
        }
        let configured: Vec<_> = targets.keys().cloned().collect();
        journal
            .write(move |tx| async move { holds::retain(tx, &configured).await }.boxed())
            .await?;
        let deployer = Arc::new(Self {
            registry,
            sources,
            settings,
            targets,
            journal,
            process: Uuid::new_v4().to_string(),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        });
        for target in deployer.targets.values() {
            let (this, target) = (Arc::clone(&deployer), Arc::clone(target));
            deployer.tasks.spawn(this.work_until_stopped(target));
        }
        if deployer.settings.notify.is_some() {
            let this = Arc::clone(&deployer);
            deployer.tasks.spawn(notify::tell_until_stopped(this));
        }
        Ok(deployer)
    }

    /// Ends after the database has what is known; deployments go on at the next start.
    pub async fn close(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Changes whenever something was written, of whichever deployment.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.journal.news()
    }

    async fn work_until_stopped(self: Arc<Self>, target: Arc<Target>) {
        let mut tidy_at = self.journal.now();
        loop {
            let held = !target.holds_are_stale() || self.refresh_holds(&target).await;
            let worked = self.stopping.run_until_cancelled(self.work(&target));
            let pause = match worked.await {
                None => return,
                Some(Ok(Taken::All)) if held => LOOK,
                Some(Ok(Taken::All | Taken::Some)) => LOOK_AGAIN,
                Some(Err(error)) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        target = %target.name,
                        "could not look for deployments of {}", target.name
                    );
                    LOOK_AGAIN
                }
            };
            let now = self.journal.now();
            if now >= tidy_at {
                tidy_at = now.plus(TIDY_UP);
                target.look_at_holds();
                if let Err(error) = self.tidy_up(&target, now).await {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "could not tidy up"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = target.wake.notified() => {}
                () = self.stopping.cancelled() => return,
            }
        }
    }

    async fn work(self: &Arc<Self>, target: &Arc<Target>) -> Result<Taken, TakeError> {
        let taken = match self.take_events(target).await {
            // Noted when it was asked; what was begun waits for it by itself.
            Err(TakeError::Engine(_)) => Ok(Taken::Some),
            taken => taken,
        };
        self.begin_due(target).await?;
        taken
    }

    async fn tidy_up(&self, target: &Target, now: Timestamp) -> Result<(), DbError> {
        let id = target.id;
        self.journal
            .db()
            .write_relaxed(move |tx| {
                async move {
                    let kept = now.minus(KEPT);
                    db::events::compact(tx, id, now.minus(SETTLED)).await?;
                    db::decisions::delete_before(tx, id, kept).await?;
                    db::lines::delete_before(tx, id, kept).await?;
                    db::notifications::delete_before(tx, kept).await
                }
                .boxed()
            })
            .await
    }

    /// What could not be looked at is looked at again with the next round; until then what was held
    /// before is.
    async fn refresh_holds(&self, target: &Target) -> bool {
        let looked = self
            .stopping
            .run_until_cancelled(self.hold_what_runs(target));
        match looked.await {
            None | Some(Ok(())) => return true,
            // Noted when the target was asked.
            Some(Err(TakeError::Engine(_))) => {}
            Some(Err(error)) => warn!(
                error = &error as &dyn std::error::Error,
                target = %target.name,
                "could not say what {} needs to be kept", target.name
            ),
        }
        target.leave_holds_stale();
        false
    }

    /// Notes whether the target could be asked, and logs it if that is news.
    pub(crate) fn note(&self, target: &Target, trouble: Option<&EngineError>) -> bool {
        if !target.note(trouble) {
            return false;
        }
        let name = &target.name;
        match trouble {
            Some(error) => {
                let text = with_causes(error);
                warn!(target = %name, "the engine {name} can not be asked: {text}");
            }
            None => info!(target = %name, "the engine {name} answers again"),
        }
        true
    }

    pub(crate) fn quiet(&self) -> Quiet {
        Quiet {
            after_last: self.settings.quiet,
            after_first: self.settings.quiet_most,
        }
    }

    pub(crate) fn runs_here(&self, deployment: i64) -> bool {
        self.running().contains(&deployment)
    }

    pub(crate) fn note_running(&self, deployment: i64) {
        self.running().insert(deployment);
    }

    pub(crate) fn note_ended(&self, deployment: i64) {
        self.running().remove(&deployment);
    }

    fn running(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.running
            .lock()
            .expect("nothing panics while it holds the set")
    }

    /// Moves a deployment to a state that does not end it.
    pub(crate) async fn change(
        &self,
        deployment: i64,
        change: (State, State),
        reason: String,
    ) -> Result<(), DbError> {
        let now = self.journal.now();
        self.journal
            .write(move |tx| {
                async move {
                    move_to(tx, deployment, change, Some(&reason), now).await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Ends a deployment that has not begun.
    pub(crate) async fn end(
        &self,
        deployment: Deployment,
        to: State,
        reason: String,
    ) -> Result<(), DbError> {
        let from = deployment.state;
        let ended = Deployment {
            state: to,
            reason: Some(reason),
            ..deployment
        };
        self.finish(ended, from, BTreeMap::new()).await
    }

    /// Writes how a deployment ended, how long each of its services was away, and what is to be told
    /// of it: all or nothing.
    pub(crate) async fn finish(
        &self,
        mut ended: Deployment,
        from: State,
        downtimes: BTreeMap<String, i64>,
    ) -> Result<(), DbError> {
        let now = self.journal.now();
        ended.finished_at = Some(now);
        for service in &mut ended.services {
            service.downtime_ms = downtimes.get(&service.service).copied();
        }
        let told = notify::told(&ended, now).filter(|_| self.settings.notify.is_some());
        self.journal
            .write(move |tx| {
                async move {
                    let (id, reason) = (ended.id, ended.reason.as_deref());
                    if !move_to(tx, id, (from, ended.state), reason, now).await? {
                        return Ok(());
                    }
                    for (service, downtime) in downtimes {
                        db::deployments::set_downtime(tx, id, &service, downtime).await?;
                    }
                    if let Some(told) = told {
                        db::notifications::insert(tx, &told.id, id, &told.body, now).await?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

/// The row of a target. The lock of the data folder sees to it that whoever had claimed something
/// is gone.
async fn take_up(journal: &Journal, name: &str) -> Result<i64, DbError> {
    let (name, now) = (name.to_owned(), journal.now());
    journal
        .write(move |tx| {
            async move {
                let id = db::targets::ensure(tx, &name, now).await?;
                db::deployments::release_claims(tx, id).await?;
                Ok(id)
            }
            .boxed()
        })
        .await
}

#[cfg(test)]
mod tests;
