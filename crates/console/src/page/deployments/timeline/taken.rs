//! The steps of a timeline: one entry for each phase of each service.

use berth_deployer::engine::Phase;

use super::{Entry, Progress, Stage, Story, between, millis};
use crate::api::deployments::Step;

/// What every deployment does, before its steps are known.
const PHASES: [Phase; 3] = [Phase::Pull, Phase::Replace, Phase::Verify];

impl Story<'_> {
    pub(super) fn taken(&self) -> Vec<Entry> {
        if self.steps.is_empty() && !self.ended() {
            let ahead = |phase| Entry::new(Stage::Steps(phase), Progress::Ahead);
            return PHASES.map(ahead).into();
        }
        let entries = groups(self.steps);
        let mut entries: Vec<_> = entries.iter().map(|steps| self.group(steps)).collect();
        if self.ended() || self.deployment.state == "rolling_back" {
            // It will not come to these.
            entries.retain(|entry| entry.progress != Progress::Ahead);
        }
        entries
    }

    fn group(&self, steps: &[&Step]) -> Entry {
        let first = steps[0];
        let mut entry = Entry::new(Stage::Steps(first.phase), progress(steps));
        entry.about = first.service.clone().unwrap_or_default();
        let mut begun = steps.iter().filter_map(|step| step.started_at.as_ref());
        entry.at = begun.next().cloned();
        entry.took_ms = steps
            .iter()
            .filter_map(|step| self.took_ms(step))
            .reduce(|one, other| one + other);
        entry.detail = steps.iter().find_map(|step| step.detail.clone());
        entry
    }

    fn took_ms(&self, step: &Step) -> Option<i64> {
        let started_at = step.started_at.as_ref()?;
        match step.state {
            "started" => between(started_at, Some(self.now)),
            _ => took_ms(step).or_else(|| between(started_at, self.failed_at(step))),
        }
    }

    fn failed_at(&self, step: &Step) -> Option<i64> {
        let said = format!("{}. failed: ", step.number);
        let mut lines = self.lines.iter();
        let line = lines.find(|line| line.kind == "step" && line.text.starts_with(&said));
        millis(&line?.at)
    }
}

/// How long a step took. Of one that was taken back its own end is written over.
pub(in super::super) fn took_ms(step: &Step) -> Option<i64> {
    let ended = matches!(step.state, "done" | "failed");
    let finished_at = step.finished_at.as_ref().filter(|_| ended)?;
    between(step.started_at.as_ref()?, millis(finished_at))
}

/// By phase and service, in the order in which they begin.
fn groups(steps: &[Step]) -> Vec<Vec<&Step>> {
    let mut groups: Vec<Vec<&Step>> = Vec::new();
    for step in steps {
        let same = |group: &&mut Vec<&Step>| {
            group[0].phase == step.phase && group[0].service == step.service
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(step),
            None => groups.push(vec![step]),
        }
    }
    groups
}

fn progress(steps: &[&Step]) -> Progress {
    let any = |states: &[&str]| steps.iter().any(|step| states.contains(&step.state));
    if steps.iter().any(|step| step.detail.is_some()) {
        Progress::Failed
    } else if any(&["undoing", "undone", "undo_failed"]) {
        Progress::TakenBack
    } else if any(&["started"]) {
        Progress::Current
    } else if steps.iter().all(|step| step.state == "done") {
        Progress::Done
    } else if any(&["done"]) {
        Progress::Partly
    } else {
        Progress::Ahead
    }
}
