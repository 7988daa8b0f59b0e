//! What is asked of the deployer, and what it answers beside deployments.

use std::collections::BTreeMap;
use std::fmt;

use berth_oci::Digest;
use berth_registry::{DbError, Timestamp, sentence};

use crate::engine::EngineError;
use crate::history::{DeployedService, State, StepRecord};

/// A stack by its names.
#[derive(Clone, Copy, Debug)]
pub struct StackOf<'s> {
    pub target: &'s str,
    pub stack: &'s str,
}

/// A service by its names.
#[derive(Clone, Copy, Debug)]
pub struct ServiceOf<'s> {
    pub stack: StackOf<'s>,
    pub service: &'s str,
}

impl fmt::Display for StackOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, stack } = self;
        f.write_str(&sentence!("stack {stack} of the target {target}"))
    }
}

impl fmt::Display for ServiceOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stack, service } = self;
        let StackOf { target, stack } = stack;
        f.write_str(&sentence!(
            "service {service} of the stack {stack} of the target {target}"
        ))
    }
}

/// Which deployments are asked for; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub target: Option<String>,
    pub stack: Option<String>,
    pub state: Option<State>,
}

/// What somebody wants to have deployed.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: String,
    pub stack: String,
    /// Services and the digests they are to run; all of the stack, at what their tags name, when it
    /// is empty.
    pub services: BTreeMap<String, Digest>,
}

/// What a deployment would do.
#[derive(Clone, Debug)]
pub struct Planned {
    pub services: Vec<DeployedService>,
    /// All in the state planned.
    pub steps: Vec<StepRecord>,
}

#[derive(Clone, Debug)]
pub struct TargetStatus {
    pub name: String,
    /// `docker`
    pub kind: &'static str,
    /// Why it can not be reached, if it can not.
    pub trouble: Option<String>,
    /// Whose pushes deploy there; `None` when everybody's do.
    pub triggers: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub struct StackStatus {
    pub stack: String,
    pub held: Option<Hold>,
    pub services: Vec<ServiceStatus>,
}

#[derive(Clone, Debug)]
pub struct Hold {
    pub by: String,
    pub at: Timestamp,
    pub reason: Option<String>,
}

impl Hold {
    /// What keeps pushes from the stack, for people.
    pub(crate) fn of(&self, stack: &str) -> String {
        let by = &self.by;
        match &self.reason {
            Some(reason) => sentence!("{stack} is held by {by}: {reason}"),
            None => sentence!("{stack} is held by {by}"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct ServiceStatus {
    pub service: String,
    pub image: String,
    pub digest: Option<Digest>,
    /// Why a push to its tag would not be deployed, if it would not.
    pub why_not: Option<String>,
    pub replicas: usize,
    pub running: usize,
    pub pinned: Option<Digest>,
}

/// Opts in services that carry no label.
#[derive(Clone, Debug)]
pub struct Rule {
    pub id: i64,
    pub target: String,
    pub stack: String,
    /// All of the stack when `None`.
    pub service: Option<String>,
    /// Labels that count as if the service carried them.
    pub labels: BTreeMap<String, String>,
    pub created_by: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewRule {
    pub target: String,
    pub stack: String,
    pub service: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// Why something was not done for a caller.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// There is none, or the caller may not know of it.
    #[error("there is no {0}")]
    Absent(String),
    /// 409
    #[error("{0}")]
    Conflict(String),
    /// 422: well-formed, and impossible.
    #[error("{0}")]
    Invalid(String),
    /// 422: it can not be replaced without losing something.
    #[error("{service} can not be replaced: {reason}")]
    Refused { service: String, reason: String },
    /// 503
    #[error("{target} can not be asked")]
    Engine {
        target: String,
        #[source]
        source: EngineError,
    },
    #[error(transparent)]
    Db(#[from] DbError),
}
