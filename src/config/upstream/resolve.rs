use std::time::Duration;

use berth_proxy::{Credentials, Profile, Secret, UpstreamSettings, WarmSettings, upstream_url};
use reqwest::Url;

use super::{HostPattern, TagPattern, Upstream};
use crate::authority::Authority;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

impl Upstream {
    /// Works out what was left to the profile.
    pub(in crate::config) fn settings(&self) -> Result<UpstreamSettings, InvalidUpstream> {
        let profile = self.profile();
        let registry = match (&self.registry, profile.registry()) {
            (Some(registry), _) => registry.to_string(),
            (None, Some(known)) => known.to_owned(),
            (None, None) => return Err(InvalidUpstream::NoRegistry),
        };
        let url = self.url_of(&registry, profile)?;
        let credentials = self.credentials()?;
        let asked_by_nobody = matches!(credentials, Credentials::None);
        let patterns = self.immutable_tags.iter();
        Ok(UpstreamSettings {
            name: self.name.clone(),
            registry,
            url,
            profile,
            credentials,
            order: self.order,
            capabilities: self.capabilities.unwrap_or(profile.capabilities()),
            proxy: self.proxy.as_ref().map(|proxy| Secret::new(proxy.as_ref())),
            ca_file: self.ca_file.clone(),
            allow_hosts: self
                .allow_hosts
                .iter()
                .cloned()
                .map(HostPattern::into)
                .collect(),
            allow: self.allow.clone(),
            deny: self.deny.clone(),
            bytes_per_second: self.bytes_per_second,
            fresh: Duration::from_secs(self.fresh_seconds),
            immutable_tags: patterns.map(|TagPattern(regex)| regex.clone()).collect(),
            stale: Duration::from_secs(self.stale_days * DAY),
            offline: self.offline,
            public: self.public.unwrap_or(asked_by_nobody),
            warm: WarmSettings {
                images: self.warm.clone(),
                platforms: self.warm_platforms.clone(),
                every: Duration::from_secs(self.warm_minutes * MINUTE),
            },
        })
    }

    /// The host that is asked says more than the name that clients have for it: a mirror of Docker
    /// Hub is called docker.io too.
    fn profile(&self) -> Profile {
        let asked = self.url.as_ref().and_then(Url::host_str);
        let called = self.registry.as_ref().map(Authority::to_string);
        let host = asked.or(called.as_deref()).unwrap_or_default();
        self.profile.unwrap_or_else(|| Profile::of_host(host))
    }

    fn url_of(&self, registry: &str, profile: Profile) -> Result<Url, InvalidUpstream> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        match profile.url() {
            Some(known) => upstream_url(known),
            // Each account has an accelerator of its own, and none is at the host of Docker Hub.
            None if profile == Profile::AliyunAccelerator => {
                return Err(InvalidUpstream::NoAccelerator);
            }
            None => upstream_url(&format!("https://{registry}")),
        }
        .map_err(|_| InvalidUpstream::Registry)
    }

    fn credentials(&self) -> Result<Credentials, InvalidUpstream> {
        match (&self.username, &self.password, &self.token) {
            (None, None, None) => Ok(Credentials::None),
            (Some(username), Some(password), None) => Ok(Credentials::Password {
                username: username.clone(),
                password: Secret::new(password.as_ref()),
            }),
            (None, None, Some(token)) => Ok(Credentials::Bearer(Secret::new(token.as_ref()))),
            (Some(_), None, None) => Err(InvalidUpstream::NoPassword),
            (None, Some(_), None) => Err(InvalidUpstream::NoUsername),
            (Some(_), _, Some(_)) => Err(InvalidUpstream::UsernameAndToken),
            (None, Some(_), Some(_)) => Err(InvalidUpstream::PasswordAndToken),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::config) enum InvalidUpstream {
    #[error(
        "the upstream has no registry: give `upstream.registry`, what clients call it, such as \
         docker.io"
    )]
    NoRegistry,
    #[error("can not be the host of a URL: write a name such as docker.io")]
    Registry,
    #[error(
        "the accelerator has no address: give `upstream.url`, as in \
         https://abcd1234.mirror.aliyuncs.com"
    )]
    NoAccelerator,
    #[error(
        "`upstream.username` is given, but `upstream.password` is missing: give both, or neither \
         to ask without signing in"
    )]
    NoPassword,
    #[error(
        "`upstream.password` is given, but `upstream.username` is missing: give both, or neither \
         to ask without signing in"
    )]
    NoUsername,
    #[error("`upstream.token` is given, and `upstream.username` too: keep one of them")]
    UsernameAndToken,
    #[error("`upstream.token` is given, and `upstream.password` too: keep one of them")]
    PasswordAndToken,
}

impl InvalidUpstream {
    /// The key to change.
    pub(in crate::config) fn key(self) -> &'static str {
        match self {
            Self::NoRegistry => "upstream.name",
            Self::Registry => "upstream.registry",
            Self::NoAccelerator => "upstream.profile",
            Self::NoPassword => "upstream.username",
            Self::NoUsername => "upstream.password",
            Self::UsernameAndToken | Self::PasswordAndToken => "upstream.token",
        }
    }
}
