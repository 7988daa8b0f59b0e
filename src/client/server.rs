use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Where a registry is: scheme, host and port, and nothing else of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Server(Url);

impl Server {
    /// Where `berth serve` listens without a configuration.
    const DEFAULT: &str = "http://127.0.0.1:5000";

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether what is sent stays on this machine.
    pub(crate) fn loopback(&self) -> bool {
        loopback(&self.0)
    }

    /// Refuses a server to which a secret would travel where others can read it.
    pub(crate) fn require_private(&self, insecure: bool) -> Result<(), Plain> {
        if insecure || self.loopback() || self.0.scheme() == "https" {
            Ok(())
        } else {
            Err(Plain(self.clone()))
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self(Url::parse(Self::DEFAULT).expect("it is a URL"))
    }
}

fn loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

impl FromStr for Server {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        let parse = |text: &str| Url::parse(text).map_err(|_| InvalidServer::NotAServer);
        let url = if text.contains("://") {
            parse(text)?
        } else {
            let https = parse(&format!("https://{text}"))?;
            if loopback(&https) {
                parse(&format!("http://{text}"))?
            } else {
                https
            }
        };
        if !matches!(url.scheme(), "http" | "https") {
            Err(InvalidServer::Scheme)
        } else if !url.username().is_empty() || url.password().is_some() {
            Err(InvalidServer::Credential)
        } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            Err(InvalidServer::Path)
        } else {
            Ok(Self(url))
        }
    }
}

impl TryFrom<String> for Server {
    type Error = InvalidServer;

    fn try_from(text: String) -> Result<Self, InvalidServer> {
        text.parse()
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.to_string()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// None of the messages repeats the text, since somebody may have written a password into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidServer {
    #[error("a server is written host, host:port or https://host:port, with an IPv6 address in []")]
    NotAServer,
    #[error("a server is spoken to over https or http")]
    Scheme,
    #[error("a server is written without user and password: give the user with -u")]
    Credential,
    #[error("a server is written without a path: https://host:port is all")]
    Path,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "{0} would be sent the secret where others can read it: use https, or give `berth login` \
     --insecure if the network is trusted"
)]
pub(crate) struct Plain(Server);

#[cfg(test)]
mod tests;
