//! Redeploy on push: a tag that moves brings the services that use it to the new digest.
//!
//! A [`Deployer`] has targets, each an [`engine::Engine`]. For each it takes new events (`take`), which
//! are judged for every service that runs there (`matching`), and queues deployments (`queue`).
//! What is due is planned (`begin`) and its steps are taken one by one, journalled before each acts
//! (`run`).

mod begin;
mod causes;
mod db;
mod deployer;
pub mod engine;
#[cfg(test)]
mod fixture;
mod history;
mod holds;
mod image;
mod journal;
mod matching;
mod notify;
mod policy;
mod queue;
mod restored;
mod run;
mod settings;
mod shown;
mod take;
mod target;

pub use deployer::Deployer;
pub use history::{
    Cause, Decision, DeployedService, Deployment, Line, LineKind, Part, State, StepRecord,
    StepState,
};
pub use image::{ImageReference, NoImageReference};
pub use matching::{Reason, Verdict};
pub use policy::{Approval, Command, InvalidLabel, Labels, Order, Policy, TagPolicy, Windows};
pub use restored::settle_restored;
pub use settings::{
    EngineSettings, InvalidNotifySecret, NotifySecret, NotifySettings, Settings, TlsFiles,
};
pub use shown::{
    DeployError, Filter, Hold, NewRule, Planned, Request, Rule, ServiceOf, ServiceStatus, StackOf,
    StackStatus, TargetStatus,
};
