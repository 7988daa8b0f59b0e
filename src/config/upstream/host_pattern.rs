use std::str::FromStr;

use crate::authority::Authority;

/// `host`, `host:port` or `*.domain`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPattern(String);

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.0
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, InvalidHostPattern> {
        let host = match text.strip_prefix("*.") {
            Some(domain) if domain.contains(':') => None,
            Some(domain) => Authority::parse(domain),
            None => Authority::parse(text),
        };
        match host {
            Some(_) => Ok(Self(text.to_ascii_lowercase())),
            None => Err(InvalidHostPattern(text.to_owned())),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host: write cdn.example.com, cdn.example.com:8443 or *.example.com")]
pub(super) struct InvalidHostPattern(String);
