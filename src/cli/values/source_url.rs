use std::ffi::OsStr;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use reqwest::Url;

/// Where a registry is that is copied from: `host`, `host:port` or a URL, perhaps with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceUrl {
    url: Url,
    /// Whether the scheme was written, and not guessed.
    written: bool,
}

impl SourceUrl {
    /// The URL to ask. Without a scheme it is https, but for loopback addresses.
    pub(crate) fn url(&self, plain_http: bool) -> Result<Url, Contradiction> {
        let mut url = self.url.clone();
        if plain_http && url.scheme() == "https" {
            if self.written {
                return Err(Contradiction);
            }
            url.set_scheme("http")
                .expect("http takes the place of https");
        }
        Ok(url)
    }

    /// Whether what is sent stays on this machine.
    pub(crate) fn loopback(&self) -> bool {
        loopback(&self.url)
    }
}

fn loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

impl FromStr for SourceUrl {
    type Err = InvalidSourceUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSourceUrl> {
        let written = text.contains("://");
        let parse = |text: &str| text.parse::<Url>().map_err(|_| InvalidSourceUrl::NoUrl);
        let mut url = if written {
            parse(text)?
        } else {
            let https = parse(&format!("https://{text}"))?;
            if loopback(&https) {
                parse(&format!("http://{text}"))?
            } else {
                https
            }
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(InvalidSourceUrl::NoUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidSourceUrl::Credential);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidSourceUrl::Query);
        }
        let path = url.path().trim_end_matches('/');
        // Where people copy the address from has it.
        let path = path.strip_suffix("/v2").unwrap_or(path).to_owned();
        url.set_path(&path);
        Ok(Self { url, written })
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// None of the messages repeats the text, since somebody may have written a password into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidSourceUrl {
    #[error("a registry is written host, host:port or https://host, with a path if it has one")]
    NoUrl,
    #[error("a registry is written without user and password: give the user with --username")]
    Credential,
    #[error("a registry is written without parameters and fragments")]
    Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--plain-http and https:// contradict each other: leave one of them out")]
pub(crate) struct Contradiction;

/// Reads a URL as clap would, but repeats nothing of one that is refused.
#[derive(Clone)]
pub(crate) struct SourceUrlParser;

impl TypedValueParser for SourceUrlParser {
    type Value = SourceUrl;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<SourceUrl, Error> {
        value.to_string_lossy().parse().map_err(|error| {
            let error: InvalidSourceUrl = error;
            command
                .clone()
                .error(ErrorKind::ValueValidation, error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SourceUrl;

    #[test]
    fn a_registry_without_a_scheme_is_asked_over_https_unless_it_is_on_this_machine() {
        let cases = [
            ("harbor.example.com", false, "https://harbor.example.com/"),
            ("harbor.example.com", true, "http://harbor.example.com/"),
            ("localhost:5000", false, "http://localhost:5000/"),
            ("[::1]:5000", false, "http://[::1]:5000/"),
            (
                "http://nexus:8082/repository/docker/",
                false,
                "http://nexus:8082/repository/docker",
            ),
            ("https://zot/v2/", false, "https://zot/"),
        ];
        for (text, plain, expected) in cases {
            let source: SourceUrl = text.parse().expect(text);
            assert_eq!(source.url(plain).expect(text).as_str(), expected);
        }
        let source: SourceUrl = "https://zot".parse().expect("a registry");
        assert!(source.url(true).is_err());
    }

    #[test]
    fn what_is_no_registry_is_refused_and_not_repeated() {
        for text in [
            "",
            "ftp://host",
            "https://ann:hunter2@host",
            "host?a=hunter2",
            "a b",
        ] {
            let refused = text.parse::<SourceUrl>().expect_err(text).to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
