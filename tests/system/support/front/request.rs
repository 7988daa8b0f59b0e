use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{AUTHORIZATION, RANGE};
use http::{HeaderName, Method};
use hyper::body::Incoming;

/// Which address of a front was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    Registry,
    /// Where the bytes of blobs are, when the registry redirects to them.
    Cdn,
}

/// What a front was asked.
#[derive(Clone)]
pub struct Request {
    pub listener: Listener,
    pub method: Method,
    pub path: String,
    pub query: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
    pub(super) sent: Arc<AtomicU64>,
}

impl Request {
    pub(super) fn new(listener: Listener, request: &http::Request<Incoming>) -> Self {
        let header = |name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            listener,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            range: header(RANGE),
            authorization: header(AUTHORIZATION),
            sent: Arc::default(),
        }
    }

    /// The bytes of its answer's body that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn is_get(&self) -> bool {
        self.method == Method::GET
    }

    pub fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    pub fn is_token(&self) -> bool {
        self.path == "/token"
    }

    /// Of the bytes of a blob, where the registry redirects to them.
    pub fn is_cdn(&self) -> bool {
        self.listener == Listener::Cdn
    }

    /// Of a blob, at the registry.
    pub fn is_blob(&self) -> bool {
        self.path.contains("/blobs/")
    }

    pub fn is_manifest(&self) -> bool {
        self.path.contains("/manifests/")
    }

    pub fn is_tag(&self) -> bool {
        self.is_manifest() && !self.last().contains(':')
    }

    pub fn is_manifest_by_digest(&self) -> bool {
        self.is_manifest() && self.last().contains(':')
    }

    pub fn is_tag_list(&self) -> bool {
        self.path.ends_with("/tags/list")
    }

    pub fn is_referrers(&self) -> bool {
        self.path.contains("/referrers/")
    }

    /// Whether it is of this blob or manifest, by its digest and wherever it is.
    pub fn is_of(&self, digest: &str) -> bool {
        self.last() == digest
    }

    /// The last word of the path: a digest, most of the time.
    pub(super) fn last(&self) -> &str {
        let (_, last) = self.path.rsplit_once('/').unwrap_or_default();
        last
    }

    /// `library/app` of `/v2/library/app/manifests/1`.
    pub(super) fn repository(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("/v2/")?;
        let kinds = ["/manifests/", "/blobs/", "/tags/", "/referrers/"];
        let end = kinds.iter().find_map(|kind| rest.rfind(kind))?;
        Some(&rest[..end])
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {} {}", self.listener, self.method, self.path)?;
        if !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if let Some(range) = &self.range {
            write!(f, ", range {range}")?;
        }
        if self.authorization.is_some() {
            write!(f, ", with credentials")?;
        }
        write!(f, ", {} bytes sent", self.sent())
    }
}
