use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use berth_registry::auth::AuthenticationError;
use berth_registry::http::Client;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::form::Form;
use super::frame::{self, Frame};
use super::look::Look;
use super::visitor::Visitor;
use super::{cookies, link};
use crate::api::problem::Problem;
use crate::console::Console;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Frame,
    /// Whether a password can be read on its way here.
    in_the_open: bool,
    name: String,
    next: String,
    wrong: Option<&'static str>,
}

/// Where to go from there.
#[derive(Deserialize)]
pub(super) struct Next {
    next: Option<String>,
}

impl Next {
    fn place(&self) -> &str {
        self.next.as_deref().and_then(link::local).unwrap_or("/")
    }
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
    next: Option<String>,
}

/// To the form, and from there back.
pub(super) fn first(place: &str) -> Response {
    let next = utf8_percent_encode(place, NON_ALPHANUMERIC);
    Redirect::to(&format!("/sign-in?next={next}")).into_response()
}

pub(super) async fn show(look: Look, Query(next): Query<Next>) -> Response {
    form(look, String::new(), next.place(), None)
}

fn form(look: Look, name: String, next: &str, wrong: Option<&'static str>) -> Response {
    frame::html(&SignInPage {
        in_the_open: !look.private,
        wrong,
        page: Frame::new(look),
        name,
        next: next.to_owned(),
    })
}

pub(super) async fn sign_in(
    State(console): State<Console>,
    Extension(client): Extension<Client>,
    look: Look,
    headers: HeaderMap,
    Form(credentials): Form<Credentials>,
) -> Result<Response, Problem> {
    let Credentials {
        name,
        password,
        next,
    } = credentials;
    let next = Next { next };
    let browser = headers.get(header::USER_AGENT);
    let browser = browser.and_then(|value| value.to_str().ok()).unwrap_or("");
    let signed_in = console
        .registry
        .sign_in(&name, &password, browser, Some(client.address))
        .await;
    match signed_in {
        Ok(signed_in) => {
            let secret = signed_in.secret.reveal();
            let cookie = cookies::session(&client, secret, signed_in.life);
            let jar = CookieJar::new().add(cookie);
            Ok((jar, Redirect::to(next.place())).into_response())
        }
        Err(error) => {
            let say = |text| look.language.say(text);
            let wrong = match error {
                AuthenticationError::WrongPassword => say("The name or the password is not right."),
                AuthenticationError::Throttled(_) => {
                    say("Too many wrong passwords: try again in a while.")
                }
                error => return Err(error.into()),
            };
            let mut answer = form(look, name, next.place(), Some(wrong));
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(answer)
        }
    }
}

pub(super) async fn sign_out(
    State(console): State<Console>,
    Extension(client): Extension<Client>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    console.registry.sign_out(&visitor.signed.0).await?;
    let jar = CookieJar::new().add(cookies::no_session(&client));
    Ok((jar, Redirect::to("/sign-in")).into_response())
}
