//! How a deployment came to where it is: what happened, in its order, and what is still to come.

use chrono::DateTime;

use crate::api::deployments::{Deployment, Line, Step};
use crate::api::targets::Decision;

mod entry;
mod taken;
mod waits;

pub(super) use entry::{Entry, Progress, Stage};
pub(super) use taken::took_ms;

/// What is known of a deployment.
pub(super) struct Story<'s> {
    pub(super) deployment: &'s Deployment,
    /// The pushes that it is made of, the first one first, as far as they are remembered.
    pub(super) pushes: &'s [Decision],
    pub(super) steps: &'s [Step],
    /// The beginning of its log.
    pub(super) lines: &'s [Line],
    /// In milliseconds.
    pub(super) now: i64,
}

/// Of what has not ended exactly one entry is current.
pub(super) fn timeline(story: &Story<'_>) -> Vec<Entry> {
    let mut entries = story.cause();
    entries.extend(story.quiet());
    entries.extend(story.waits());
    entries.extend(story.taken());
    entries.extend(story.taken_back());
    let end = story.end(&entries);
    entries.push(end);
    let current = |entry: &Entry| entry.progress == Progress::Current;
    if !story.ended() && !entries.iter().any(current) {
        let next = entries.iter_mut().find(|entry| entry.progress.is_open());
        if let Some(next) = next {
            next.progress = Progress::Current;
        }
    }
    entries
}

/// A time of the API, in milliseconds.
fn millis(at: &str) -> Option<i64> {
    let at = DateTime::parse_from_rfc3339(at).ok()?;
    Some(at.timestamp_millis())
}

fn between(from: &str, to: Option<i64>) -> Option<i64> {
    Some(to? - millis(from)?)
}

impl Story<'_> {
    fn ended(&self) -> bool {
        self.deployment.finished_at.is_some()
    }

    fn automatic(&self) -> bool {
        matches!(self.deployment.cause, "push" | "retag")
    }

    /// When something ended that at most lasts until the deployment ends, or until now.
    fn at_most(&self, end: Option<&str>) -> i64 {
        let ends = [end, self.deployment.finished_at.as_deref()];
        let ends = ends.into_iter().flatten().filter_map(millis);
        ends.fold(self.now, i64::min)
    }

    /// Who wanted it, and when.
    fn cause(&self) -> Vec<Entry> {
        let deployment = self.deployment;
        if !self.automatic() {
            let mut request = Entry::new(Stage::Request, Progress::Done);
            request.at = Some(deployment.created_at.clone());
            request.by = deployment.requested_by.clone();
            return vec![request];
        }
        let stage = match deployment.cause {
            "retag" => Stage::Retag,
            _ => Stage::Push,
        };
        let mut entries: Vec<_> = self
            .pushes
            .iter()
            .map(|push| self.push(stage, push))
            .collect();
        if entries.is_empty() {
            let mut push = Entry::new(stage, Progress::Done);
            let mut services = deployment.services.iter();
            push.by = services.find_map(|service| service.pushed_by.clone());
            entries.push(push);
        }
        let services = deployment.services.iter();
        let services: Vec<_> = services.map(|service| service.service.as_str()).collect();
        let mut matched = Entry::new(Stage::Match, Progress::Done);
        matched.at = Some(deployment.created_at.clone());
        matched.about = services.join(", ");
        entries.push(matched);
        // What was pushed while it was quiet came behind the match of the first.
        entries.sort_by(|one, other| one.at.cmp(&other.at));
        entries
    }

    fn push(&self, stage: Stage, push: &Decision) -> Entry {
        let mut services = self.deployment.services.iter();
        let moved = services.find(|service| service.to_digest == push.digest);
        let mut entry = Entry::new(stage, Progress::Done);
        entry.at = Some(push.at.clone());
        entry.by = moved.and_then(|service| service.pushed_by.clone());
        entry.about = format!("{}:{}", push.repository, push.tag);
        entry
    }

    /// How long nothing had to be pushed for it to begin, and that it then waits for its turn.
    fn quiet(&self) -> Vec<Entry> {
        let deployment = self.deployment;
        let due = millis(&deployment.due_at).unwrap_or(self.now);
        let queued = deployment.state == "queued";
        let mut entries = Vec::new();
        if millis(&deployment.created_at).is_some_and(|created| created < due) {
            let mut quiet = Entry::new(Stage::Quiet, Progress::Done);
            let until = self.at_most(Some(&deployment.due_at));
            quiet.took_ms = between(&deployment.created_at, Some(until));
            quiet.at = Some(deployment.created_at.clone());
            if queued && self.now < due {
                quiet.progress = Progress::Current;
                quiet.due_at = Some(deployment.due_at.clone());
            }
            entries.push(quiet);
        }
        if queued && self.now >= due {
            let mut turn = Entry::new(Stage::Turn, Progress::Current);
            turn.took_ms = Some(self.now - due);
            turn.at = Some(deployment.due_at.clone());
            entries.push(turn);
        }
        entries
    }

    fn taken_back(&self) -> Option<Entry> {
        let deployment = self.deployment;
        let state = "rolling_back";
        let said = |line: &&Line| line.kind == "state" && line.text.starts_with(state);
        let line = self.lines.iter().find(said);
        let progress = match deployment.state {
            "rolling_back" => Progress::Current,
            "rolled_back" => Progress::Done,
            // One that was to stay was never taken back.
            "rollback_failed" if line.is_some() => Progress::Failed,
            _ => return None,
        };
        let mut back = Entry::new(Stage::Rollback, progress);
        back.at = line.map(|line| line.at.clone());
        let at = back.at.as_ref();
        back.took_ms = at.and_then(|at| between(at, Some(self.at_most(None))));
        Some(back)
    }

    fn end(&self, entries: &[Entry]) -> Entry {
        let deployment = self.deployment;
        let Some(finished_at) = &deployment.finished_at else {
            return Entry::new(Stage::End, Progress::Ahead);
        };
        let progress = match deployment.state {
            "failed" | "rolled_back" | "rollback_failed" => Progress::Failed,
            _ => Progress::Done,
        };
        let mut end = Entry::new(Stage::End, progress);
        end.took_ms = between(&deployment.created_at, millis(finished_at));
        end.at = Some(finished_at.clone());
        let said = |reason: &String| entries.iter().any(|it| it.detail.as_ref() == Some(reason));
        end.detail = deployment.reason.clone().filter(|reason| !said(reason));
        end
    }
}

#[cfg(test)]
mod tests;
