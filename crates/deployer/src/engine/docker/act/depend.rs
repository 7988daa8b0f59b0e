//! What services have to do with each other: one waits for another, or is restarted with it.

use berth_registry::sentence;
use bollard::query_parameters::RestartContainerOptions;

use super::{Job, PAUSE};
use crate::engine::docker::action::{Await, Dependent, Restart};
use crate::engine::docker::connection::WORK;
use crate::engine::docker::container::Container;
use crate::engine::docker::{labels, observe};
use crate::engine::{Condition, ReplicaState, StepError};

impl Job<'_> {
    pub(super) async fn wait_for(&self, wait: &Await) -> Result<(), StepError> {
        loop {
            let containers = self.of_service(&wait.stack, &wait.service).await?;
            match met(&containers, wait.condition) {
                Met::Yes => return Ok(()),
                Met::NotYet => {}
                Met::Never(reason) => {
                    return Err(
                        self.failed(sentence!("{}, which it depends on, {reason}", wait.service))
                    );
                }
            }
            if self.since_begun() > wait.timeout {
                return Err(self.failed(sentence!(
                    "{}, which it depends on, is not ready after {} s",
                    wait.service,
                    wait.timeout.as_secs()
                )));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn of_service(&self, stack: &str, service: &str) -> Result<Vec<Container>, StepError> {
        let failed = sentence("the engine does not show what it depends on");
        let wanted = [
            format!("{}={stack}", labels::PROJECT),
            format!("{}={service}", labels::SERVICE),
        ];
        let ids = self.engine.ids(&wanted).await;
        let mut all = Vec::new();
        for id in ids.map_err(|fault| fault.or_failed(None, failed))? {
            let container = self.engine.given(&id).await;
            all.extend(container.map_err(|fault| fault.or_failed(None, failed))?);
        }
        all.retain(|it| it.stack_and_service() == (stack, service));
        let serve: Vec<bool> = all.iter().map(|it| observe::serves(it, &all)).collect();
        let mut serve = serve.into_iter();
        all.retain(|_| serve.next().unwrap_or(false));
        Ok(all)
    }

    pub(super) async fn restart(&self, restart: &Restart) -> Result<(), StepError> {
        for dependent in &restart.containers {
            match self.dependent(dependent).await? {
                Some(there) if there.state.started_at == dependent.started_at => {
                    self.restart_one(&there).await?;
                }
                // It was restarted before this process began, or is no more.
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    pub(super) async fn restart_back(&self, restart: &Restart) -> Result<(), StepError> {
        for dependent in &restart.containers {
            match self.dependent(dependent).await? {
                Some(there) if there.state.started_at != dependent.started_at => {
                    self.restart_one(&there).await?;
                }
                // It never saw the new version start.
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    async fn dependent(&self, dependent: &Dependent) -> Result<Option<Container>, StepError> {
        let there = self.engine.container(&dependent.id).await;
        there.map_err(|fault| fault.or_failed(None, &sentence!("{} is not shown", dependent.name)))
    }

    async fn restart_one(&self, container: &Container) -> Result<(), StepError> {
        let (id, name) = (&container.id, container.name());
        let limit = container.grace().unwrap_or_default() + WORK;
        self.engine
            .ask(&sentence!("restart {name}"), limit, |client| async move {
                client
                    .restart_container(id, None::<RestartContainerOptions>)
                    .await
            })
            .await
            .map_err(|fault| fault.or_failed(None, &sentence!("{name} can not be restarted")))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Met {
    Yes,
    NotYet,
    Never(String),
}

/// Whether a service is as a dependent wants it, after Compose. A replica that somebody has stopped,
/// or made and never started, says nothing while there are others.
fn met(replicas: &[Container], condition: Condition) -> Met {
    let wants_end = condition == Condition::Completed;
    let rests = |it: &&Container| it.replica_state(wants_end) == ReplicaState::Stopped;
    let (resting, active): (Vec<&Container>, Vec<&Container>) = replicas.iter().partition(rests);
    let counting = if active.is_empty() { resting } else { active };
    let each = counting.into_iter().map(|it| match condition {
        Condition::Started => was_started(it),
        Condition::Healthy => is_healthy(it),
        Condition::Completed => has_completed(it),
    });
    let mut all = Met::Yes;
    for one in each {
        match one {
            Met::Yes => {}
            Met::NotYet => all = Met::NotYet,
            Met::Never(reason) => return Met::Never(reason),
        }
    }
    all
}

fn ended(it: &Container) -> bool {
    matches!(it.state.status.as_str(), "exited" | "dead")
}

/// That it was started is enough: the condition is about order alone, and a service that runs once
/// has ended long since.
fn was_started(it: &Container) -> Met {
    match it.state.status.as_str() {
        "created" => Met::NotYet,
        _ => Met::Yes,
    }
}

fn is_healthy(it: &Container) -> Met {
    match it.state.health.as_ref().map(|it| it.status.as_str()) {
        _ if ended(it) => Met::Never(sentence("does not run; start it first").to_owned()),
        Some("healthy") => Met::Yes,
        Some("unhealthy") => Met::Never(sentence("is unhealthy").to_owned()),
        Some(_) => Met::NotYet,
        // The engine shows the state of a check only once the container was started.
        None if it.has_health_check() => Met::NotYet,
        None => Met::Never(sentence("has no health check, so it is never healthy").to_owned()),
    }
}

fn has_completed(it: &Container) -> Met {
    match it.state.exit_code {
        0 if ended(it) => Met::Yes,
        code if ended(it) => Met::Never(sentence!("has ended with exit code {code}")),
        _ => Met::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `exited 0`, `running healthy`
    fn replica(state: &str) -> Container {
        let (status, more) = state.split_once(' ').unwrap_or((state, ""));
        let mut shown = json!({
            "Status": status, "ExitCode": more.parse().unwrap_or(0),
            "StartedAt": "2026-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z",
        });
        if status == "running" && !more.is_empty() {
            shown["Health"] = json!({"Status": more});
        }
        let all = json!({
            "Id": "a".repeat(64), "Created": "2026-01-01T00:00:00Z", "Image": "sha256:i",
            "Name": "/shop-db-1", "State": shown,
        });
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn a_condition_is_met_by_the_service_and_not_by_what_somebody_has_left() {
        let never = |reason: &str| Met::Never(reason.to_owned());
        let stopped = "does not run; start it first";
        let (started, healthy, completed) =
            (Condition::Started, Condition::Healthy, Condition::Completed);
        let cases: [(Condition, &[&str], Met); 17] = [
            (started, &["running"], Met::Yes),
            // It runs once, and nobody waits for its end.
            (started, &["exited 0"], Met::Yes),
            (started, &["exited 1"], Met::Yes),
            (started, &["restarting 1"], Met::Yes),
            (started, &["created"], Met::NotYet),
            (started, &["running", "created"], Met::Yes),
            (healthy, &["running healthy", "exited 143"], Met::Yes),
            (healthy, &["running healthy", "created"], Met::Yes),
            (
                healthy,
                &["running healthy", "running starting"],
                Met::NotYet,
            ),
            (
                healthy,
                &["running healthy", "running unhealthy"],
                never("is unhealthy"),
            ),
            (healthy, &["exited 143"], never(stopped)),
            (
                healthy,
                &["running"],
                never("has no health check, so it is never healthy"),
            ),
            (completed, &["exited 0"], Met::Yes),
            (completed, &["exited 0", "exited 137"], Met::Yes),
            (completed, &["running"], Met::NotYet),
            (
                completed,
                &["exited 0", "exited 2"],
                never("has ended with exit code 2"),
            ),
            (
                completed,
                &["exited 137"],
                never("has ended with exit code 137"),
            ),
        ];
        for (condition, states, expected) in cases {
            let replicas: Vec<Container> = states.iter().map(|it| replica(it)).collect();
            assert_eq!(
                met(&replicas, condition),
                expected,
                "{condition:?} {states:?}"
            );
        }
    }
}
