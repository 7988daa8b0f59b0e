//! The steps that replace one service, batch by batch.

use std::time::Duration;

use berth_registry::sentence;

use super::start_first::{Obstacle, obstacle};
use super::{Refusal, Target, words};
use crate::engine::docker::action::{Action, Create, Names, Stop, Swap, Swaps, Verify, Was};
use crate::engine::docker::container::Container;
use crate::engine::docker::facts::Facts;
use crate::engine::docker::labels;
use crate::engine::{Gap, Phase, ReplicaState, Step};
use crate::policy::Order;

pub(super) fn steps(facts: &Facts, target: &Target<'_>) -> Result<Vec<Step>, Refusal> {
    let start_first = start_first(target)?;
    let parallelism = usize::try_from(target.wanted.policy.parallelism.get()).unwrap_or(usize::MAX);
    // What somebody has stopped is replaced and stays stopped, unless nothing else is there.
    let stopped = |it: &&Container| it.replica_state(target.one_shot) == ReplicaState::Stopped;
    let (resting, mut active): (Vec<&Container>, Vec<&Container>) =
        target.old.iter().partition(|it| stopped(it));
    let resting = match active.is_empty() {
        true => {
            active = resting;
            Vec::new()
        }
        false => resting,
    };
    let running = active.iter().filter(|it| it.running()).count();
    let mut steps = Vec::new();
    for batch in active.chunks(parallelism) {
        let one = Batch::new(facts, target, batch);
        steps.extend(match start_first {
            true => one.start_first(),
            false => one.stop_first(batch.iter().filter(|it| it.running()).count() == running),
        });
    }
    if !resting.is_empty() {
        steps.extend(Batch::new(facts, target, &resting).exchange());
    }
    Ok(steps)
}

/// Whether the new one comes first: where that was asked for, or is safe.
fn start_first(target: &Target<'_>) -> Result<bool, Refusal> {
    let obstacle = target.old.iter().find_map(|it| obstacle(it));
    match (target.wanted.policy.order, obstacle) {
        (Order::StopFirst, _) | (Order::Auto, Some(_)) => Ok(false),
        (Order::Auto, None) => Ok(!target.one_shot),
        (Order::StartFirst, Some(Obstacle::Impossible(reason))) => Err(Refusal {
            service: target.name().to_owned(),
            reason: sentence!(
                "start-first was asked for, but {reason}; take the label berth.deploy.order away"
            ),
        }),
        (Order::StartFirst, Some(Obstacle::Unsafe(_)) | None) => Ok(true),
    }
}

pub(super) fn swaps(old: &[&Container]) -> Vec<Swap> {
    let swap = |it: &&Container| Swap {
        old: it.id.clone(),
        name: it.name().to_owned(),
        stack: it.stack_and_service().0.to_owned(),
        service: it.stack_and_service().1.to_owned(),
        was: match it.state.status.as_str() {
            "running" => Was::Running,
            "restarting" => Was::Restarting,
            _ => Was::Ended,
        },
        policy: it
            .host_config
            .get("RestartPolicy")
            .cloned()
            .unwrap_or_default(),
    };
    old.iter().map(swap).collect()
}

pub(super) fn carried(facts: &Facts, old: &Container) -> Vec<String> {
    match facts.carried.get(&old.id) {
        Some(Ok(paths)) => paths.clone(),
        Some(Err(_)) | None => Vec::new(),
    }
}

/// Replicas that are replaced at once.
struct Batch<'b> {
    target: &'b Target<'b>,
    old: &'b [&'b Container],
    swaps: Vec<Swap>,
    create: Create,
    names: String,
}

