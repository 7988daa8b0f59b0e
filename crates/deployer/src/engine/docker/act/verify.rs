//! Whether a new container is as good as it has to be.

use std::time::Duration;

use berth_registry::sentence;
use chrono::{DateTime, Utc};

use super::image::knows;
use super::{Job, PAUSE, each};
use crate::engine::StepError;
use crate::engine::docker::action::{Swap, Verify};
use crate::engine::docker::container::Container;
use crate::engine::docker::logs;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Good,
    Open,
    /// Continues `the new shop-web-1 ...`.
    Bad(String),
}

/// Of what a health check has said, in a reason.
const MOST_OUTPUT: usize = 300;

impl Job<'_> {
    pub(super) async fn verify(&self, verify: &Verify) -> Result<(), StepError> {
        each(&verify.swaps, |swap| async move {
            self.start_after_engine(verify, swap).await?;
            let new = self.new_that_is_there(swap).await?;
            let service = self.service.unwrap_or_default();
            let tell = |line: &str| self.errand.log.container(service, line);
            logs::while_following(self.engine, &new.id, tell, self.watch(verify, swap)).await
        })
        .await
    }

    /// An engine that restarts ends its containers, and starts only those again that say so. That is
    /// not the new version's fault; if it was, it ends once more.
    pub(super) async fn start_after_engine(
        &self,
        verify: &Verify,
        swap: &Swap,
    ) -> Result<(), StepError> {
        let new = self.new_that_is_there(swap).await?;
        if verify.one_shot || new.state.status != "exited" {
            return Ok(());
        }
        let since = self.engine.answers_for().await;
        let since = since.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not tell its time"))
        })?;
        if !ended_unseen(&new, self.engine_now().await? - since) {
            return Ok(());
        }
        let text = sentence!(
            "the new {} has ended while the engine, or Berth, was away, and is started again",
            swap.name
        );
        self.errand.log.engine(self.service, &text);
        let started = self.start_one(&new).await;
        let failed = sentence!("the new {} can not be started", swap.name);
        started.map_err(|fault| fault.or_failed(self.service, &failed))
    }

    async fn watch(&self, verify: &Verify, swap: &Swap) -> Result<(), StepError> {
        // How long it has run is counted by the engine's clock.
        let ahead = self.engine_now().await?.timestamp_millis() - (self.errand.now)().0;
        loop {
            let new = self.new_that_is_there(swap).await?;
            let now = (self.errand.now)().0 + ahead;
            let ran = now.saturating_sub(new.state.started_at.timestamp_millis());
            let ran = Duration::from_millis(u64::try_from(ran).unwrap_or(0));
            match judge(&new, verify, ran, self.since_begun()) {
                Proof::Good => return self.check_digest(&new, verify, swap).await,
                Proof::Open => {}
                Proof::Bad(reason) => {
                    return Err(self.blamed(sentence!("the new {} {reason}", swap.name)));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What runs is what counts, not what was asked for.
    async fn check_digest(
        &self,
        new: &Container,
        verify: &Verify,
        swap: &Swap,
    ) -> Result<(), StepError> {
        let image = self.engine.image(&new.image).await;
        let image = image.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not show the image"))
        })?;
        match image.is_some_and(|it| knows(&it, &verify.image)) {
            true => Ok(()),
            false => Err(self.failed(sentence!(
                "the new {} runs another image than {}",
                swap.name,
                verify.image.digest
            ))),
        }
    }
}

/// Whether it may have ended with the engine, which has answered since then, by its own clock. What
/// is started again ends later, if it does.
fn ended_unseen(new: &Container, answers_since: DateTime<Utc>) -> bool {
    new.state.status == "exited" && new.state.finished_at < answers_since
}

/// `ran` is how long it runs, `waited` how long it is watched, in another process before, too.
fn judge(new: &Container, verify: &Verify, ran: Duration, waited: Duration) -> Proof {
    let late = waited > verify.timeout;
    if verify.one_shot {
        return match new.state.status.as_str() {
            "exited" if new.state.exit_code == 0 => Proof::Good,
            "exited" | "dead" => ended(new),
            _ if late => Proof::Bad(sentence!(
                "had not ended after {} s",
                verify.timeout.as_secs()
            )),
            _ => Proof::Open,
        };
    }
    match new.state.status.as_str() {
        "exited" | "dead" => return ended(new),
        "restarting" => return ended(new),
        _ if new.restart_count > 0 => return ended(new),
        "created" => return Proof::Bad(sentence("was not started").to_owned()),
        "paused" => return Proof::Bad(sentence("was paused by somebody").to_owned()),
        _ => {}
    }
    match &new.state.health {
        Some(_) if new.has_health_check() => health(new, verify, late),
        _ if ran >= verify.monitor => Proof::Good,
        _ => Proof::Open,
    }
}

/// Whether it has proved itself once more, after `since`, which is `ran` ago.
pub(super) fn judge_again(
    new: &Container,
    verify: &Verify,
    since: DateTime<Utc>,
    ran: Duration,
    waited: Duration,
) -> Proof {
    match judge(new, verify, ran, waited) {
        Proof::Good if new.has_health_check() => {}
        other => return other,
    }
    let probes = new.state.health.iter().flat_map(|it| &it.log);
    let mut later = probes.filter(|probe| probe.start > since);
    match later.any(|probe| probe.exit_code == 0) {
        true => Proof::Good,
        false if waited > verify.timeout => {
            let seconds = verify.timeout.as_secs();
            Proof::Bad(sentence!("was not probed again after {seconds} s"))
        }
        false => Proof::Open,
    }
}

fn health(new: &Container, verify: &Verify, late: bool) -> Proof {
    let Some(health) = &new.state.health else {
        return Proof::Open;
    };
    let said = || match health.log.last() {
        Some(probe) => sentence!(
            "its last health check ended with exit code {}: {}",
            probe.exit_code,
            cut(probe.output.trim(), MOST_OUTPUT)
        ),
        None => sentence("no health check has ended yet").to_owned(),
    };
    match health.status.as_str() {
        "healthy" => Proof::Good,
        "unhealthy" => Proof::Bad(format!("{}: {}", sentence("is unhealthy"), said())),
        _ if late => {
            let late = sentence!("was not healthy after {} s", verify.timeout.as_secs());
            Proof::Bad(format!("{late}: {}", said()))
        }
        _ => Proof::Open,
    }
}

fn ended(new: &Container) -> Proof {
    let state = &new.state;
    let code = state.exit_code;
    let mut reason = match state.oom_killed {
        true => sentence!("ended with exit code {code}, since it ran out of memory"),
        false => sentence!("ended with exit code {code}"),
    };
    if !state.error.is_empty() {
        reason = format!("{reason}: {}", state.error);
    }
    Proof::Bad(reason)
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests;
