//! The settings of an upstream in a form, one text for each.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;

use super::super::form::filled;
use super::super::lines;
use crate::api::problem::Problem;
use crate::api::upstreams::{Change, New, Upstream};

/// What a form has sent. A field that it lacks stays as it is; one that is empty stands for the
/// default, but that of a secret stays too, since it is never shown.
#[derive(Deserialize)]
pub(crate) struct Settings {
    name: Option<String>,
    registry: Option<String>,
    url: Option<String>,
    profile: Option<String>,
    username: Option<String>,
    password: Option<String>,
    token: Option<String>,
    /// Sent if the token is to go.
    no_token: Option<String>,
    proxy: Option<String>,
    no_proxy: Option<String>,
    order: Option<String>,
    /// With a blank between them.
    capabilities: Option<String>,
    allow_hosts: Option<String>,
    allow: Option<String>,
    deny: Option<String>,
    bytes_per_second: Option<String>,
    fresh_seconds: Option<String>,
    immutable_tags: Option<String>,
    stale_days: Option<String>,
    offline: Option<String>,
    public: Option<String>,
    warm: Option<String>,
    warm_platforms: Option<String>,
    warm_minutes: Option<String>,
}

/// What fields begin with: nothing in those of a new upstream.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) registry: String,
    pub(super) url: String,
    pub(super) profile: String,
    pub(super) username: String,
    pub(super) has_password: bool,
    pub(super) has_token: bool,
    pub(super) has_proxy: bool,
    pub(super) order: String,
    pub(super) capabilities: String,
    pub(super) allow_hosts: String,
    pub(super) allow: String,
    pub(super) deny: String,
    pub(super) bytes_per_second: String,
    pub(super) fresh_seconds: String,
    pub(super) immutable_tags: String,
    pub(super) stale_days: String,
    pub(super) offline: bool,
    pub(super) warm: String,
    pub(super) warm_platforms: String,
    pub(super) warm_minutes: String,
}

impl Fields {
    pub(super) fn of(upstream: &Upstream) -> Self {
        Self {
            registry: upstream.registry.clone(),
            url: upstream.url.clone(),
            profile: upstream.profile.clone(),
            username: upstream.username.clone().unwrap_or_default(),
            has_password: upstream.has_password,
            has_token: upstream.has_token,
            has_proxy: upstream.has_proxy,
            order: upstream.order.to_string(),
            capabilities: upstream.capabilities.join(" "),
            allow_hosts: lines::text(&upstream.allow_hosts),
            allow: lines::text(&upstream.allow),
            deny: lines::text(&upstream.deny),
            bytes_per_second: upstream
                .bytes_per_second
                .map(|rate| rate.to_string())
                .unwrap_or_default(),
            fresh_seconds: upstream.fresh_seconds.to_string(),
            immutable_tags: lines::text(&upstream.immutable_tags),
            stale_days: upstream.stale_days.to_string(),
            offline: upstream.offline,
            warm: lines::text(&upstream.warm),
            warm_platforms: lines::text(&upstream.warm_platforms),
            warm_minutes: upstream.warm_minutes.to_string(),
        }
    }
}

impl Settings {
    pub(super) fn name(&self) -> String {
        text(&self.name).flatten().unwrap_or_default()
    }

    pub(super) fn new_upstream(&self) -> Result<New, Problem> {
        Ok(New {
            name: self.name(),
            registry: text(&self.registry).flatten(),
            url: text(&self.url).flatten(),
            profile: text(&self.profile).flatten(),
            username: text(&self.username).flatten(),
            password: secret(&self.password).flatten(),
            token: secret(&self.token).flatten(),
            proxy: secret(&self.proxy).flatten(),
            order: number("order", &self.order)?.flatten(),
            capabilities: words(&self.capabilities).flatten(),
            allow_hosts: list(&self.allow_hosts).flatten(),
            allow: list(&self.allow).flatten(),
            deny: list(&self.deny).flatten(),
            bytes_per_second: number("bytes_per_second", &self.bytes_per_second)?.flatten(),
            fresh_seconds: number("fresh_seconds", &self.fresh_seconds)?.flatten(),
            immutable_tags: list(&self.immutable_tags).flatten(),
            stale_days: number("stale_days", &self.stale_days)?.flatten(),
            offline: yes_or_no(&self.offline).flatten(),
            public: yes_or_no(&self.public).flatten(),
            warm: list(&self.warm).flatten(),
            warm_platforms: list(&self.warm_platforms).flatten(),
            warm_minutes: number("warm_minutes", &self.warm_minutes)?.flatten(),
        })
    }

