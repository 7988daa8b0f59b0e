//! The pull-through cache: what is asked for and not there comes from an upstream registry, once,
//! and stays.

mod settings;

pub use settings::{
    Capabilities, Credentials, GroupSettings, InvalidSettings, Platform, Profile, Secret,
    UpstreamSettings, WarmImage, WarmSettings, check_proxy, tag_pattern, upstream_url,
};
