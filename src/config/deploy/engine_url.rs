use std::fmt;
use std::str::FromStr;

use crate::authority::Authority;

/// Where a Docker engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EngineUrl {
    /// The absolute path of a socket.
    Unix(String),
    /// With a port.
    Tcp(Authority),
    Http(Authority),
}

impl fmt::Display for EngineUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{path}"),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Http(authority) => write!(f, "http://{authority}"),
        }
    }
}

impl FromStr for EngineUrl {
    type Err = InvalidEngineUrl;

    fn from_str(url: &str) -> Result<Self, InvalidEngineUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidEngineUrl::NoScheme)?;
        match scheme {
            "unix" => {
                let whole = rest.starts_with('/') && !rest.ends_with('/');
                let path = whole.then(|| rest.to_owned());
                path.map(Self::Unix).ok_or(InvalidEngineUrl::Path)
            }
            "tcp" => authority(rest).map(Self::Tcp),
            "http" => authority(rest).map(Self::Http),
            _ => Err(InvalidEngineUrl::Scheme(scheme.to_owned())),
        }
    }
}

/// Docker has no port of its own for all that it can listen on, so none is made up.
fn authority(text: &str) -> Result<Authority, InvalidEngineUrl> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let port = text.rsplit_once(':').map(|(_, port)| port);
    let with_port = port.is_some_and(|port| !port.is_empty() && !port.ends_with(']'));
    Authority::parse(text)
        .filter(|_| with_port)
        .ok_or(InvalidEngineUrl::Host)
}

/// None of the messages repeats the URL, since one with a user would hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidEngineUrl {
    #[error(
        "is not the URL of an engine: write unix:///var/run/docker.sock, tcp://10.0.0.7:2376 or \
         http://127.0.0.1:2375"
    )]
    NoScheme,
    #[error(
        "does not take `{0}:`: write unix:///var/run/docker.sock, tcp://10.0.0.7:2376 or \
         http://127.0.0.1:2375"
    )]
    Scheme(String),
    #[error("names no socket by its whole path: write unix:///var/run/docker.sock")]
    Path,
    #[error("is not a host with its port and nothing behind it: write tcp://10.0.0.7:2376")]
    Host,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_at_a_socket_or_at_a_host_and_port() {
        for url in [
            "unix:///var/run/docker.sock",
            "tcp://10.0.0.7:2376",
            "tcp://[::1]:2376",
            "http://socket-proxy:2375",
        ] {
            assert_eq!(url.parse::<EngineUrl>().unwrap().to_string(), url);
        }
        let slash: EngineUrl = "tcp://Engine:2376/".parse().unwrap();
        assert_eq!(slash.to_string(), "tcp://engine:2376");
    }

    #[test]
    fn what_is_no_engine_is_refused_and_no_password_repeated() {
        let cases = [
            ("/var/run/docker.sock", "is not the URL of an engine"),
            ("ssh://me:hunter2@host", "does not take `ssh:`"),
            ("https://engine:2376", "does not take `https:`"),
            ("unix://docker.sock", "by its whole path"),
            ("unix://", "by its whole path"),
            ("tcp://engine", "a host with its port"),
            ("tcp://engine:", "a host with its port"),
            ("tcp://[::1]", "a host with its port"),
            ("tcp://me:hunter2@engine:2376", "a host with its port"),
            ("http://engine:2375/v1.41", "nothing behind it"),
        ];
        for (url, expected) in cases {
            let said = url.parse::<EngineUrl>().unwrap_err().to_string();
            assert!(said.contains(expected), "{url}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
