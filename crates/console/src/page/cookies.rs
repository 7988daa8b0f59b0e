//! The cookies of the page. That of a session is for the server alone; the others hold what somebody has
//! chosen, or what is said once.

use std::time::Duration;

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use berth_registry::http::{Client, Scheme};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// With this beginning, a browser takes it from this host and by TLS alone.
const SESSION_BY_TLS: &str = "__Host-berth_session";
const SESSION: &str = "berth_session";
pub(super) const LANGUAGE: &str = "berth_language";
pub(super) const THEME: &str = "berth_theme";
const SAID: &str = "berth_said";
/// What somebody has chosen is kept for a year.
const CHOICE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// Longer than a redirect takes.
const SAID_FOR: Duration = Duration::from_secs(60);

fn session_name(client: &Client) -> &'static str {
    match client.scheme {
        Scheme::Https => SESSION_BY_TLS,
        Scheme::Http => SESSION,
    }
}

fn cookie(name: &'static str, value: String, life: Duration) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(life.try_into().unwrap_or_default())
        .build()
}

pub(super) fn session(client: &Client, secret: String, life: Duration) -> Cookie<'static> {
    let mut cookie = cookie(session_name(client), secret, life);
    cookie.set_secure(client.scheme == Scheme::Https);
    cookie
}

pub(super) fn no_session(client: &Client) -> Cookie<'static> {
    session(client, String::new(), Duration::ZERO)
}

/// The secret of a session.
pub(super) fn shown_session<'j>(jar: &'j CookieJar, client: &Client) -> Option<&'j str> {
    jar.get(session_name(client)).map(Cookie::value)
}

pub(super) fn choice(name: &'static str, value: &'static str) -> Cookie<'static> {
    cookie(name, value.to_owned(), CHOICE)
}

/// A text for the next page.
pub(super) fn say(text: &str) -> Cookie<'static> {
    let text = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    cookie(SAID, text, SAID_FOR)
}

pub(super) fn said(jar: &CookieJar) -> Option<String> {
    let text = percent_decode_str(jar.get(SAID)?.value())
        .decode_utf8()
        .ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// Once it has been shown.
pub(super) fn nothing_said() -> Cookie<'static> {
    cookie(SAID, String::new(), Duration::ZERO)
}
