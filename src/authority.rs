use std::fmt;
use std::net::Ipv6Addr;

use schemars::JsonSchema;
use serde::Deserialize;

/// As long as a name of the DNS with a port can be.
const MOST_BYTES: usize = 253 + ":65535".len();

/// A host, with its port if it has one, as it stands in a URL; in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(crate) struct Authority(String);

impl Authority {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let end = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + "[]".len(),
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, port) = text.split_at(end);
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        (port_fits && is_host(host) && text.len() <= MOST_BYTES)
            .then(|| Self(text.to_ascii_lowercase()))
    }
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        // The underscore is in names that Compose gives.
        None => {
            let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !text.is_empty() && text.bytes().all(in_names)
        }
    }
}

fn is_port(text: &str) -> bool {
    // `parse` takes a sign too.
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

impl From<Authority> for String {
    fn from(authority: Authority) -> Self {
        authority.0
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Authority {
    type Error = InvalidAuthority;

    fn try_from(text: String) -> Result<Self, InvalidAuthority> {
        Self::parse(&text).ok_or(InvalidAuthority(text))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host: write registry.example.com, or with a port registry.example.com:8443"
)]
pub(crate) struct InvalidAuthority(String);

#[cfg(test)]
mod tests;
