use berth_proxy::{UpstreamDocument, UpstreamSecrets};
use berth_registry::sentence;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::document::given;
use super::super::limits::{self, ENTRIES};
use super::super::problem::Problem;
use super::super::texts;

// In characters.
const URL: usize = 2048;
const NAME: usize = 255;
const HOST: usize = 261;
/// Registries give out tokens of several kilobytes.
const SECRET: usize = 16 * 1024;
/// A repository and a tag, each of the greatest length.
const IMAGE: usize = 384;
const PLATFORM: usize = 100;

macro_rules! documents {
    ($($(#[doc = $doc:literal])+ #[schema($($schema:tt)*)] $field:ident: $type:ty,)*) => {
        #[derive(Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = NewUpstream, example = json!({"name": "ghcr", "registry": "ghcr.io"}))]
        pub(crate) struct New {
            #[schema(value_type = texts::ProjectName)]
            pub(crate) name: String,
            $($(#[doc = $doc])+ #[schema($($schema)*)] pub(crate) $field: Option<$type>,)*
        }

        /// What is to be different. What is not given stays; null stands for the default, and for no
        /// secret
        #[derive(Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = UpstreamChange, example = json!({"order": 50, "fresh_seconds": null}))]
        pub(crate) struct Change {
            $($(#[doc = $doc])+
            #[schema($($schema)*)]
            #[serde(default, deserialize_with = "given")]
            pub(crate) $field: Option<Option<$type>>,)*
        }

        impl From<New> for Change {
            fn from(new: New) -> Self {
                Self {
                    $($field: new.$field.map(Some),)*
                }
            }
        }
    };
}

documents! {
    /// What clients call the registry; without it, what the profile or the URL says
    #[schema(value_type = Option<texts::Host>)]
    registry: String,
    /// Where the registry is asked; without it, what the profile or the name of the registry says
    #[schema(value_type = Option<String>, max_length = 2048)]
    url: String,
    /// Kind of the registry; without it, what its host says
    #[schema(value_type = Option<texts::ProfileName>)]
    profile: String,
    /// User to sign in as, with `password`
    #[schema(value_type = Option<String>, max_length = 255)]
    username: String,
    /// Never shown
    #[schema(value_type = Option<String>, max_length = 16384)]
    password: String,
    /// Sent as it is, in place of a user and a password; never shown
    #[schema(value_type = Option<String>, max_length = 16384)]
    token: String,
    /// URL of the proxy to go through, with its user and password if it wants them; never shown
    #[schema(value_type = Option<String>, max_length = 2048)]
    proxy: String,
    /// Of several upstreams of one registry the lowest is asked first
    #[schema(value_type = Option<u32>, maximum = 1000000)]
    order: u32,
    /// What it is asked for; without it, what the profile says
    #[schema(value_type = Option<Vec<texts::CapabilityName>>, min_items = 1, max_items = 100)]
    capabilities: Vec<String>,
    /// Hosts that it may lead to, private addresses too
    #[schema(value_type = Option<Vec<texts::HostPattern>>, max_items = 100)]
    allow_hosts: Vec<String>,
    /// Names at the upstream that may be pulled; without it, all
    #[schema(value_type = Option<Vec<texts::RepositoryGlob>>, max_items = 100)]
    allow: Vec<String>,
    /// Names at the upstream that are never asked for
    #[schema(value_type = Option<Vec<texts::RepositoryGlob>>, max_items = 100)]
    deny: Vec<String>,
    /// The most that all downloads from it take together
    #[schema(value_type = Option<u64>, minimum = 1024, maximum = 1000000000000i64)]
    bytes_per_second: u64,
    /// How long a tag is believed; 300 without it
    #[schema(value_type = Option<u64>, maximum = 31536000)]
    fresh_seconds: u64,
    /// Tags that never move
    #[schema(value_type = Option<Vec<texts::TagPattern>>, max_items = 100)]
    immutable_tags: Vec<String>,
    /// How long a tag is answered from what is known while it can not be asked for; 30 without it
    #[schema(value_type = Option<u64>, maximum = 36500)]
    stale_days: u64,
    /// Whether it is never asked
    #[schema(value_type = Option<bool>)]
    offline: bool,
    /// Whether everybody may pull what is kept; without it, if the upstream is asked without
    /// credentials
    #[schema(value_type = Option<bool>)]
    public: bool,
    /// Tags that are fetched before anybody asks
    #[schema(value_type = Option<Vec<texts::WarmImage>>, max_items = 100)]
    warm: Vec<String>,
    /// Platforms that are fetched of them; without it, all
    #[schema(value_type = Option<Vec<texts::PlatformName>>, max_items = 100)]
    warm_platforms: Vec<String>,
    /// How often it is looked whether they have moved; 60 without it
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 43200)]
    warm_minutes: u64,
}

impl Change {
    pub(super) fn check(&self) -> Result<(), Problem> {
        for (key, text, most) in [
            ("registry", &self.registry, HOST),
            ("url", &self.url, URL),
            ("profile", &self.profile, NAME),
            ("username", &self.username, NAME),
            ("password", &self.password, SECRET),
            ("token", &self.token, SECRET),
            ("proxy", &self.proxy, URL),
        ] {
            if let Some(Some(text)) = text {
                limits::text(key, text, most)?;
            }
        }
        for (key, list, characters) in [
            ("capabilities", &self.capabilities, NAME),
            ("allow_hosts", &self.allow_hosts, HOST),
            ("allow", &self.allow, NAME),
            ("deny", &self.deny, NAME),
            ("immutable_tags", &self.immutable_tags, NAME),
            ("warm", &self.warm, IMAGE),
            ("warm_platforms", &self.warm_platforms, PLATFORM),
        ] {
            if let Some(Some(list)) = list {
                limits::list(key, list, ENTRIES, characters)?;
            }
        }
        self.check_hosts()?;
        for (key, number, range) in [
            (
                "order",
                self.order.map(|order| order.map(u64::from)),
                0..=1_000_000,
            ),
            (
                "bytes_per_second",
                self.bytes_per_second,
                1024..=1_000_000_000_000,
            ),
            ("fresh_seconds", self.fresh_seconds, 0..=365 * 24 * 60 * 60),
            ("stale_days", self.stale_days, 0..=36_500),
            ("warm_minutes", self.warm_minutes, 1..=30 * 24 * 60),
        ] {
            if let Some(Some(number)) = number {
                limits::number(key, number, range)?;
            }
        }
        Ok(())
    }

    fn check_hosts(&self) -> Result<(), Problem> {
        let mut registry = self.registry.iter().flatten();
        if let Some(other) = registry.find(|text| !of_host(text, ".-_:[]")) {
            return Err(Problem::bad_request(sentence!(
                "`registry` is a host, perhaps with a port, and `{other}` is none"
            )));
        }
        let mut hosts = self.allow_hosts.iter().flatten().flatten();
        if let Some(other) = hosts.find(|text| !of_host(text, ".-_:[]*")) {
            return Err(Problem::bad_request(sentence!(
                "`allow_hosts` has hosts, host:port and *.domain, and `{other}` is none of them"
            )));
        }
        Ok(())
    }

    /// Puts what is given into what there was before.
    pub(super) fn apply(self, document: &mut UpstreamDocument, secrets: &mut UpstreamSecrets) {
        // A password belongs to its user, and a token to nobody.
        match &self.username {
            Some(None) => secrets.password = None,
            Some(Some(_)) => secrets.token = None,
            None => {}
        }
        set(&mut document.registry, self.registry);
        set(&mut document.url, self.url);
        set(&mut document.profile, self.profile);
        set(&mut document.username, self.username);
        set(&mut secrets.password, self.password);
        set(&mut secrets.token, self.token);
        set(&mut secrets.proxy, self.proxy);
        set(&mut document.order, self.order);
        set(&mut document.capabilities, self.capabilities);
        set_or_default(&mut document.allow_hosts, self.allow_hosts);
        set_or_default(&mut document.allow, self.allow);
        set_or_default(&mut document.deny, self.deny);
        set(&mut document.bytes_per_second, self.bytes_per_second);
        set(&mut document.fresh_seconds, self.fresh_seconds);
        set_or_default(&mut document.immutable_tags, self.immutable_tags);
        set(&mut document.stale_days, self.stale_days);
        set_or_default(&mut document.offline, self.offline);
        set(&mut document.public, self.public);
        set_or_default(&mut document.warm, self.warm);
        set_or_default(&mut document.warm_platforms, self.warm_platforms);
        set(&mut document.warm_minutes, self.warm_minutes);
    }
}

/// Whether a text has what hosts are written with, and no more.
fn of_host(text: &str, signs: &str) -> bool {
    let sign = |character: char| character.is_ascii_alphanumeric() || signs.contains(character);
    !text.is_empty() && text.chars().all(sign)
}

fn set<T>(target: &mut Option<T>, given: Option<Option<T>>) {
    if let Some(given) = given {
        *target = given;
    }
}

fn set_or_default<T: Default>(target: &mut T, given: Option<Option<T>>) {
    if let Some(given) = given {
        *target = given.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
