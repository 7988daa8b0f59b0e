use std::future::pending;

use axum::body::Body;
use http::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, LOCATION, RANGE,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::sleep;

use super::body::Passing;
use super::serve::Closed;
use super::{Fault, Listener, Request, Shared, access};
use crate::support::{ADMIN, ADMIN_PASSWORD};

pub(super) async fn answer(
    shared: &Shared,
    listener: Listener,
    asked: http::Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    let request = Request::new(listener, &asked);
    let (faults, latency) = {
        let mut state = shared.state();
        state.requests.push(request.clone());
        let rules = state.rules.iter_mut();
        let faults: Vec<Fault> = rules.filter_map(|rule| rule.meets(&request)).collect();
        (faults, state.latency)
    };
    if !latency.is_zero() {
        sleep(latency).await;
    }
    for fault in &faults {
        match fault {
            Fault::Hang => pending::<()>().await,
            Fault::Reset => return Err(Closed),
            Fault::Status(status, headers) => {
                let mut answer = error(*status, code(*status));
                for (name, value) in headers {
                    answer = with_header(answer, name, value);
                }
                return Ok(answer);
            }
            Fault::CutAfter(_)
            | Fault::StallAfter(_)
            | Fault::CorruptByte(_)
            | Fault::WrongLength(_)
            | Fault::IgnoreRange
            | Fault::OmitDigest => {}
        }
    }
    if ![Method::GET, Method::HEAD].contains(&request.method) {
        return Ok(error(405, "UNSUPPORTED"));
    }
    let refused = match listener {
        Listener::Cdn => refused_signature(shared, &request),
        Listener::Registry if request.is_token() => Some(access::token(shared, &request)),
        Listener::Registry => {
            access::refuse(shared, &request).or_else(|| redirect(shared, &request))
        }
    };
    match refused {
        Some(answer) => Ok(answer),
        None => pass(shared, &request, asked.headers(), &faults).await,
    }
}

/// Where object stores see credentials beside a signature, they refuse both.
fn refused_signature(shared: &Shared, request: &Request) -> Option<Response<Body>> {
    if request.authorization.is_some() {
        return Some(error(400, "InvalidArgument"));
    }
    let good = shared.state().signatures.take(&request.query);
    (!good).then(|| error(403, "AccessDenied"))
}

fn redirect(shared: &Shared, request: &Request) -> Option<Response<Body>> {
    let cdn = shared.cdn.filter(|_| request.is_blob())?;
    let query = shared.state().signatures.give();
    let path = request.path.replace("/v2/", "/objects/");
    let path = path.replace("/blobs/", "/");
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let location = format!("http://{cdn}{path}?{query}");
    Some(with_header(answer, LOCATION.as_str(), &location))
}

/// What the registry behind says, with what is wrong with it.
async fn pass(
    shared: &Shared,
    request: &Request,
    headers: &HeaderMap,
    faults: &[Fault],
) -> Result<Response<Body>, Closed> {
    let upstream = &shared.upstream;
    let url = match request.path.strip_prefix("/objects/") {
        Some(object) => {
            let (repository, digest) = object.rsplit_once('/').ok_or(Closed)?;
            format!("{upstream}/v2/{repository}/blobs/{digest}")
        }
        None => format!("{upstream}{}?{}", request.path, request.query),
    };
    let ignores_range = faults.iter().any(|f| matches!(f, Fault::IgnoreRange));
    let mut ask = shared
        .client
        .request(request.method.clone(), url)
        .basic_auth(ADMIN, Some(ADMIN_PASSWORD));
    for (name, value) in headers {
        let passed = [ACCEPT, IF_NONE_MATCH].contains(name) || *name == RANGE && !ignores_range;
        if passed {
            ask = ask.header(name, value);
        }
    }
    let mut given = ask.send().await.map_err(|_| Closed)?;
    let mut headers = std::mem::take(given.headers_mut());
    for name in [CONNECTION, TRANSFER_ENCODING, WWW_AUTHENTICATE] {
        headers.remove(name);
    }
    change(shared, request, &mut headers, faults);
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = given.status();
    let start = start_of(&headers);
    *answer.headers_mut() = headers;
    if request.is_get() {
        let passing = Passing::new(shared, request, start, faults, given);
        *answer.body_mut() = Body::from_stream(passing.stream());
    }
    Ok(answer)
}

fn change(shared: &Shared, request: &Request, headers: &mut HeaderMap, faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::OmitDigest => {
                headers.remove("docker-content-digest");
                headers.remove(ETAG);
            }
            Fault::WrongLength(difference) => {
                let length = headers[CONTENT_LENGTH].to_str().expect("digits");
                let length: i64 = length.parse().expect("a number");
                headers.insert(CONTENT_LENGTH, (length + difference).into());
            }
            Fault::Status(..)
            | Fault::Hang
            | Fault::Reset
            | Fault::CutAfter(_)
            | Fault::StallAfter(_)
            | Fault::CorruptByte(_)
            | Fault::IgnoreRange => {}
        }
    }
    let remaining = shared.state().remaining;
    if let Some(remaining) = remaining.filter(|_| request.is_manifest()) {
        let text = format!("{remaining};w=21600").parse().expect("digits");
        headers.insert("ratelimit-remaining", text);
        headers.insert("ratelimit-limit", HeaderValue::from_static("100;w=21600"));
    }
}

/// Which byte of the blob the body begins with.
fn start_of(headers: &HeaderMap) -> u64 {
    let range = headers.get(CONTENT_RANGE);
    let range = range.map(|range| range.to_str().expect("text"));
    let start = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next());
    start.map_or(0, |start| start.parse().unwrap_or(0))
}

pub(super) fn error(status: u16, code: &str) -> Response<Body> {
    let entry = json!({"code": code, "message": "said by the front"});
    let document = json!({"errors": [entry]});
    let mut answer = Response::new(Body::from(document.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    with_header(answer, "content-type", "application/json")
}

fn code(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHORIZED",
        403 => "DENIED",
        404 => "NAME_UNKNOWN",
        405 => "UNSUPPORTED",
        429 => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    }
}

pub(super) fn with_header(
    mut answer: Response<Body>,
    name: &'static str,
    value: &str,
) -> Response<Body> {
    let value = value.parse().expect("visible ASCII");
    let name = HeaderName::from_static(name);
    answer.headers_mut().insert(name, value);
    answer
}
