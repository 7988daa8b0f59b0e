//! Old containers: stopped and kept, brought back, or removed in the end.

use std::time::Duration;

use berth_registry::sentence;
use bollard::models::{ContainerUpdateBody, RestartPolicy, RestartPolicyNameEnum};

use super::{Job, PAUSE, each};
use crate::engine::StepError;
use crate::engine::docker::action::{Left, Stop, Swap, Was};
use crate::engine::docker::connection::{SOON, WORK};
use crate::engine::docker::container::Container;
use crate::engine::docker::fault::Fault;
use crate::engine::docker::labels;

/// For one that may take as long as it likes to end.
const LONG: Duration = Duration::from_secs(3600);
/// How long an old container is tried to be started, when its port is not free yet.
const PATIENCE: Duration = Duration::from_secs(60);

impl Job<'_> {
    /// An engine that restarts would start a stopped container again that is to run always, so it
    /// must not be.
    pub(super) async fn stop(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let old = self.old(swap).await?;
            if restarts(&swap.policy) {
                let none = RestartPolicy {
                    name: Some(RestartPolicyNameEnum::NO),
                    maximum_retry_count: None,
                };
                self.set_policy(&old, none).await?;
            }
            self.stop_one(&old).await
        })
        .await
    }

    /// Sends the stop signal, and kills when the container's own time is over.
    pub(super) async fn stop_one(&self, container: &Container) -> Result<(), StepError> {
        let limit = container.grace().map_or(LONG, |grace| grace + WORK);
        let id = &container.id;
        let name = container.name();
        self.engine
            .ask(&sentence!("stop {name}"), limit, |client| async move {
                client.stop_container(id, None).await
            })
            .await
            .map_err(|fault| fault.or_failed(None, &sentence!("{name} can not be stopped")))
    }

    pub(super) async fn keep(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let old = self.old(swap).await?;
            let kept = labels::kept_name(&swap.name, self.errand.deployment);
            self.rename(&old, &swap.name, &kept).await
        })
        .await
    }

    pub(super) async fn give_name_back(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let Some(old) = self.old_to_return(swap).await? else {
                return Ok(());
            };
            let kept = labels::kept_name(&swap.name, self.errand.deployment);
            self.rename(&old, &kept, &swap.name).await
        })
        .await
    }

    /// As it was: its restart policy, and whether it runs.
    pub(super) async fn bring_back(&self, stop: &Stop) -> Result<(), StepError> {
        each(&stop.swaps, |swap| async move {
            let Some(old) = self.old_to_return(swap).await? else {
                return Ok(());
            };
            if restarts(&swap.policy) {
                let policy: RestartPolicy =
                    serde_json::from_value(swap.policy.clone()).map_err(|error| {
                        self.failed(sentence!(
                            "the restart policy of {} is lost: {error}",
                            swap.name
                        ))
                    })?;
                self.set_policy(&old, policy).await?;
            }
            match swap.was {
                Was::Ended => Ok(()),
                Was::Restarting if old.state.status == "restarting" => Ok(()),
                Was::Restarting => self.start_again(&old).await,
                Was::Running => {
                    if old.running() {
                        self.outlast_stop(&old).await?;
                    }
                    self.start_again(&old).await?;
                    self.wait_until_back(&old, stop.new_serves).await
                }
            }
        })
        .await
    }

    /// One that still runs was perhaps asked to stop a moment ago, by a process that is gone, and is
    /// about to end. Nothing that the engine shows says so, so its time to end is waited for.
    async fn outlast_stop(&self, old: &Container) -> Result<(), StepError> {
        let began = tokio::time::Instant::now();
        let limit = old
            .grace()
            .map_or(PATIENCE, |it| (it + PAUSE).min(PATIENCE));
        while began.elapsed() < limit {
            let now = self.engine.container(&old.id).await;
            let now = now.map_err(|fault| {
                fault.or_failed(None, sentence("the old container is not shown"))
            })?;
            if !now.is_some_and(|it| it.running()) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The port of a container that has just ended may take a moment to become free.
    async fn start_again(&self, old: &Container) -> Result<(), StepError> {
        let began = tokio::time::Instant::now();
        let name = old.name();
        let failed = sentence!("the old {name} can not be started again");
        let mut told = false;
        loop {
            match self.start_one(old).await {
                Ok(()) => return Ok(()),
                Err(Fault::Refused(reason)) if taken(&reason) && began.elapsed() < PATIENCE => {
                    if !told {
                        let text = sentence!(
                            "the old {name} can not be started again yet, and is tried for {} s: \
                             {reason}",
                            PATIENCE.as_secs()
                        );
                        self.errand.log.engine(self.service, &text);
                        told = true;
                    }
                }
                Err(fault) => return Err(fault.or_failed(None, &failed)),
            }
            tokio::time::sleep(2 * PAUSE).await;
        }
    }

    /// Until it runs; where the new one serves meanwhile, until it is healthy, too.
    async fn wait_until_back(&self, old: &Container, new_serves: bool) -> Result<(), StepError> {
        let began = tokio::time::Instant::now();
        let failed = sentence!("the old {} does not run again", old.name());
        loop {
            let now = self.engine.container(&old.id).await;
            let now = now.map_err(|fault| fault.or_failed(None, &failed))?;
            let now = now.ok_or_else(|| self.failed(failed.clone()))?;
            let late = began.elapsed() >= PATIENCE;
            let health = now.state.health.as_ref().filter(|_| new_serves && !late);
            let served = health.is_none_or(|it| it.status != "starting");
            match now.state.status.as_str() {
                "running" if served => return Ok(()),
                "running" | "restarting" | "created" if !late => {}
                _ => return Err(self.failed(format!("{failed}: {}", now.state.error))),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Their volumes stay: the new ones have them.
    pub(super) async fn remove_old(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            // Without a new one in its place an old one must not go, whatever has happened.
            if self
                .engine
                .container(&swap.old)
                .await
                .is_ok_and(|it| it.is_some())
            {
                self.new_that_is_there(swap).await?;
            }
            self.remove(&swap.old, &swap.name, false).await
        })
        .await
    }

    /// What is not as it was planned any more is somebody's by now.
    pub(super) async fn clear(&self, left: &[Left]) -> Result<(), StepError> {
        let shown = |fault: Fault| fault.or_failed(None, sentence("an old container is not shown"));
        for one in left {
            let there = self.engine.container(&one.id).await.map_err(shown)?;
            let there = there.filter(|it| it.stopped() && it.name() == one.name);
            let place = self.engine.container(&one.place).await.map_err(shown)?;
            if there.is_some() && place.is_some() {
                self.remove(&one.id, &one.name, false).await?;
            }
        }
        Ok(())
    }

    async fn set_policy(&self, old: &Container, policy: RestartPolicy) -> Result<(), StepError> {
        let id = &old.id;
        let body = ContainerUpdateBody {
            restart_policy: Some(policy),
            ..Default::default()
        };
        let name = old.name();
        self.engine
            .ask(
                &sentence!("set the restart policy of {name}"),
                SOON,
                |client| async move { client.update_container(id, body).await },
            )
            .await
            .map_err(|fault| {
                fault.or_failed(
                    None,
                    &sentence!("the restart policy of {name} can not be set"),
                )
            })
    }
}

fn restarts(policy: &serde_json::Value) -> bool {
    let name = policy.get("Name").and_then(serde_json::Value::as_str);
    !matches!(name, None | Some("" | "no"))
}

pub(super) fn taken(reason: &str) -> bool {
    reason.contains("port is already allocated") || reason.contains("address already in use")
}
