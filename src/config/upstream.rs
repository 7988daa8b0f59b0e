use std::path::PathBuf;

use berth_oci::ProjectName;
use berth_proxy::{Capabilities, Platform, Profile, WarmImage, check_proxy, upstream_url};
use berth_registry::auth::RepositoryGlob;
use reqwest::Url;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use self::host_pattern::HostPattern;
use self::tag_pattern::TagPattern;
use super::secret::Secret;
use super::text;
use crate::authority::Authority;

mod host_pattern;
mod resolve;
mod tag_pattern;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// Name of the upstream, and of the project that keeps what is pulled from it: hub is pulled
    /// through as HOST/hub/library/alpine.
    #[serde(deserialize_with = "text::one")]
    #[schemars(with = "String")]
    pub(super) name: ProjectName,
    /// What clients call the registry, with the port if it has one. Without it, what the profile
    /// knows; set it for a registry that has no profile of its own.
    registry: Option<Authority>,
    /// Where the registry is asked: https://, or http:// for one without TLS, the host, and a path
    /// if there is one. Without it, what the profile knows, or https:// and the name of the
    /// registry; set it to ask a mirror of the registry.
    #[serde(default, deserialize_with = "url")]
    #[schemars(with = "Option<String>")]
    url: Option<Url>,
    /// Kind of the registry: docker-hub, aliyun-acr, aliyun-accelerator, quay, ghcr, kubernetes,
    /// mcr or generic. Without it, what the host in url or registry says; set it for a host of your
    /// own that stands for such a registry.
    #[serde(default, deserialize_with = "text::optional")]
    #[schemars(with = "Option<String>")]
    profile: Option<Profile>,
    /// User to sign in to the registry as. Set it, together with password, for images that are not
    /// for everybody, or for the higher limits that an account has.
    username: Option<String>,
    /// Password of the user, or the token that the registry gives out to be used in its place.
    password: Option<Secret>,
    /// Token that is sent as it is. Set it, in place of username and password, for a registry that
    /// wants one as Bearer.
    token: Option<Secret>,
    /// Proxy to reach the registry by: an http://, https:// or socks5:// URL, with user and
    /// password if it wants them. Set it where there is no other way out.
    #[serde(default, deserialize_with = "proxy")]
    proxy: Option<Secret>,
    /// PEM file with authorities that are believed beside those of the system. Set it for a
    /// registry whose certificate is from an authority of your own.
    ca_file: Option<PathBuf>,
    /// Which of several upstreams of one registry is asked first: that with the lowest number. The
    /// first of them that can resolve names the project that all of them share.
    #[serde(default = "default_order")]
    #[schemars(range(min = 0, max = 1_000_000))]
    order: u32,
    /// What the upstream is asked for: resolve, which digest a tag has, and pull, content by its
    /// digest. Without it, what the profile says; leave resolve out for a mirror that lags behind.
    #[serde(default, deserialize_with = "capabilities")]
    #[schemars(with = "Option<Vec<String>>")]
    capabilities: Option<Capabilities>,
    /// Hosts that the upstream may lead to, to private addresses too: host, host:port or *.domain.
    /// Set it when a pull is refused for where its content or its token service is.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    allow_hosts: Vec<HostPattern>,
    /// Names at the upstream that may be pulled, with * for any part of a path component and ** for
    /// any number of components. Without it, all.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    allow: Vec<RepositoryGlob>,
    /// Names at the upstream that are never asked for, even if allow has them.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    deny: Vec<RepositoryGlob>,
    /// Most bytes a second that all downloads from the upstream take together. Set it to leave room
    /// on the line for others.
    #[schemars(range(min = 1024, max = 1_000_000_000_000_i64))]
    bytes_per_second: Option<u64>,
    /// How long a tag is believed before the upstream is asked whether it has moved, in seconds; 0
    /// asks each time. Raise it for a registry that limits how often it is asked.
    #[serde(default = "default_fresh_seconds")]
    #[schemars(range(min = 0, max = 31_536_000))]
    fresh_seconds: u64,
    /// Tags that never move, as regular expressions that match whole tags. Set it so that the
    /// upstream is asked for such a tag only once.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    immutable_tags: Vec<TagPattern>,
    /// How long a tag is answered from what is known while the upstream can not be asked, in days.
    /// Lower it where an old image is worse than none.
    #[serde(default = "default_stale_days")]
    #[schemars(range(min = 0, max = 36_500))]
    stale_days: u64,
    /// Whether the upstream is never asked, so that only what is kept is there.
    #[serde(default)]
    offline: bool,
    /// Whether everybody may pull what is kept, without signing in. Without it, yes if the upstream
    /// is asked without username and token, and otherwise no.
    public: Option<bool>,
    /// Tags at the upstream that are fetched before anybody asks, and kept fresh: repository:tag.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    warm: Vec<WarmImage>,
    /// Platforms that are fetched of the tags in warm, such as linux/arm64/v8. Without it, all.
    #[serde(default, deserialize_with = "text::list")]
    #[schemars(with = "Vec<String>")]
    warm_platforms: Vec<Platform>,
    /// How often the upstream is asked whether the tags in warm have moved, in minutes.
    #[serde(default = "default_warm_minutes")]
    #[schemars(range(min = 1, max = 43_200))]
    warm_minutes: u64,
}

fn default_order() -> u32 {
    100
}

fn default_fresh_seconds() -> u64 {
    300
}

fn default_stale_days() -> u64 {
    30
}

fn default_warm_minutes() -> u64 {
    60
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = upstream_url(&text).map_err(D::Error::custom)?;
    Ok(Some(url))
}

fn proxy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let proxy = Secret::deserialize(deserializer)?;
    check_proxy(proxy.as_ref()).map_err(D::Error::custom)?;
    Ok(Some(proxy))
}

fn capabilities<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Capabilities>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let names = names.iter().map(String::as_str);
    let capabilities = Capabilities::of_names(names).map_err(D::Error::custom)?;
    Ok(Some(capabilities))
}
