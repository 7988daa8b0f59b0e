use std::fmt;
use std::sync::Arc;

use berth_registry::sentence;
use reqwest::Url;

/// What was asked of which host, as a message tells it: without queries, users and secrets.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    host: Arc<str>,
    subject: Arc<str>,
}

impl Asked {
    pub(in super::super) fn new(url: &Url, subject: impl Into<Arc<str>>) -> Self {
        Self {
            host: host_of(url).into(),
            subject: subject.into(),
        }
    }

    /// The same, asked of where a redirection led.
    pub(in super::super) fn at(&self, url: &Url) -> Self {
        Self::new(url, self.subject.clone())
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sentence!("asked {} for {}", self.host, self.subject))
    }
}

/// Host and port, the port only where it is not that of the scheme.
pub(in super::super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
