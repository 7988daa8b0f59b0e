//! The token server: the Docker token specification, with GET and POST, and the keys that its tokens
//! can be checked with (RFC 7517).

use std::collections::HashMap;

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use berth_oci::ErrorCode;
use chrono::{DateTime, SecondsFormat};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::answer::json;
use super::authorize::{challenge, refuse};
use super::client::Client;
use super::{ApiError, EndpointLabel, Served};
use crate::auth::{Action, Asked, AuthenticationError, Caller, Issued, Jwk, Scope};
use crate::body::{read_at_most, receive};
use crate::clock::Timestamp;
use crate::registry::Registry;
use crate::source::{Pushes, Sources};

const FORM_BYTES: usize = 64 * 1024;
/// A client that mounts asks for two; BuildKit for a few more.
const SCOPES: usize = 32;

#[derive(Serialize)]
struct Answer {
    /// Under both names: containerd's POST reads only the second.
    token: String,
    access_token: String,
    scope: String,
    expires_in: u64,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

pub(super) async fn by_get(State(served): State<Served>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let client = head.extensions.get::<Client>();
    let address = client.map(|client| client.address);
    let form = Form::parse(head.uri.query().unwrap_or_default());
    let registry = &*served.registry;
    let outcome = async {
        form.check_service(registry)?;
        let caller = registry.auth.authenticate(&head.headers, address).await;
        let caller = caller.map_err(|error| refuse_token(registry, client, error))?;
        let asked = Asked {
            scopes: located(&*served.sources, form.scopes()?).await?,
            offline: form.one("offline_token") == Some("true"),
        };
        issue(registry, &caller, asked).await
    };
    answer(outcome.await)
}

/// OAuth 2 (RFC 6749, sections 4.3 and 6), in the words of the Docker token specification.
pub(super) async fn by_post(State(served): State<Served>, request: Request) -> Response {
    let client = request.extensions().get::<Client>().cloned();
    let registry = &*served.registry;
    let outcome = async {
        let body = receive(request.into_body(), registry.limits.idle);
        let body = read_at_most(body, FORM_BYTES).await?;
        let body =
            String::from_utf8(body).map_err(|_| unsupported("the form is not UTF-8".to_owned()))?;
        let form = Form::parse(&body);
        form.check_service(registry)?;
        let refresh_token = form.one("refresh_token");
        let caller = by_form(registry, &form, client.as_ref())
            .await?
            .map_err(|error| refuse_token(registry, client.as_ref(), error))?;
        let asked = Asked {
            scopes: located(&*served.sources, form.scopes()?).await?,
            offline: form.one("access_type") == Some("offline"),
        };
        let mut issued = issue(registry, &caller, asked).await?;
        // The client goes on with the one that it has.
        issued.refresh_token = issued
            .refresh_token
            .or_else(|| refresh_token.map(str::to_owned));
        Ok(issued)
    };
    answer(outcome.await)
}

/// The scopes under the names that their repositories have here. A push through a group is one to its
/// member.
async fn located(sources: &dyn Sources, scopes: Vec<Scope>) -> Result<Vec<Scope>, ApiError> {
    let mut all = Vec::with_capacity(scopes.len());
    for scope in scopes {
        let Scope::Repository { name, actions } = scope else {
            all.push(scope);
            continue;
        };
        let asked = crate::source::Asked {
            repository: &name,
            namespace: None,
            prefix: None,
            pushes: actions.contains(Action::Push),
        };
        let located = sources.locate(asked).await?;
        if let Pushes::To(member) = located.pushes
            && actions.contains(Action::Push)
        {
            let name = member;
            all.push(Scope::Repository { name, actions });
        }
        let name = located.renamed.unwrap_or(name);
        all.push(Scope::Repository { name, actions });
        if let Some(name) = located.also {
            all.push(Scope::Repository { name, actions });
        }
    }
    Ok(all)
}

async fn by_form(
    registry: &Registry,
    form: &Form,
    client: Option<&Client>,
) -> Result<Result<Caller, AuthenticationError>, ApiError> {
    let address = client.map(|client| client.address);
    match form.one("grant_type") {
        Some("password") => {
            let (name, secret) = (form.required("username")?, form.required("password")?);
            let auth = &registry.auth;
            Ok(auth.authenticate_secret(Some(name), secret, address).await)
        }
        Some("refresh_token") => {
            let token = form.required("refresh_token")?;
            let auth = &registry.auth;
            Ok(auth.authenticate_refresh_token(token, address).await)
        }
        Some(other) => Err(unsupported(format!(
            "grant_type `{other}` is not known: `password` and `refresh_token` are"
        ))),
        None => Err(unsupported(
            "the form has no grant_type: `password` and `refresh_token` are known".to_owned(),
        )),
    }
}

async fn issue(registry: &Registry, caller: &Caller, asked: Asked) -> Result<Issued, ApiError> {
    registry
        .auth
        .issue(caller, asked)
        .await
        .map_err(|error| refuse_token(registry, None, error))
}

fn answer(outcome: Result<Issued, ApiError>) -> Response {
    let mut response = match outcome {
        Ok(issued) => json(
            "application/json",
            &Answer {
                access_token: issued.token.clone(),
                token: issued.token,
                scope: issued.scope,
                expires_in: issued.expires_in_seconds,
                issued_at: rfc3339(issued.issued_at),
                refresh_token: issued.refresh_token,
            },
        ),
        Err(error) => error.into_response(),
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(EndpointLabel("token"));
    response
}

pub(super) async fn keys(State(served): State<Served>) -> Response {
    let keys = served.registry.auth.jwks();
    let mut response = json("application/json", &Jwks { keys });
    response.extensions_mut().insert(EndpointLabel("keys"));
    response
}

fn refuse_token(
    registry: &Registry,
    client: Option<&Client>,
    error: AuthenticationError,
) -> ApiError {
    refuse(error, |error| challenge(registry, client, &[], error))
}

fn unsupported(message: String) -> ApiError {
    ApiError::client(ErrorCode::Unsupported, message).with_status(StatusCode::BAD_REQUEST)
}

fn rfc3339(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A query or a form. Of parameters that are given twice the first counts, but for `scope`.
struct Form {
    first: HashMap<String, String>,
    scopes: Vec<String>,
}

impl Form {
    fn parse(text: &str) -> Self {
        let mut form = Self {
            first: HashMap::new(),
            scopes: Vec::new(),
        };
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if name == "scope" {
                form.scopes.push(value.into_owned());
            } else {
                form.first
                    .entry(name.into_owned())
                    .or_insert_with(|| value.into_owned());
            }
        }
        form
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.first.get(name).map(String::as_str)
    }

    fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.one(name)
            .ok_or_else(|| unsupported(format!("the form has no {name}")))
    }

    fn scopes(&self) -> Result<Vec<Scope>, ApiError> {
        let scopes = Scope::parse_all(self.scopes.iter().map(String::as_str));
        if scopes.len() > SCOPES {
            let number = scopes.len();
            return Err(unsupported(format!(
                "{number} scopes are more than one token can have: {SCOPES} is the most"
            )));
        }
        Ok(scopes)
    }

    /// Tokens are made for this service alone.
    fn check_service(&self, registry: &Registry) -> Result<(), ApiError> {
        let ours = &registry.auth.place.service;
        match self.one("service") {
            Some(service) if service != ours && !service.is_empty() => Err(unsupported(format!(
                "this is the service {ours}, and it makes no tokens for {service}"
            ))),
            Some(_) | None => Ok(()),
        }
    }
}
