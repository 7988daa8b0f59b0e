use std::fmt;

use berth_registry::http::Scheme;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::authority::Authority;

/// Where clients reach Berth: scheme, host and port, with no slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct PublicUrl {
    scheme: Scheme,
    authority: Authority,
}

impl PublicUrl {
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = InvalidPublicUrl;

    fn try_from(url: String) -> Result<Self, InvalidPublicUrl> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(_) | None => return Err(InvalidPublicUrl::Scheme),
        };
        if rest.contains('@') {
            return Err(InvalidPublicUrl::User);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(InvalidPublicUrl::Path);
        }
        match Authority::parse(authority) {
            Some(authority) => Ok(Self { scheme, authority }),
            None => Err(InvalidPublicUrl::Host),
        }
    }
}

/// None of the messages repeats the URL, since one with a user holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPublicUrl {
    #[error(
        "begins neither with https:// nor with http://: write https://registry.example.com, with \
         the port behind it if it is not the usual one"
    )]
    Scheme,
    #[error("holds a user, whom no client would be: write https://registry.example.com")]
    User,
    #[error(
        "has a path or parameters, but the registry is at the root of its host: write \
         https://registry.example.com"
    )]
    Path,
    #[error(
        "names no host that clients could reach: write https://registry.example.com, with the \
         port behind it if it is not the usual one"
    )]
    Host,
}

#[cfg(test)]
mod tests;
