//! Hooks: a command that is run once in the new image, before or after the replacement.
//!
//! A migration must not be run twice at once, nor cut off: one that a process before this one has
//! started is waited for, and its exit code counts.

use std::time::Duration;

use berth_registry::sentence;

use super::create::LATE;
use super::{Job, PAUSE};
use crate::engine::StepError;
use crate::engine::docker::action::Hook;
use crate::engine::docker::container::Container;
use crate::engine::docker::make::{self, Origin};
use crate::engine::docker::{labels, logs};

/// How long a hook may run.
const LIMIT: Duration = Duration::from_secs(300);

impl Job<'_> {
    pub(super) async fn run_hook(&self, hook: &Hook) -> Result<(), StepError> {
        let ended = match self.started_hook(hook).await? {
            Some(started) => self.follow_to_end(hook, &started).await,
            None => {
                self.clear_hook(hook).await?;
                self.run(hook).await
            }
        };
        // It goes on while the engine can not be asked.
        if !matches!(ended, Err(StepError::Engine(_))) {
            // Also one that has failed: what it had to say is in the log.
            self.clear_hook(hook).await?;
        }
        ended
    }

    /// The id of the hook's container, if it was ever started. A process that is gone may have asked
    /// for the container, or for its start, a moment ago.
    async fn started_hook(&self, hook: &Hook) -> Result<Option<String>, StepError> {
        let began = tokio::time::Instant::now();
        loop {
            let made = self.hooks(hook).await?;
            if let Some(started) = made.iter().find(|it| was_started(it)) {
                return Ok(Some(started.id.clone()));
            }
            let first_time = made.is_empty() && !self.errand.again;
            if first_time || began.elapsed() > LATE {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Removes what there is of a hook.
    pub(super) async fn clear_hook(&self, hook: &Hook) -> Result<(), StepError> {
        for container in self.hooks(hook).await? {
            self.remove_made(&container).await?;
        }
        Ok(())
    }

    async fn hooks(&self, hook: &Hook) -> Result<Vec<Container>, StepError> {
        let made = self.made_for(&hook.after).await;
        let mut made = made
            .map_err(|fault| fault.or_failed(None, sentence("the engine does not show a hook")))?;
        made.retain(|it| it.label(labels::HOOK) == Some(hook.when.as_str()));
        Ok(made)
    }

    async fn run(&self, hook: &Hook) -> Result<(), StepError> {
        let failed = sentence!("the hook `{}` can not be run", hook.when.as_str());
        let shown = |fault: crate::engine::docker::fault::Fault| fault.or_failed(None, &failed);
        let old = self.engine.container(&hook.after).await.map_err(shown)?;
        let gone = || {
            let why = sentence("somebody has removed the container it is made after");
            self.failed(format!("{failed}: {why}"))
        };
        let mut old = old.ok_or_else(gone)?;
        let (old_image, new_image) = self.images(&old, &hook.image).await?;
        old.drop_labels_of(&old_image);
        let origin = Origin {
            old: &old,
            old_image: &old_image,
            image: &hook.image,
            new_image: &new_image,
            deployment: self.errand.deployment,
            carried: &hook.carried,
            address_of_network: self.address_of_network().await?,
        };
        let made = make::hook(&origin, hook.when, &hook.command);
        let made = made.map_err(|reason| self.failed(format!("{failed}: {reason}")))?;
        let id = self.make(&hook.name, &hook.image, &made.body).await?;
        self.finish(&id, &made, &hook.after, &hook.carried).await?;
        let container = self
            .engine
            .container(&id)
            .await
            .map_err(shown)?
            .ok_or_else(gone)?;
        let started = self.start_one(&container).await;
        started.map_err(|fault| fault.or_failed(self.service, &failed))?;
        self.follow_to_end(hook, &id).await
    }

    async fn follow_to_end(&self, hook: &Hook, id: &str) -> Result<(), StepError> {
        let service = self.service.unwrap_or_default();
        let tell = |line: &str| self.errand.log.container(service, line);
        let ended = logs::while_following(self.engine, id, tell, self.wait_for_end(id)).await?;
        self.judge_hook(hook, ended)
    }

    fn judge_hook(&self, hook: &Hook, ended: Option<Container>) -> Result<(), StepError> {
        let when = hook.when.as_str();
        match ended.map(|it| (it.state.exit_code, it.state.oom_killed)) {
            Some((0, _)) => Ok(()),
            Some((code, true)) => Err(self.blamed(sentence!(
                "the hook `{when}` ran out of memory (exit code {code})"
            ))),
            Some((code, false)) => {
                Err(self.blamed(sentence!("the hook `{when}` ended with exit code {code}")))
            }
            None => Err(self.blamed(sentence!(
                "the hook `{when}` was not done after {} minutes",
                LIMIT.as_secs() / 60
            ))),
        }
    }

    /// The container once it has ended; `None` if that took too long.
    async fn wait_for_end(&self, id: &str) -> Result<Option<Container>, StepError> {
        loop {
            let there = self.engine.container(id).await;
            let there =
                there.map_err(|fault| fault.or_failed(None, sentence("the hook is not shown")))?;
            let there = there.ok_or_else(|| {
                self.failed(sentence("the hook is gone: somebody has removed it").to_owned())
            })?;
            if matches!(there.state.status.as_str(), "exited" | "dead") {
                return Ok(Some(there));
            }
            if self.since_begun() > LIMIT {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn was_started(hook: &Container) -> bool {
    hook.state.status != "created"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hook_that_runs_or_has_ended_is_not_run_again() {
        for (status, expected) in [
            ("created", false),
            ("running", true),
            ("exited", true),
            ("dead", true),
        ] {
            let all = json!({
                "Id": "a".repeat(64), "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i",
                "Name": "/shop-web-1.before-7",
                "State": {
                    "Status": status,
                    "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
                },
            });
            let hook = serde_json::from_value(all).unwrap();
            assert_eq!(was_started(&hook), expected, "{status}");
        }
    }
}