impl<'b> Batch<'b> {
    fn new(facts: &Facts, target: &'b Target<'b>, old: &'b [&'b Container]) -> Self {
        let swaps = swaps(old);
        let carried = old.iter().map(|it| (it.id.clone(), carried(facts, it)));
        Self {
            target,
            old,
            names: words::swaps(&swaps),
            create: Create {
                swaps: swaps.clone(),
                image: target.image.clone(),
                names: Names::OfService,
                carried: carried.filter(|(_, paths)| !paths.is_empty()).collect(),
            },
            swaps,
        }
    }

    fn stop_first(self, opens: bool) -> Vec<Step> {
        let checked = self.old.iter().any(|it| it.has_health_check()) || self.target.one_shot;
        let closes = |step: Step| Step {
            gap: opens.then_some(Gap::Closes),
            ..step
        };
        let mut stop = self.stop(false);
        stop.gap = opens.then_some(Gap::Opens);
        let (start, verify) = match checked {
            true => (self.start(), closes(self.verify())),
            false => (closes(self.start()), self.verify()),
        };
        vec![
            self.create(Names::OfService),
            stop,
            self.keep(),
            self.name(),
            start,
            verify,
        ]
    }

    fn start_first(self) -> Vec<Step> {
        vec![
            self.create(Names::Own),
            self.start(),
            self.verify(),
            self.alias(),
            self.stop(true),
            self.keep(),
            self.name(),
        ]
    }

    /// For what does not run: nothing is stopped, and nothing started.
    fn exchange(self) -> Vec<Step> {
        vec![
            self.create(Names::OfService),
            self.stop(false),
            self.keep(),
            self.name(),
        ]
    }

    fn create(&self, names: Names) -> Step {
        let line = sentence!("create the new {}", self.names);
        let create = Create {
            names,
            ..self.create.clone()
        };
        self.target
            .step(Phase::Replace, line, &Action::Create(create))
    }

    fn stop(&self, new_serves: bool) -> Step {
        // One that may take as long as it likes makes all of them wait.
        let times: Option<Vec<Duration>> = self.old.iter().map(|it| it.grace()).collect();
        let names = &self.names;
        let line = match times {
            Some(times) => {
                let time = words::seconds(times.into_iter().max().unwrap_or_default());
                sentence!("stop the old {names}, waiting at most {time}")
            }
            None => sentence!("stop the old {names}, waiting as long as it takes"),
        };
        let swaps = self.swaps.clone();
        self.target.step(
            Phase::Replace,
            line,
            &Action::Stop(Stop { swaps, new_serves }),
        )
    }

    fn keep(&self) -> Step {
        let kept: Vec<String> = self
            .swaps
            .iter()
            .map(|it| labels::kept_name(&it.name, self.target.deployment))
            .collect();
        let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
        let line = sentence!("keep the old {} as {}", self.names, words::list(&kept));
        self.target
            .step(Phase::Replace, line, &Action::Keep(self.swaps()))
    }

    fn name(&self) -> Step {
        let names = &self.names;
        let line = match self.swaps.as_slice() {
            [_] => sentence!("give the name {names} to the new"),
            _ => sentence!("give the names {names} to the new"),
        };
        self.target
            .step(Phase::Replace, line, &Action::Name(self.swaps()))
    }

    fn start(&self) -> Step {
        let line = sentence!("start the new {}", self.names);
        self.target
            .step(Phase::Replace, line, &Action::Start(self.swaps()))
    }

    fn verify(&self) -> Step {
        let policy = &self.target.wanted.policy;
        let (timeout, monitor) = (
            words::seconds(policy.timeout),
            words::seconds(policy.monitor),
        );
        let line = if self.target.one_shot {
            sentence!(
                "watch {} end without an error, in {timeout} at most",
                self.names
            )
        } else if self.old.iter().any(|it| it.has_health_check()) {
            sentence!("watch {} become healthy, in {timeout} at most", self.names)
        } else {
            sentence!("watch {} run for {monitor}", self.names)
        };
        self.target
            .step(Phase::Verify, line, &Action::Verify(self.proof()))
    }

    fn alias(&self) -> Step {
        let line = sentence!(
            "make the new {} reachable as {}",
            self.names,
            self.target.name()
        );
        self.target
            .step(Phase::Replace, line, &Action::Alias(self.proof()))
    }

    fn swaps(&self) -> Swaps {
        Swaps {
            swaps: self.swaps.clone(),
        }
    }

    fn proof(&self) -> Verify {
        Verify {
            swaps: self.swaps.clone(),
            image: self.target.image.clone(),
            monitor: self.target.wanted.policy.monitor,
            timeout: self.target.wanted.policy.timeout,
            one_shot: self.target.one_shot,
        }
    }
}
