//! Redeploy on push: a tag that moves brings the services that use it to the new digest.

pub mod engine;
mod image;
mod policy;
mod settings;

pub use image::{ImageReference, NoImageReference};
pub use policy::{Approval, Command, InvalidLabel, Labels, Order, Policy, TagPolicy, Windows};
pub use settings::{
    EngineSettings, InvalidNotifySecret, NotifySecret, NotifySettings, Settings, TlsFiles,
};
