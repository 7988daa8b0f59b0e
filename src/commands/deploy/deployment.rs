use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::output::duration;
use crate::table::printable;

/// What the commands show of a deployment.
#[derive(Deserialize)]
pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) target: String,
    pub(super) stack: String,
    pub(super) cause: String,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) requested_by: Option<String>,
    pub(super) approved_by: Option<String>,
    #[serde(default)]
    pub(super) wants_approval: bool,
    pub(super) services: Vec<DeployedService>,
    pub(super) rolls_back: Option<u64>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) due_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct DeployedService {
    pub(super) service: String,
    pub(super) image: String,
    pub(super) from_digest: Option<String>,
    pub(super) to_digest: String,
    pub(super) pushed_by: Option<String>,
    pub(super) downtime_ms: Option<i64>,
}

impl Deployment {
    pub(super) fn succeeded(&self) -> bool {
        self.state == "succeeded"
    }

    /// Where it is, and why: `deployment 7 of shop on local is waiting: for somebody's word`
    pub(super) fn sentence(&self) -> String {
        let Self {
            id, target, stack, ..
        } = self;
        let state = words(&self.state);
        let verb = match self.state.as_str() {
            "succeeded" | "failed" => "",
            // What it has done, or is doing: later versions may know more of these.
            _ => "is ",
        };
        let reason = self.reason.as_ref();
        let reason = reason.map(|reason| format!(": {reason}"));
        let reason = reason.unwrap_or_default();
        printable(&format!(
            "deployment {id} of {stack} on {target} {verb}{state}{reason}"
        ))
    }

    pub(super) fn took(&self) -> Option<TimeDelta> {
        Some(self.finished_at? - self.started_at?)
    }

    /// Of each service that was away, how long.
    pub(super) fn downtimes(&self) -> Vec<String> {
        let services = self.services.iter();
        let away = services.filter_map(|service| {
            let took = service.downtime().filter(|took| !took.is_zero())?;
            Some(format!("{} {}", service.service, duration(took)))
        });
        away.collect()
    }

    /// Who asked for it, or pushed what it brings.
    pub(super) fn by(&self) -> String {
        if let Some(by) = &self.requested_by {
            return by.clone();
        }
        let pushers = self.services.iter();
        let mut pushers: Vec<_> = pushers
            .filter_map(|service| service.pushed_by.as_deref())
            .collect();
        pushers.sort_unstable();
        pushers.dedup();
        pushers.join(",")
    }

    pub(super) fn service_names(&self) -> String {
        let services = self.services.iter();
        let names: Vec<_> = services.map(|service| service.service.as_str()).collect();
        names.join(",")
    }
}

impl DeployedService {
    pub(super) fn downtime(&self) -> Option<TimeDelta> {
        self.downtime_ms.map(TimeDelta::milliseconds)
    }
}

/// The name of a state or of an outcome, as people write it.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// A step of a deployment.
#[derive(Deserialize)]
pub(super) struct Step {
    pub(super) number: u64,
    pub(super) phase: String,
    pub(super) service: Option<String>,
    pub(super) line: String,
    pub(super) state: String,
    pub(super) detail: Option<String>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

impl Step {
    pub(super) fn took(&self) -> Option<TimeDelta> {
        Some(self.finished_at? - self.started_at?)
    }

    /// What it does, and why it failed if it did.
    pub(super) fn text(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {detail}", self.line),
            None => self.line.clone(),
        }
    }
}
