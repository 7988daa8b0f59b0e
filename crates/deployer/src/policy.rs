//! What the labels of a service say of its deployment.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

mod command;
mod tags;
mod window;

pub use command::Command;
pub use tags::TagPolicy;
pub use window::Windows;

use berth_registry::sentence;
use window::InvalidWindow;

/// Everything below it is ours.
const PREFIX: &str = "berth.deploy.";
const ENABLE: &str = "berth.deploy";
const MOST_AT_ONCE: u32 = 100;
const TIMEOUT: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// All that labels say.
#[derive(Clone, Debug)]
pub struct Labels {
    pub deploys: bool,
    pub tags: TagPolicy,
    pub window: Option<Windows>,
    pub approval: Approval,
    pub policy: Policy,
}

/// How a service is deployed.
#[derive(Clone, Debug)]
pub struct Policy {
    pub order: Order,
    /// How long a replica without a health check has to run before it counts as good.
    pub monitor: Duration,
    /// How long a replica may take to become healthy.
    pub timeout: Duration,
    /// Whether the old version comes back when the new one fails.
    pub rollback: bool,
    /// How many replicas are replaced at once.
    pub parallelism: NonZeroU32,
    /// Run before anything is touched.
    pub before: Option<Command>,
    /// Run once the new version has proved itself.
    pub after: Option<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The new one first where that is safe.
    Auto,
    StopFirst,
    StartFirst,
}

/// Whether somebody has to say yes to a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    None,
    Anybody,
    /// Somebody else than who pushed.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the label {label}={value} can not be read: {expected}")]
pub struct InvalidLabel {
    pub label: String,
    pub value: String,
    /// What would be right.
    pub expected: String,
}

impl Labels {
    /// Reads labels; those that are not ours are passed over. `monitor` is what counts where no
    /// label says it.
    pub fn read(
        labels: &BTreeMap<String, String>,
        monitor: Duration,
    ) -> Result<Self, InvalidLabel> {
        let mut read = Self {
            deploys: false,
            tags: TagPolicy::Exact,
            window: None,
            approval: Approval::None,
            policy: Policy {
                order: Order::Auto,
                monitor,
                timeout: TIMEOUT,
                rollback: true,
                parallelism: NonZeroU32::MIN,
                before: None,
                after: None,
            },
        };
        for (label, value) in labels {
            let outcome = if label == ENABLE {
                yes_or_no(value).map(|deploys| read.deploys = deploys)
            } else if let Some(key) = label.strip_prefix(PREFIX) {
                read.take(key, value)
            } else {
                Ok(())
            };
            outcome.map_err(|expected| InvalidLabel {
                label: label.clone(),
                value: value.clone(),
                expected,
            })?;
        }
        Ok(read)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let policy = &mut self.policy;
        match key {
            "policy" => self.tags = value.parse()?,
            "window" => {
                let windows = value.parse();
                self.window = Some(windows.map_err(|error: InvalidWindow| error.to_string())?);
            }
            "approval" => self.approval = approval(value)?,
            "order" => policy.order = order(value)?,
            "monitor" => policy.monitor = duration(value)?,
            "timeout" => policy.timeout = duration(value)?,
            "rollback" => policy.rollback = yes_or_no(value)?,
            "parallelism" => policy.parallelism = parallelism(value)?,
            "before" => policy.before = Some(value.parse()?),
            "after" => policy.after = Some(value.parse()?),
            _ => {
                return Err(sentence(
                    "labels below berth.deploy are policy, window, approval, order, monitor, \
                            timeout, rollback, parallelism, before and after",
                )
                .to_owned());
            }
        }
        Ok(())
    }
}

fn yes_or_no(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(sentence("it is true or false").to_owned()),
    }
}

fn approval(value: &str) -> Result<Approval, String> {
    match value {
        // The number of approvals that other tools count.
        "true" | "1" => Ok(Approval::Anybody),
        "other" => Ok(Approval::Other),
        "false" | "0" => Ok(Approval::None),
        _ => Err(sentence("it is true, other (somebody else than who pushed) or false").to_owned()),
    }
}

fn order(value: &str) -> Result<Order, String> {
    match value {
        "auto" => Ok(Order::Auto),
        "stop-first" => Ok(Order::StopFirst),
        "start-first" => Ok(Order::StartFirst),
        _ => Err(sentence("it is auto, stop-first or start-first").to_owned()),
    }
}

fn duration(value: &str) -> Result<Duration, String> {
    let expected = || sentence("it is a time of a day at most, such as 30s or 5m").to_owned();
    let duration = humantime::parse_duration(value).map_err(|_| expected())?;
    if duration > LONGEST {
        return Err(expected());
    }
    Ok(duration)
}

fn parallelism(value: &str) -> Result<NonZeroU32, String> {
    let number = value.parse().ok().and_then(NonZeroU32::new);
    number
        .filter(|number| number.get() <= MOST_AT_ONCE)
        .ok_or_else(|| sentence!("it is a number from 1 to {MOST_AT_ONCE}"))
}

#[cfg(test)]
mod tests;
