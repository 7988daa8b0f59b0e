//! What tests of deployments have in common: engines, Compose projects, versions of an application,
//! and a server that deploys them.

mod container;
mod counter;
mod deployment;
mod engine;
mod front;
mod own_engine;
mod project;
mod receiver;
mod server;
mod tar;
mod thief;
mod version;

pub use container::Container;
pub use counter::{Counter, Report};
pub use deployment::Deployment;
pub use engine::{Engine, PulledImages};
pub use front::{Asked, EngineFront, Side};
pub use own_engine::OwnEngine;
pub use project::Project;
pub use receiver::{Receiver, SECRET};
pub use server::DeployServer;
pub use thief::Thief;
pub use version::Version;
