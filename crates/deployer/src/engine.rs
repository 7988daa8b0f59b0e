//! A place that runs services, in words that every kind of place has.
//!
//! Above this line nobody knows of containers: [`Engine`] speaks of services and digests, and its
//! steps are values that it alone can read. A step runs from its stored form, in another process or
//! on another host than the one that planned it.

use async_trait::async_trait;
use berth_oci::Digest;
use berth_registry::Timestamp;
use serde::{Deserialize, Serialize};

use crate::image::ImageReference;
use crate::policy::Policy;

pub mod docker;
mod service;

pub use service::{Condition, Dependency, Replica, ReplicaState, Service};

/// A place that runs services: a Docker engine; later a Swarm, a Kubernetes namespace, a Marathon.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What kind of place it is: `docker`.
    fn kind(&self) -> &'static str;

    /// Everything that runs there, with what it says of being deployed.
    async fn observe(&self) -> Result<Vec<Service>, EngineError>;

    /// The steps that bring the services of a stack to the digests that are wanted. Reads what is
    /// there and changes nothing; what can not be replaced without loss is refused here.
    async fn plan(&self, wanted: &Wanted) -> Result<Vec<Step>, PlanError>;

    /// Takes a step. It may have been begun before, by a process that is gone: what is there already
    /// stays, and what is missing is done. Taking a step that was taken changes nothing.
    async fn act(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError>;

    /// Waits until what a step of [`Phase::Verify`] names has proved itself.
    async fn verify(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError>;

    /// Takes a step back that was taken, or begun, or perhaps never begun: afterwards things are as
    /// they were before it. Steps are taken back in reverse order.
    async fn undo(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError>;
}

/// What is to run.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which deployment this is; what it makes carries the number.
    pub deployment: i64,
    pub stack: String,
    pub services: Vec<WantedService>,
}

#[derive(Clone, Debug)]
pub struct WantedService {
    pub service: String,
    pub image: ImageReference,
    pub digest: Digest,
    pub policy: Policy,
    /// Digests that the service ran before and that nobody will roll back to any more: their images
    /// may go once the deployment has succeeded.
    pub obsolete: Vec<Digest>,
}

/// One step of a deployment, as it is journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub phase: Phase,
    /// The service that it is about, if it is about one.
    pub service: Option<String>,
    /// What it does, for people, as an order: `stop the old shop-web-1, waiting at most 10 s`.
    pub line: String,
    /// Whether the service stops or begins to serve with it.
    pub gap: Option<Gap>,
    /// For the engine alone.
    pub action: serde_json::Value,
}

/// Where a step belongs. Until the first step of [`Phase::Replace`] nothing has been touched that
/// serves; from the first of [`Phase::Settle`] there is no way back, and none is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Pull,
    Before,
    Replace,
    Verify,
    After,
    Settle,
}

/// How a step changes whether anything of its service serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// Nothing of the service serves from the beginning of this step on; taking it back ends that.
    Opens,
    /// The service serves again at the end of this step.
    Closes,
}

/// What comes along with a step.
pub struct Errand<'e> {
    pub deployment: i64,
    /// When this process began to take the step, or the engine came back since; time limits count from
    /// here.
    pub begun_at: Timestamp,
    /// Whether the step may have been begun before: by a process that is gone, or before the engine was
    /// away. What was asked for then may come to pass a moment late.
    pub again: bool,
    pub now: &'e (dyn Fn() -> Timestamp + Send + Sync),
    /// A token that is good for pulling the images of this deployment, and for nothing else.
    pub pull_token: &'e (dyn Fn() -> Option<String> + Send + Sync),
    pub log: &'e dyn Log,
}

/// Where a step tells what happens.
pub trait Log: Send + Sync {
    /// Something that the engine does, such as the progress of a pull.
    fn engine(&self, service: Option<&str>, text: &str);
    /// A line that a new container, or a hook, has written.
    fn container(&self, service: &str, text: &str);
}

/// The engine could not be asked, or its answer makes no sense. It is worth another try later.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct EngineError {
    /// `the engine does not answer`, and what it was asked for.
    pub what: String,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A service can not be replaced without losing something. The reason says what, and what would
    /// help.
    #[error("{service} can not be replaced: {reason}")]
    Refused { service: String, reason: String },
}

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// To be tried again once the engine is there.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It did not work, and would not the next time.
    #[error("{reason}")]
    Failed {
        /// The service whose new version is to blame, if one is.
        service: Option<String>,
        reason: String,
    },
}
