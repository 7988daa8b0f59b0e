use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum_extra::extract::CookieJar;
use berth_registry::http::{Client, Scheme};

use super::cookies;
use super::language::Language;
use super::theme::Theme;
use crate::api::problem::Problem;

/// How somebody wants to see the page, and what is said on it about the request before.
#[derive(Clone)]
pub(crate) struct Look {
    pub(super) language: Language,
    pub(super) theme: Theme,
    /// The path and query that were asked for.
    pub(super) place: String,
    /// `host[:port]`, as clients of the registry have to name it.
    pub(super) host: String,
    /// Whether what is sent can be read by nobody on the way.
    pub(super) private: bool,
    /// What the request before has done.
    pub(super) said: Option<String>,
}

impl Look {
    pub(super) fn of(headers: &HeaderMap, uri: &Uri, client: Option<&Client>) -> Self {
        let jar = CookieJar::from_headers(headers);
        let host = client.and_then(|client| client.host.clone());
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let encrypted = client.is_some_and(|client| client.scheme == Scheme::Https);
        let place = uri.path_and_query();
        Self {
            language: Language::of(headers, &jar),
            theme: Theme::of(&jar),
            place: place.map_or_else(|| "/".to_owned(), ToString::to_string),
            private: encrypted || is_loopback(&host),
            host,
            said: cookies::said(&jar),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_matches(['[', ']']);
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl<S: Send + Sync> FromRequestParts<S> for Look {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let look = parts.extensions.get().cloned();
        look.ok_or_else(|| Problem::bad_request("this is a page"))
    }
}
