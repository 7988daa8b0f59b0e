use std::time::Duration;

use berth_oci::{InvalidName, ProjectName};
use berth_registry::auth::{InvalidGlob, RepositoryGlob};
use serde::{Deserialize, Serialize};

use super::{
    Capabilities, Credentials, GroupSettings, InvalidSettings, Profile, Secret, UpstreamSettings,
    WarmSettings, check_proxy, tag_pattern, tag_pattern_text, upstream_url,
};

const DEFAULT_ORDER: u32 = 100;
const DEFAULT_FRESH_SECONDS: u64 = 300;
const DEFAULT_STALE_DAYS: u64 = 30;
const DEFAULT_WARM_MINUTES: u64 = 60;

/// The settings of an upstream as the API takes and keeps them: texts, and nothing where the default
/// is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamDocument {
    pub registry: Option<String>,
    pub url: Option<String>,
    pub profile: Option<String>,
    pub username: Option<String>,
    pub order: Option<u32>,
    pub capabilities: Option<Vec<String>>,
    pub allow_hosts: Vec<String>,
    pub allow: Vec<String>,
    pub deny: Vec<String>,
    pub bytes_per_second: Option<u64>,
    pub fresh_seconds: Option<u64>,
    pub immutable_tags: Vec<String>,
    pub stale_days: Option<u64>,
    pub offline: bool,
    pub public: Option<bool>,
    pub warm: Vec<String>,
    pub warm_platforms: Vec<String>,
    pub warm_minutes: Option<u64>,
}

