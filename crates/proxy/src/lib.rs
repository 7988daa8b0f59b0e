//! The pull-through cache: what is asked for and not there comes from an upstream registry, once,
//! and stays.
//!
//! [`Proxy`] says which name leads where ([`places`]). A project that caches a registry is read
//! through [`cached`], and what that lacks comes by a [`fill`]. [`upstream`] speaks to one registry;
//! [`RemoteRegistry`] does so for whoever takes over all that it has.

mod ahead;
mod cached;
mod counters;
mod fill;
#[cfg(test)]
mod fixture;
mod flight;
mod group;
mod manage;
mod places;
mod proxy;
mod remote;
mod remote_registry;
mod settings;
mod status;
mod trouble;
mod upstream;

pub use ahead::WarmError;
pub use cached::Warmed;
pub use manage::{ManageError, ManagedGroup, ManagedUpstream, Origin};
pub use proxy::{OpenProxyError, Proxy, ProxySettings};
pub use remote_registry::{
    RemoteBlob, RemoteError, RemoteManifest, RemoteRegistry, RemoteSettings,
};
pub use settings::{
    Capabilities, Credentials, GroupDocument, GroupSettings, InvalidDocument, InvalidSettings,
    Platform, Profile, Secret, UpstreamDocument, UpstreamSecrets, UpstreamSettings, WarmImage,
    WarmSettings, check_proxy, tag_pattern, upstream_url,
};
pub use status::{CacheStatus, FillStatus};
pub use upstream::{OpenUpstreamError, Operation, OperationState, Outcome, Quota, UpstreamState};
