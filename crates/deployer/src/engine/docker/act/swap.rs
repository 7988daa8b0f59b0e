//! New containers: named, started, and taken down again.

use berth_registry::sentence;

use super::old::taken;
use super::{Job, each};
use crate::engine::StepError;
use crate::engine::docker::action::Swap;
use crate::engine::docker::connection::{SOON, WORK};
use crate::engine::docker::container::Container;
use crate::engine::docker::fault::Fault;
use crate::engine::docker::{labels, logs};

/// Lines of a container that is taken down, which say more than what is known of its end.
const LAST_LINES: usize = 20;

impl Job<'_> {
    pub(super) async fn name(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let new = self.new_that_is_there(swap).await?;
            let temporary = labels::temporary_name(&swap.name, self.errand.deployment);
            self.rename(&new, &temporary, &swap.name).await
        })
        .await
    }

    pub(super) async fn take_name_away(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let Some(new) = self.new_one(swap).await? else {
                return Ok(());
            };
            if self.old_to_return(swap).await?.is_none() {
                return Ok(());
            }
            let temporary = labels::temporary_name(&swap.name, self.errand.deployment);
            self.rename(&new, &swap.name, &temporary).await
        })
        .await
    }

    pub(super) async fn start(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let new = self.new_that_is_there(swap).await?;
            // One that has ended since was started; watching it tells.
            if new.state.status != "created" {
                return Ok(());
            }
            let started = self.start_one(&new).await;
            started.map_err(|fault| {
                let failed = sentence!("the new {} can not be started", swap.name);
                let to_blame = self.whom_to_blame(&fault);
                fault.or_failed(to_blame, &failed)
            })
        })
        .await
    }

    /// A port that somebody else has is not the new version's fault.
    fn whom_to_blame(&self, fault: &Fault) -> Option<&str> {
        match fault {
            Fault::Refused(reason) if taken(reason) => None,
            Fault::Refused(_) | Fault::Absent(_) | Fault::Conflict(_) | Fault::Away(_) => {
                self.service
            }
        }
    }

    pub(super) async fn start_one(&self, container: &Container) -> Result<(), Fault> {
        let id = &container.id;
        let what = sentence!("start {}", container.name());
        self.engine
            .ask(&what, WORK, |client| async move {
                client.start_container(id, None).await
            })
            .await
    }

    pub(super) async fn take_down(&self, swaps: &[Swap]) -> Result<(), StepError> {
        each(swaps, |swap| async move {
            let Some(new) = self.new_one(swap).await? else {
                return Ok(());
            };
            // Something has to stay, whatever has happened.
            self.old_to_return(swap).await?;
            logs::last(self.engine, &new.id, LAST_LINES, |line| {
                self.errand
                    .log
                    .container(self.service.unwrap_or_default(), line);
            })
            .await;
            // It is removed where it was made, a few steps back.
            self.stop_one(&new).await
        })
        .await
    }

    /// Renames a container that is called `from`. One that is called `to` was renamed before.
    pub(super) async fn rename(
        &self,
        container: &Container,
        from: &str,
        to: &str,
    ) -> Result<(), StepError> {
        let name = container.name();
        if name == to {
            return Ok(());
        }
        if name != from {
            return Err(self.failed(sentence!(
                "{from} is called {name} by now: somebody has renamed it in the meantime"
            )));
        }
        let id = &container.id;
        let options = bollard::query_parameters::RenameContainerOptions {
            name: to.to_owned(),
        };
        self.engine
            .ask(&sentence!("rename {from}"), SOON, |client| async move {
                client.rename_container(id, options).await
            })
            .await
            .map_err(|fault| fault.or_failed(None, &sentence!("{from} can not be renamed to {to}")))
    }
}
