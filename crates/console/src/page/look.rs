use axum::extract::FromRequestParts;
use axum::http::header::REFERER;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
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
    pub(super) fn of(
        method: &Method,
        headers: &HeaderMap,
        uri: &Uri,
        client: Option<&Client>,
    ) -> Self {
        let jar = CookieJar::from_headers(headers);
        let host = client.and_then(|client| client.host.clone());
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let encrypted = client.is_some_and(|client| client.scheme == Scheme::Https);
        let place = match method.is_safe() {
            true => uri.path_and_query().map(ToString::to_string),
            // Nothing is there to read again; the page that has the form is.
            false => headers
                .get(REFERER)
                .and_then(|value| within(value.to_str().ok()?, &host)),
        };
        Self {
            language: Language::of(headers, &jar),
            theme: Theme::of(&jar),
            place: place.unwrap_or_else(|| "/".to_owned()),
            private: encrypted || is_loopback(&host),
            host,
            said: cookies::said(&jar),
        }
    }
}

/// The path and query of an address of this host.
fn within(address: &str, host: &str) -> Option<String> {
    let address: Uri = address.parse().ok()?;
    let here = address
        .authority()
        .is_some_and(|authority| authority == host);
    let place = address.path_and_query().filter(|_| here)?;
    Some(place.to_string())
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
