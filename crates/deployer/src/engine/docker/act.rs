//! Taking steps, and taking them back.
//!
//! Each step looks before it acts. It is done again from its beginning when a process died in the
//! middle of it, so what was done must be found and left: old containers by their ids, new ones by
//! the labels that say whom they replace in which deployment.

use std::future::Future;
use std::time::Duration;

use berth_registry::sentence;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::action::{Action, Swap, Swaps};
use super::connection::{Connection, WORK};
use super::container::Container;
use super::fault::{Fault, found};
use super::labels;
use crate::engine::{Errand, StepError};

mod alias;
mod create;
mod depend;
mod hook;
mod image;
mod old;
mod swap;
pub(super) mod verify;

/// How often the engine is asked whether something has come to pass.
const PAUSE: Duration = Duration::from_millis(300);

/// Where a step is worked on.
#[derive(Clone, Copy)]
pub(super) struct Job<'j> {
    pub(super) engine: &'j Connection,
    pub(super) errand: &'j Errand<'j>,
    pub(super) service: Option<&'j str>,
}

impl Job<'_> {
    pub(super) async fn act(self, action: &Action) -> Result<(), StepError> {
        match action {
            Action::Pull(pull) => self.pull(&pull.image).await,
            Action::Hook(hook) => self.run_hook(hook).await,
            Action::Tag(tag) => self.tag(&tag.image).await,
            Action::Await(wait) => self.wait_for(wait).await,
            Action::Create(create) => self.create(create).await,
            Action::Stop(stop) => self.stop(&stop.swaps).await,
            Action::Keep(Swaps { swaps }) => self.keep(swaps).await,
            Action::Name(Swaps { swaps }) => self.name(swaps).await,
            Action::Start(Swaps { swaps }) => self.start(swaps).await,
            Action::Verify(verify) => self.verify(verify).await,
            Action::Alias(verify) => self.alias(verify).await,
            Action::Restart(restart) => self.restart(restart).await,
            Action::RestartBack(_) => Ok(()),
            Action::Remove(Swaps { swaps }) => self.remove_old(swaps).await,
            Action::Clear(clear) => self.clear(&clear.left).await,
            Action::Forget(forget) => self.forget(&forget.images).await,
        }
    }

    pub(super) async fn undo(self, action: &Action) -> Result<(), StepError> {
        match action {
            Action::Pull(pull) if pull.present => Ok(()),
            Action::Pull(pull) => self.unpull(&pull.image).await,
            Action::Hook(hook) => self.clear_hook(hook).await,
            Action::Tag(tag) => self.untag(tag).await,
            Action::Create(create) => self.remove_new(&create.swaps).await,
            Action::Stop(stop) => self.bring_back(stop).await,
            Action::Keep(Swaps { swaps }) => self.give_name_back(swaps).await,
            Action::Name(Swaps { swaps }) => self.take_name_away(swaps).await,
            Action::Start(Swaps { swaps }) => self.take_down(swaps).await,
            Action::RestartBack(restart) => self.restart_back(restart).await,
            // The names go with the container, which is removed next. What waits changes nothing,
            // and from settling there is no way back.
            Action::Alias(_)
            | Action::Await(_)
            | Action::Verify(_)
            | Action::Restart(_)
            | Action::Remove(_)
            | Action::Clear(_)
            | Action::Forget(_) => Ok(()),
        }
    }

    fn failed(&self, reason: String) -> StepError {
        StepError::Failed {
            service: None,
            reason,
        }
    }

    /// The new version is to blame.
    fn blamed(&self, reason: String) -> StepError {
        StepError::Failed {
            service: self.service.map(str::to_owned),
            reason,
        }
    }

    fn since_begun(&self) -> Duration {
        let millis = (self.errand.now)().0.saturating_sub(self.errand.begun_at.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// The old container. Somebody who removes it while it is replaced has to look after it.
    async fn old(&self, swap: &Swap) -> Result<Container, StepError> {
        let old = self.engine.container(&swap.old).await;
        let old =
            old.map_err(|fault| fault.or_failed(None, sentence("the engine does not show it")))?;
        old.ok_or_else(|| {
            self.failed(sentence!(
                "the old {} is gone: somebody has removed or replaced it in the meantime",
                swap.name
            ))
        })
    }

    /// The old container, where it is to come back; `None` if somebody has put another one in its
    /// place meanwhile, with `docker compose up`, and there is nothing to bring back.
    async fn old_to_return(&self, swap: &Swap) -> Result<Option<Container>, StepError> {
        let shown = |fault: Fault| fault.or_failed(None, sentence("the engine does not show it"));
        if let Some(old) = self.engine.container(&swap.old).await.map_err(shown)? {
            return Ok(Some(old));
        }
        let other = self.engine.given(&swap.name).await.map_err(shown)?;
        match other.is_some_and(|it| stands_in(&it, swap, self.errand.deployment)) {
            true => Ok(None),
            false => self.old(swap).await.map(Some),
        }
    }

    /// The container that this deployment has made in the place of an old one.
    async fn new_one(&self, swap: &Swap) -> Result<Option<Container>, StepError> {
        let made = self.made_for(&swap.old).await;
        let made =
            made.map_err(|fault| fault.or_failed(None, sentence("the engine does not show it")))?;
        Ok(made.into_iter().find(|it| it.label(labels::HOOK).is_none()))
    }

    async fn new_that_is_there(&self, swap: &Swap) -> Result<Container, StepError> {
        let gone = || {
            self.failed(sentence!(
                "the new {} is gone: somebody has removed it in the meantime",
                swap.name
            ))
        };
        self.new_one(swap).await?.ok_or_else(gone)
    }

    /// What this deployment has made for the place of a container, hooks among it.
    async fn made_for(&self, old: &str) -> Result<Vec<Container>, Fault> {
        let wanted = [
            format!("{}={}", labels::DEPLOYMENT, self.errand.deployment),
            format!("{}={old}", labels::REPLACES),
        ];
        let ids = self.engine.ids(&wanted).await?;
        let made: Vec<Option<Container>> = stream::iter(ids)
            .then(|id| async move { self.engine.given(&id).await })
            .try_collect()
            .await?;
        Ok(made.into_iter().flatten().collect())
    }

    /// Removes a container, and of its volumes those that have no name and are its own.
    async fn remove_made(&self, made: &Container) -> Result<(), StepError> {
        self.remove(&made.id, made.name(), true).await
    }

    async fn remove(&self, id: &str, name: &str, volumes: bool) -> Result<(), StepError> {
        let options = bollard::query_parameters::RemoveContainerOptions {
            v: volumes,
            force: true,
            link: false,
        };
        let removed = self
            .engine
            .ask(&sentence!("remove {name}"), WORK, |client| async move {
                client.remove_container(id, Some(options)).await
            })
            .await;
        match found(removed) {
            Ok(_) => Ok(()),
            // Somebody removes it already.
            Err(Fault::Conflict(_)) => self.wait_until_gone(id, name).await,
            Err(fault) => Err(fault.or_failed(None, &sentence!("{name} can not be removed"))),
        }
    }

    async fn wait_until_gone(&self, id: &str, name: &str) -> Result<(), StepError> {
        let failed = || sentence!("{name} can not be removed");
        let gone = tokio::time::timeout(WORK, async {
            loop {
                let there = self.engine.container(id).await;
                if there
                    .map_err(|fault| fault.or_failed(None, &failed()))?
                    .is_none()
                {
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        gone.await.unwrap_or_else(|_| Err(self.failed(failed())))
    }
}

/// Whether a container that has the name of an old one serves in its place, and does not come from
/// this deployment.
fn stands_in(it: &Container, swap: &Swap, deployment: i64) -> bool {
    it.running()
        && it.name() == swap.name
        && it.stack_and_service() == (swap.stack.as_str(), swap.service.as_str())
        && it.label(labels::DEPLOYMENT) != Some(deployment.to_string().as_str())
}

/// Does something for each replica of a batch at the same time. All are waited for, so that nothing
/// goes on behind a failure.
async fn each<'s, F: Future<Output = Result<(), StepError>>>(
    swaps: &'s [Swap],
    work: impl Fn(&'s Swap) -> F,
) -> Result<(), StepError> {
    let ended = join_all(swaps.iter().map(work)).await;
    ended.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::docker::action::Was;

    #[test]
    fn what_a_person_has_started_stands_in_for_the_old_one() {
        let swap = Swap {
            old: "b".repeat(64),
            name: "shop-web-1".to_owned(),
            stack: "shop".to_owned(),
            service: "web".to_owned(),
            was: Was::Running,
            policy: Value::Null,
        };
        // Name, service, state, and which deployment made it.
        let cases = [
            (("shop-web-1", "web", "running", None), true),
            (("shop-web-1", "web", "running", Some("6")), true),
            (("shop-web-1", "web", "running", Some("7")), false),
            (("shop-web-1", "web", "exited", None), false),
            (("shop-web-1", "api", "running", None), false),
            (("shop-web-2", "web", "running", None), false),
        ];
        for ((name, service, status, deployment), expected) in cases {
            let all = json!({
                "Id": "a".repeat(64), "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i",
                "Name": format!("/{name}"),
                "Config": {"Labels": {
                    "com.docker.compose.project": "shop",
                    "com.docker.compose.service": service,
                    "berth.deployment": deployment,
                }},
                "State": {
                    "Status": status,
                    "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
                },
            });
            let container = serde_json::from_value(all).unwrap();
            assert_eq!(
                stands_in(&container, &swap, 7),
                expected,
                "{name} {service} {status} {deployment:?}"
            );
        }
    }
}
