//! Who is believed when a request tells where it came from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use berth_registry::http::{Client, Scheme};
use http::header::HOST;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::authority::Authority;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies whose word about their clients is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Arc<[IpNet]>);

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) address: IpAddr,
    pub(super) scheme: Scheme,
    /// Whether it is a proxy, whose requests are those of others.
    pub(super) proxy: bool,
}

impl TrustedProxies {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// What is known of the client of a request.
    pub(super) fn client(&self, origin: &Origin, request: &Request) -> Client {
        let headers = request.headers();
        let client = Client {
            address: origin.address,
            scheme: origin.scheme,
            host: asked_host(request),
        };
        if !origin.proxy {
            return client;
        }
        Client {
            address: self.forwarded_for(origin.address, headers),
            scheme: forwarded_scheme(headers).unwrap_or(client.scheme),
            host: forwarded_host(headers).or(client.host),
        }
    }

    /// Walks from the last proxy to the first address that is none.
    fn forwarded_for(&self, last: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = last;
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for entry in line.as_bytes().rsplit(|&byte| byte == b',') {
                // What stands before the word of one who is no proxy may be made up.
                if !self.contains(address) {
                    return address;
                }
                match forwarded_address(entry) {
                    Some(before) => address = before,
                    None => return address,
                }
            }
        }
        address
    }
}

/// An address as proxies write it: some add the port, and brackets around IPv6.
fn forwarded_address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim();
    let with_port = || text.parse().map(|address: SocketAddr| address.ip()).ok();
    let in_brackets = || {
        let address: Ipv6Addr = text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
        Some(IpAddr::V6(address))
    };
    let address = text.parse().ok().or_else(with_port).or_else(in_brackets);
    address.map(|address: IpAddr| address.to_canonical())
}

fn forwarded_scheme(headers: &HeaderMap) -> Option<Scheme> {
    let text = last_word(headers, FORWARDED_PROTO)?;
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
}

fn forwarded_host(headers: &HeaderMap) -> Option<String> {
    let authority = Authority::parse(last_word(headers, FORWARDED_HOST)?);
    authority.map(String::from)
}

/// What the nearest proxy said, where each may have added to a list.
fn last_word(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back()?;
    line.to_str().ok()?.rsplit(',').next().map(str::trim)
}

fn asked_host(request: &Request) -> Option<String> {
    let authority = match request.uri().authority() {
        // HTTP/2's :authority, or a whole URL in the request line, which wins over the header:
        // RFC 9112, section 3.2.2.
        Some(authority) => authority.as_str(),
        None => {
            let mut hosts = request.headers().get_all(HOST).iter();
            let (host, None) = (hosts.next()?, hosts.next()) else {
                return None;
            };
            host.to_str().ok()?
        }
    };
    Authority::parse(authority).map(String::from)
}

#[cfg(test)]
mod tests;
