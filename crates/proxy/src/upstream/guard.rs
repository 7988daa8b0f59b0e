//! Where an upstream may send us, and whom it may have its credentials shown to.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use berth_registry::sentence;
use reqwest::Url;

use crate::settings::{Profile, UpstreamSettings};

mod address;
mod allowed;
mod owner;
mod resolver;

use allowed::AllowedHosts;
pub(super) use resolver::{GuardedResolver, PrivateName};

/// Knows the host of one upstream, and so what lies inside and outside of it.
///
/// Names are judged twice: here by what they say, and by the resolver, at each connection, by where
/// they lead; so a name that leads elsewhere the second time gains nothing.
pub(super) struct Guard {
    home: Url,
    profile: Profile,
    allowed: AllowedHosts,
    /// Hosts of HTTP and SOCKS proxies, which we are told to connect to and upstreams must not.
    proxies: Vec<String>,
    /// Whether the upstream itself has been met in a network of its own.
    met_private: AtomicBool,
    /// Whether it has ever been met outside: then it does not move in by changing its address.
    met_public: AtomicBool,
}

impl Guard {
    pub(super) fn new(settings: &UpstreamSettings, proxies: Vec<String>) -> Self {
        let private = literal(&settings.url).map(address::private);
        Self {
            home: settings.url.clone(),
            profile: settings.profile,
            allowed: AllowedHosts::new(&settings.allow_hosts),
            proxies,
            met_private: AtomicBool::new(private == Some(true)),
            met_public: AtomicBool::new(private == Some(false)),
        }
    }

    /// Whether a redirection, or a challenge, may lead to a URL at all.
    pub(super) fn follow(&self, target: &Url) -> Result<(), Refusal> {
        match target.scheme() {
            "https" => {}
            "http" if self.home.scheme() == "http" => {}
            "http" => return Err(Refusal::Plain),
            _ => return Err(Refusal::Scheme),
        }
        let host = target.host_str().ok_or(Refusal::Scheme)?;
        if self.at_home(host) || self.allowed.url(target) {
            return Ok(());
        }
        // Named for another port: what else listens there is not meant.
        if self.allowed.host(host) || self.proxies.iter().any(|proxy| proxy == host) {
            return Err(Refusal::Private);
        }
        match literal(target) {
            Some(address) if address::private(address) && !self.home_is_private() => {
                Err(Refusal::Private)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the credentials may be shown to a token service.
    pub(super) fn trust(&self, realm: &Url) -> Result<(), Refusal> {
        let (Some(host), Some(home)) = (realm.host_str(), self.home.host_str()) else {
            return Err(Refusal::Scheme);
        };
        let literals = literal(realm).is_some() || literal(&self.home).is_some();
        let trusted = self.at_home(host)
            || self.allowed.url(realm)
            || (loopback(realm) && loopback(&self.home))
            || (!literals && owner::same_owner(host, home))
            || owner::known_realm(self.profile, host);
        trusted.then_some(()).ok_or(Refusal::Realm)
    }

    fn at_home(&self, host: &str) -> bool {
        self.home.host_str() == Some(host)
    }

    fn home_is_private(&self) -> bool {
        self.met_private.load(Ordering::Relaxed) && !self.met_public.load(Ordering::Relaxed)
    }

    fn meet(&self, addresses: &[IpAddr]) {
        for address in addresses {
            let met = if address::private(*address) {
                &self.met_private
            } else {
                &self.met_public
            };
            met.store(true, Ordering::Relaxed);
        }
    }

    /// The addresses of those that a name leads to which may be connected to.
    fn admit(&self, name: &str, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        let mut admitted =
            self.allowed.host(name) || self.proxies.iter().any(|proxy| proxy == name);
        if self.at_home(name) {
            self.meet(&addresses);
            // With TLS, whoever answers in its place proves nothing.
            admitted |= self.home.scheme() == "https";
        }
        if admitted || self.home_is_private() {
            return addresses;
        }
        let public = |address: &IpAddr| !address::private(*address);
        addresses.into_iter().filter(public).collect()
    }
}

/// The address that a URL has for a host, if that is one.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_matches(['[', ']']).parse().ok()
}

/// Whether a URL is of this machine.
pub(super) fn loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || literal(url).is_some_and(address::loopback)
}

/// Why an upstream may not lead to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Plain,
    Scheme,
    Private,
    Realm,
    Page,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => sentence("which would go on without TLS"),
            Self::Scheme => sentence("which is no URL of HTTP"),
            Self::Private => sentence(
                "which is in a network of its own: name it in `allow_hosts` if it is meant",
            ),
            Self::Realm => sentence(
                "whose owner is not that of the registry: name it in `allow_hosts` to show it the \
                 credentials",
            ),
            Self::Page => sentence("and the pages of a list are at one host"),
        })
    }
}

#[cfg(test)]
mod tests;