    /// What of it is not as it was. A default that was left alone is not sent: it may be another one
    /// with other settings.
    pub(super) fn change(&self, was: &Upstream) -> Result<Change, Problem> {
        let cleared = |box_ticked: &Option<String>| box_ticked.is_some().then_some(None);
        let set = |text: &String| Some(text.clone());
        Ok(Change {
            registry: changed(text(&self.registry), &set(&was.registry)),
            url: changed(text(&self.url), &set(&was.url)),
            profile: changed(text(&self.profile), &set(&was.profile)),
            username: changed(text(&self.username), &was.username),
            password: secret(&self.password),
            token: secret(&self.token).or(cleared(&self.no_token)),
            proxy: secret(&self.proxy).or(cleared(&self.no_proxy)),
            order: changed(number("order", &self.order)?, &Some(was.order)),
            capabilities: changed(words(&self.capabilities), &Some(was.capabilities.clone())),
            allow_hosts: changed(list(&self.allow_hosts), &entries(&was.allow_hosts)),
            allow: changed(list(&self.allow), &entries(&was.allow)),
            deny: changed(list(&self.deny), &entries(&was.deny)),
            bytes_per_second: changed(
                number("bytes_per_second", &self.bytes_per_second)?,
                &was.bytes_per_second,
            ),
            fresh_seconds: changed(
                number("fresh_seconds", &self.fresh_seconds)?,
                &Some(was.fresh_seconds),
            ),
            immutable_tags: changed(list(&self.immutable_tags), &entries(&was.immutable_tags)),
            stale_days: changed(
                number("stale_days", &self.stale_days)?,
                &Some(was.stale_days),
            ),
            offline: changed(yes_or_no(&self.offline), &Some(was.offline)),
            // It counts when the project is made; from then on that says it.
            public: None,
            warm: changed(list(&self.warm), &entries(&was.warm)),
            warm_platforms: changed(list(&self.warm_platforms), &entries(&was.warm_platforms)),
            warm_minutes: changed(
                number("warm_minutes", &self.warm_minutes)?,
                &Some(was.warm_minutes),
            ),
        })
    }
}

/// A value of a change: nothing if the field was not sent, and then nothing for the default.
type Sent<T> = Option<Option<T>>;

fn changed<T: PartialEq>(sent: Sent<T>, was: &Option<T>) -> Sent<T> {
    sent.filter(|sent| sent != was)
}

fn text(sent: &Option<String>) -> Sent<String> {
    Some(filled(sent.as_ref()?))
}

/// As it was written: a blank may be of a password.
fn secret(sent: &Option<String>) -> Sent<String> {
    let secret = sent.clone().filter(|text| !text.is_empty());
    secret.map(Some)
}

fn number<N: FromStr<Err: Display>>(key: &str, sent: &Option<String>) -> Result<Sent<N>, Problem> {
    let Some(text) = text(sent) else {
        return Ok(None);
    };
    let number = text.map(|text| text.parse()).transpose();
    let number = number.map_err(|error| Problem::bad_request(format_args!("`{key}`: {error}")));
    number.map(Some)
}

fn list(sent: &Option<String>) -> Sent<Vec<String>> {
    Some(entries(&lines::read(sent.as_ref()?)))
}

/// The default of lists is that there is nothing in them.
fn entries(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn words(sent: &Option<String>) -> Sent<Vec<String>> {
    let words = sent.as_ref()?.split_whitespace();
    let words: Vec<_> = words.map(str::to_owned).collect();
    Some(entries(&words))
}

fn yes_or_no(sent: &Option<String>) -> Sent<bool> {
    Some(match sent.as_deref()? {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
