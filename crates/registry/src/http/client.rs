use std::fmt;
use std::net::IpAddr;

/// Who sent a request, and how it came: an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Of the client itself, also when a trusted proxy passed the request on.
    pub address: IpAddr,
    /// What the client spoke, also when a trusted proxy ended TLS.
    pub scheme: Scheme,
    /// The host that the client asked, with its port if it named one, in lower case; `None` when it
    /// named none that could be a host.
    pub host: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
