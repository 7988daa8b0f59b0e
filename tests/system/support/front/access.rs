use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use serde_json::json;

use super::answer::{error, with_header};
use super::{Request, Shared};

/// The tokens that were given.
#[derive(Default)]
pub(super) struct Access {
    tokens: HashMap<String, Granted>,
}

struct Granted {
    repositories: Vec<String>,
    ends: Instant,
}

/// The registry's answer to one who may not have what it asks for.
pub(super) fn refuse(shared: &Shared, request: &Request) -> Option<Response<Body>> {
    let Some(lifetime) = shared.settings.tokens else {
        let open = shared.settings.credentials.is_none() || has_password(shared, request);
        return (!open).then(|| challenge("Basic realm=\"front\"".to_owned()));
    };
    let token = request.authorization.as_deref();
    let token = token.and_then(|text| text.strip_prefix("Bearer "));
    let known = {
        let state = shared.state();
        let granted = token.and_then(|token| state.access.tokens.get(token));
        granted.is_some_and(|granted| granted.covers(request, lifetime))
    };
    if known {
        return None;
    }
    let address = shared.address;
    let mut text = format!("Bearer realm=\"http://{address}/token\",service=\"front\"");
    if let Some(repository) = request.repository() {
        text.push_str(&format!(",scope=\"repository:{repository}:pull\""));
    }
    Some(challenge(text))
}

fn challenge(text: String) -> Response<Body> {
    let answer = error(401, "UNAUTHORIZED");
    with_header(answer, "www-authenticate", &text)
}

/// The token service's answer.
pub(super) fn token(shared: &Shared, request: &Request) -> Response<Body> {
    let Some(lifetime) = shared.settings.tokens else {
        return error(404, "NOT_FOUND");
    };
    if shared.settings.credentials.is_some() && !has_password(shared, request) {
        return error(401, "UNAUTHORIZED");
    }
    let query = percent_encoding::percent_decode_str(&request.query).decode_utf8_lossy();
    let repositories = query
        .split(['&', '=', ' ', '+'])
        .filter_map(|scope| scope.strip_prefix("repository:"))
        .filter_map(|scope| scope.rsplit_once(':'))
        .map(|(repository, _)| repository.to_owned());
    let granted = Granted {
        repositories: repositories.collect(),
        ends: Instant::now() + lifetime,
    };
    let mut state = shared.state();
    let token = format!("token-{}-{}", shared.address.port(), state.requests.len());
    state.access.tokens.insert(token.clone(), granted);
    let document = json!({"token": token, "expires_in": lifetime.as_secs()});
    let answer = Response::new(Body::from(document.to_string()));
    with_header(answer, "content-type", "application/json")
}

fn has_password(shared: &Shared, request: &Request) -> bool {
    let sent = request.authorization.as_deref();
    let credentials = shared.settings.credentials.as_ref();
    credentials.is_some_and(|(user, password)| {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        sent == Some(&*format!("Basic {basic}"))
    })
}

impl Granted {
    fn covers(&self, request: &Request, lifetime: Duration) -> bool {
        let lives = lifetime.is_zero() || Instant::now() < self.ends;
        let repository = request.repository();
        lives
            && repository.is_none_or(|name| self.repositories.iter().any(|granted| granted == name))
    }
}
