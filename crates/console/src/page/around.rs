//! What goes around every answer of the page.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::CookieJar;
use berth_registry::http::Client;
use berth_registry::sentence;

use super::frame::Frame;
use super::look::Look;
use super::visitor::{Session, Visitor};
use super::{cookies, problem, sign_in};
use crate::api::problem::Problem;
use crate::console::Console;

/// Nothing from elsewhere, nothing that stands in the document itself, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    // What a session has seen is not shown after its end.
    (CACHE_CONTROL, "no-store"),
];

/// Refuses what another site sends, answers, and shows a problem as a page.
pub(super) async fn answer(
    State(console): State<Console>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get::<Client>().cloned();
    let look = Look::of(
        request.method(),
        request.headers(),
        request.uri(),
        client.as_ref(),
    );
    request.extensions_mut().insert(look.clone());
    let session = client.as_ref();
    let session = session.and_then(|client| Session::shown(request.headers(), client).ok());
    let shown = is_shown(request.headers());
    let mut response = if from_elsewhere(request.method(), request.headers(), client.as_ref()) {
        Problem::new(
            StatusCode::FORBIDDEN,
            sentence("this was sent by a page of another site, and nothing was done"),
        )
        .into_response()
    } else {
        next.run(request).await
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = match problem.status {
            StatusCode::UNAUTHORIZED => sign_in::first(&look.place),
            _ => problem::page(frame(&console, session, &look).await, problem),
        };
    }
    let text = response.headers().get(CONTENT_TYPE);
    let page = text.is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if shown && page && look.said.is_some() {
        let jar = CookieJar::new().add(cookies::nothing_said());
        response = (jar, response).into_response();
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What is around a refusal: the ways on for who has signed in, as on any page.
async fn frame(console: &Console, session: Option<Session>, look: &Look) -> Frame {
    let Some(session) = session else {
        return Frame::new(look.clone());
    };
    match Visitor::of(console, &session, look.clone()).await {
        Ok(visitor) => Frame {
            // Nothing on it changes.
            seen: None,
            ..visitor.frame()
        },
        Err(_) => Frame::new(look.clone()),
    }
}

/// Whether the answer is to be looked at, and not to be worked on by a script.
fn is_shown(headers: &HeaderMap) -> bool {
    let destination = headers.get("sec-fetch-dest");
    destination.is_none_or(|value| value == "document")
}

/// Whether a browser says that another site has made it send this. Those that do not say send the
/// cookie of a session with no request of another site that changes anything: it is `SameSite=Lax`.
fn from_elsewhere(method: &Method, headers: &HeaderMap, client: Option<&Client>) -> bool {
    if method.is_safe() {
        return false;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else {
        return false;
    };
    let origin = origin.parse::<Uri>().ok();
    let origin = origin.as_ref().and_then(Uri::authority);
    let host = client.and_then(|client| client.host.as_deref());
    origin.map(|authority| authority.as_str()) != host
}

#[cfg(test)]
mod tests;