/// What of the settings is secret; nothing where there is none.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamSecrets {
    pub password: Option<String>,
    pub token: Option<String>,
    pub proxy: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupDocument {
    pub members: Vec<String>,
    pub push: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidDocument {
    #[error("`{key}` {source}")]
    Setting {
        key: &'static str,
        source: InvalidSettings,
    },
    #[error("`{key}`: {source}")]
    Glob {
        key: &'static str,
        source: InvalidGlob,
    },
    #[error("`{key}`: {source}")]
    Name {
        key: &'static str,
        source: InvalidName,
    },
    #[error("give `registry`, `url` or a `profile` that knows them")]
    NoRegistry,
    #[error("`{given}` is given, and `{missing}` is missing")]
    Incomplete {
        given: &'static str,
        missing: &'static str,
    },
    #[error("give `username` and `password`, or `token`, and not both")]
    TwoCredentials,
    #[error("a group has members")]
    NoMembers,
    #[error("`push` names {0}, which is no member")]
    NoMember(ProjectName),
}

impl UpstreamDocument {
    /// What is shown of settings: none of their secrets.
    pub(crate) fn of(settings: &UpstreamSettings) -> Self {
        let texts = |globs: &[RepositoryGlob]| globs.iter().map(ToString::to_string).collect();
        let Capabilities { resolve, pull } = settings.capabilities;
        let capabilities = [("resolve", resolve), ("pull", pull)];
        let capabilities = capabilities.iter().filter(|(_, given)| *given);
        Self {
            registry: Some(settings.registry.clone()),
            url: Some(settings.url.to_string()),
            profile: Some(settings.profile.as_str().to_owned()),
            username: match &settings.credentials {
                Credentials::Password { username, .. } => Some(username.clone()),
                Credentials::None | Credentials::Bearer(_) => None,
            },
            order: Some(settings.order),
            capabilities: Some(capabilities.map(|(name, _)| (*name).to_owned()).collect()),
            allow_hosts: settings.allow_hosts.clone(),
            allow: texts(&settings.allow),
            deny: texts(&settings.deny),
            bytes_per_second: settings.bytes_per_second,
            fresh_seconds: Some(settings.fresh.as_secs()),
            immutable_tags: settings
                .immutable_tags
                .iter()
                .map(|pattern| tag_pattern_text(pattern).to_owned())
                .collect(),
            stale_days: Some(settings.stale.as_secs() / (24 * 60 * 60)),
            offline: settings.offline,
            public: Some(settings.public),
            warm: settings
                .warm
                .images
                .iter()
                .map(ToString::to_string)
                .collect(),
            warm_platforms: settings
                .warm
                .platforms
                .iter()
                .map(ToString::to_string)
                .collect(),
            warm_minutes: Some(settings.warm.every.as_secs() / 60),
        }
    }

    pub fn read(
        &self,
        name: ProjectName,
        secrets: &UpstreamSecrets,
    ) -> Result<UpstreamSettings, InvalidDocument> {
        let setting = |key| move |source| InvalidDocument::Setting { key, source };
        let given_host = self
            .url
            .as_deref()
            .and_then(|url| upstream_url(url).ok()?.host_str().map(str::to_owned));
        let profile = match &self.profile {
            Some(profile) => profile.parse().map_err(setting("profile"))?,
            None => {
                let host = given_host.as_deref().or(self.registry.as_deref());
                host.map_or(Profile::Generic, Profile::of_host)
            }
        };
        let registry = self
            .registry
            .clone()
            .or_else(|| profile.registry().map(str::to_owned))
            .or(given_host)
            .ok_or(InvalidDocument::NoRegistry)?;
        let url = match (&self.url, profile.url()) {
            (Some(url), _) => url.clone(),
            (None, Some(url)) => url.to_owned(),
            (None, None) => format!("https://{registry}"),
        };
        let credentials = self.credentials(secrets)?;
        if let Some(proxy) = &secrets.proxy {
            check_proxy(proxy).map_err(setting("proxy"))?;
        }
        let capabilities = match &self.capabilities {
            Some(names) => Capabilities::of_names(names.iter().map(String::as_str))
                .map_err(setting("capabilities"))?,
            None => profile.capabilities(),
        };
        let patterns = self.immutable_tags.iter().map(|text| tag_pattern(text));
        let images = self.warm.iter().map(|text| text.parse());
        let platforms = self.warm_platforms.iter().map(|text| text.parse());
        Ok(UpstreamSettings {
            name,
            registry,
            url: upstream_url(&url).map_err(setting("url"))?,
            profile,
            public: self
                .public
                .unwrap_or(matches!(credentials, Credentials::None)),
            credentials,
            order: self.order.unwrap_or(DEFAULT_ORDER),
            capabilities,
            proxy: secrets.proxy.clone().map(Secret::new),
            ca_file: None,
            allow_hosts: self.allow_hosts.clone(),
            allow: globs("allow", &self.allow)?,
            deny: globs("deny", &self.deny)?,
            bytes_per_second: self.bytes_per_second,
            fresh: Duration::from_secs(self.fresh_seconds.unwrap_or(DEFAULT_FRESH_SECONDS)),
            immutable_tags: patterns
                .collect::<Result<_, _>>()
                .map_err(setting("immutable_tags"))?,
            stale: days(self.stale_days.unwrap_or(DEFAULT_STALE_DAYS)),
            offline: self.offline,
            warm: WarmSettings {
                images: images.collect::<Result<_, _>>().map_err(setting("warm"))?,
                platforms: platforms
                    .collect::<Result<_, _>>()
                    .map_err(setting("warm_platforms"))?,
                every: minutes(self.warm_minutes.unwrap_or(DEFAULT_WARM_MINUTES)),
            },
        })
    }

    fn credentials(&self, secrets: &UpstreamSecrets) -> Result<Credentials, InvalidDocument> {
        let incomplete = |given, missing| Err(InvalidDocument::Incomplete { given, missing });
        match (&self.username, &secrets.password, &secrets.token) {
            (None, None, None) => Ok(Credentials::None),
            (None, None, Some(token)) => Ok(Credentials::Bearer(Secret::new(token))),
            (Some(username), Some(password), None) => Ok(Credentials::Password {
                username: username.clone(),
                password: Secret::new(password),
            }),
            (Some(_), None, None) => incomplete("username", "password"),
            (None, Some(_), None) => incomplete("password", "username"),
            (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => {
                Err(InvalidDocument::TwoCredentials)
            }
        }
    }
}

impl GroupDocument {
    pub(crate) fn of(settings: &GroupSettings) -> Self {
        Self {
            members: settings.members.iter().map(ToString::to_string).collect(),
            push: settings.push.as_ref().map(ToString::to_string),
        }
    }

    pub fn read(&self, name: ProjectName) -> Result<GroupSettings, InvalidDocument> {
        let named = |key| move |source| InvalidDocument::Name { key, source };
        let members = self.members.iter().map(|member| member.parse());
        let members: Vec<ProjectName> = members
            .collect::<Result<_, _>>()
            .map_err(named("members"))?;
        if members.is_empty() {
            return Err(InvalidDocument::NoMembers);
        }
        let push = self.push.as_ref().map(|member| member.parse());
        let push: Option<ProjectName> = push.transpose().map_err(named("push"))?;
        if let Some(push) = push.as_ref().filter(|push| !members.contains(push)) {
            return Err(InvalidDocument::NoMember(push.clone()));
        }
        Ok(GroupSettings {
            name,
            members,
            push,
        })
    }
}

fn globs(key: &'static str, texts: &[String]) -> Result<Vec<RepositoryGlob>, InvalidDocument> {
    let globs = texts.iter().map(|text| text.parse());
    globs
        .collect::<Result<_, _>>()
        .map_err(|source| InvalidDocument::Glob { key, source })
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(24 * 60 * 60))
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes.max(1).saturating_mul(60))
}
