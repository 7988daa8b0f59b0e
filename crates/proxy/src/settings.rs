//! What an upstream is told to be, whoever tells it: the configuration or the API.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use berth_oci::ProjectName;
use berth_registry::auth::RepositoryGlob;
use regex::Regex;
use reqwest::Url;

mod document;
mod parse;
mod profile;
mod warm;

pub use document::{GroupDocument, InvalidDocument, UpstreamDocument, UpstreamSecrets};
use parse::tag_pattern_text;
pub use parse::{check_proxy, tag_pattern, upstream_url};
pub use profile::Profile;
pub use warm::{Platform, WarmImage, WarmSettings};

/// A registry that is pulled from.
///
/// Upstreams of one [`UpstreamSettings::registry`] stand in for each other, in their order. What they
/// give is kept in one project, which has the name of the first of them that may resolve tags.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    pub name: ProjectName,
    /// What clients call the registry: `docker.io`, `ghcr.io`. `?ns=` names it.
    pub registry: String,
    /// Where it is asked: scheme, host, port, and a path before `/v2/` if it has one.
    pub url: Url,
    pub profile: Profile,
    pub credentials: Credentials,
    /// The lowest is asked first.
    pub order: u32,
    pub capabilities: Capabilities,
    /// `http://`, `https://` or `socks5://`, perhaps with a user and a password.
    pub proxy: Option<Secret>,
    /// PEM file with authorities that are believed beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Hosts beyond the upstream's own that a redirection or a token service may lead to, private
    /// addresses too: `host`, `host:port` or `*.domain`.
    pub allow_hosts: Vec<String>,
    /// Names at the upstream that may be pulled; empty for all.
    pub allow: Vec<RepositoryGlob>,
    /// Names at the upstream that are never asked for; wins over `allow`.
    pub deny: Vec<RepositoryGlob>,
    /// The most that all downloads from it take together, in bytes a second.
    pub bytes_per_second: Option<u64>,
    /// For how long a tag is believed before it is asked for again.
    pub fresh: Duration,
    /// Tags that never move, so that they are never asked for again; each matches whole tags.
    pub immutable_tags: Vec<Regex>,
    /// For how long a tag that can not be asked for is answered from what is known.
    pub stale: Duration,
    /// Never asked: only what is cached is there.
    pub offline: bool,
    /// Whether everybody may pull what is cached.
    pub public: bool,
    pub warm: WarmSettings,
}

#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    None,
    /// For the token service, or for the registry itself if that asks for Basic.
    Password { username: String, password: Secret },
    /// Sent as it is.
    Bearer(Secret),
}

/// What an upstream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Which digest a tag has. Not for a mirror that may lag behind.
    pub resolve: bool,
    /// Content by its digest, which proves it.
    pub pull: bool,
}

impl Capabilities {
    pub const ALL: Self = Self {
        resolve: true,
        pull: true,
    };

    /// Reads `resolve` and `pull`, of which there is at least one.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidSettings> {
        let mut capabilities = Self {
            resolve: false,
            pull: false,
        };
        for name in names {
            match name {
                "resolve" => capabilities.resolve = true,
                "pull" => capabilities.pull = true,
                _ => return Err(InvalidSettings::Capability(name.to_owned())),
            }
        }
        if capabilities.resolve || capabilities.pull {
            Ok(capabilities)
        } else {
            Err(InvalidSettings::NoCapability)
        }
    }
}

/// Projects that are read as one, the first that has something first.
#[derive(Clone, Debug)]
pub struct GroupSettings {
    pub name: ProjectName,
    pub members: Vec<ProjectName>,
    /// Where pushes to the group go; one of the members.
    pub push: Option<ProjectName>,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// None of the messages repeats a URL, since one with a user holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    #[error("is no URL of a registry: write https://host, or http://host for one without TLS")]
    Url,
    #[error("holds a user, who would be seen in logs: give a user name and a password instead")]
    UrlWithUser,
    #[error("has parameters or a fragment: write https://host, and a path if the registry has one")]
    UrlWithQuery,
    #[error("is no URL of a proxy: write http://, https:// or socks5://, and a host and a port")]
    Proxy,
    #[error("`{text}` is no pattern of tags: {reason}")]
    TagPattern { text: String, reason: String },
    #[error(
        "`{0}` is no profile: docker-hub, aliyun-acr, aliyun-accelerator, quay, ghcr, kubernetes, \
         mcr and generic are"
    )]
    Profile(String),
    #[error("`{0}` is no capability: resolve and pull are")]
    Capability(String),
    #[error("is a list of nothing, so that the upstream would never be asked: leave it out")]
    NoCapability,
    #[error("`{0}` names no image: write a repository and a tag, as in library/alpine:3")]
    Image(String),
    #[error("`{0}` is no platform: write linux/amd64, or with a variant linux/arm64/v8")]
    Platform(String),
}
