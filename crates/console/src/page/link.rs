//! Paths of pages. Each is that of the API without its beginning.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a segment of a path as it is (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'+')
    .remove(b'@');

pub(super) fn segment(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, SEGMENT)
}

pub(crate) fn project(project: &str) -> String {
    format!("/projects/{}", segment(project))
}

pub(crate) fn repository(repository: &str) -> String {
    format!("/repositories/{}", segment(repository))
}

pub(crate) fn image(repository: &str, reference: &str) -> String {
    let repository = self::repository(repository);
    format!("{repository}/images/{}", segment(reference))
}

pub(super) fn target(target: &str) -> String {
    format!("/targets/{}", segment(target))
}

pub(super) fn stack(target: &str, stack: &str) -> String {
    let target = self::target(target);
    format!("{target}/stacks/{}", segment(stack))
}

pub(super) fn service(target: &str, stack: &str, service: &str) -> String {
    let stack = self::stack(target, stack);
    format!("{stack}/services/{}", segment(service))
}

pub(super) fn token(token: &str) -> String {
    format!("/account/tokens/{}", segment(token))
}

/// The same list from its beginning.
pub(super) fn first(place: &str) -> String {
    with_cursor(place, None)
}

/// The same list behind the cursor.
pub(super) fn next(place: &str, cursor: &str) -> String {
    with_cursor(place, Some(cursor))
}

fn with_cursor(place: &str, cursor: Option<&str>) -> String {
    let (path, query) = place.split_once('?').unwrap_or((place, ""));
    let kept = query.split('&');
    let kept = kept.filter(|part| !part.is_empty() && !part.starts_with("cursor="));
    let cursor = cursor.map(|cursor| format!("cursor={}", segment(cursor)));
    let query: Vec<&str> = kept.chain(cursor.as_deref()).collect();
    match query[..] {
        [] => path.to_owned(),
        _ => format!("{path}?{}", query.join("&")),
    }
}

/// Where somebody comes from, if that is a place of this page.
pub(crate) fn local(place: &str) -> Option<&str> {
    let mut bytes = place.bytes();
    let absolute = bytes.next() == Some(b'/');
    // Browsers read `//host` and `/\host` as another host.
    let elsewhere = matches!(bytes.next(), Some(b'/' | b'\\'));
    let clean = place.bytes().all(|byte| byte.is_ascii_graphic());
    (absolute && !elsewhere && clean).then_some(place)
}

#[cfg(test)]
mod tests;
