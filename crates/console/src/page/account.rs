//! Oneself: password, tokens, and the browsers in which one is signed in.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use berth_registry::http::Client;
use serde::Deserialize;

use super::cookies;
use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::robots;
use super::visitor::Visitor;
use crate::api::document::{Created, Document};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::me::{self, PasswordChange};
use crate::api::names::{Named, SessionPath, TokenPath, UserPath};
use crate::api::problem::Problem;
use crate::api::sessions::{self, Session};
use crate::api::tokens::{self, New, Token, TokenCreated};
use crate::console::Console;

mod browser_name;

use browser_name::browser_name;

const PLACE: &str = "/account";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Frame,
    tokens: List<Token>,
    /// Whether there are tokens before these.
    later: bool,
    sessions: List<Session>,
    /// A token that was just made, which is shown now and never again.
    made: Option<TokenCreated>,
}

impl AccountPage {
    fn browser(&self, session: &Session) -> String {
        browser_name(&session.client)
    }
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    current: String,
    new: String,
}

#[derive(Deserialize)]
pub(super) struct NewToken {
    name: String,
    /// As a browser sends a day: `2026-01-31`, or nothing.
    ends: String,
}

fn own(visitor: &Visitor) -> Named<UserPath> {
    Named(UserPath {
        user: visitor.name().to_owned(),
    })
}

async fn account(
    console: State<Console>,
    visitor: &Visitor,
    query: PageQuery,
    made: Option<TokenCreated>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let later = query.cursor.is_some();
    let query = Parameters(query);
    let Document(tokens) = tokens::list(console.clone(), signed(), own(visitor), query).await?;
    let first = Parameters(PageQuery::first());
    let Document(sessions) = sessions::list(console, signed(), own(visitor), first).await?;
    Ok(frame::html(&AccountPage {
        page: visitor.frame(),
        tokens,
        later,
        sessions,
        made,
    }))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    account(console, &visitor, query, None).await
}

/// Ends every session of the old password, this one too.
pub(super) async fn change_password(
    console: State<Console>,
    Extension(client): Extension<Client>,
    visitor: Visitor,
    Form(passwords): Form<NewPassword>,
) -> Result<Response, Problem> {
    let change = PasswordChange {
        current_password: passwords.current,
        new_password: passwords.new,
    };
    me::change_password(console, visitor.signed.clone(), Document(change)).await?;
    let said = visitor
        .look()
        .language
        .say("The password is changed: sign in with the new one.");
    let jar = CookieJar::new()
        .add(cookies::no_session(&client))
        .add(cookies::say(said));
    Ok((jar, Redirect::to("/sign-in")).into_response())
}

pub(super) async fn create_token(
    console: State<Console>,
    visitor: Visitor,
    Form(form): Form<NewToken>,
) -> Result<Response, Problem> {
    let new = New {
        name: form.name,
        scopes: None,
        expires_at: robots::end(&form.ends),
    };
    let signed = visitor.signed.clone();
    let created = tokens::create(console.clone(), signed, own(&visitor), Document(new)).await?;
    let Created(made) = created;
    account(console, &visitor, PageQuery::first(), Some(made)).await
}

/// The token of a form's path.
#[derive(Deserialize)]
pub(super) struct TokenName {
    token: String,
}

pub(super) async fn delete_token(
    console: State<Console>,
    visitor: Visitor,
    Named(TokenName { token }): Named<TokenName>,
) -> Result<Done, Problem> {
    let said = visitor.look().language.fill("Token {} has ended.", &token);
    let user = visitor.name().to_owned();
    let path = Named(TokenPath { user, token });
    tokens::delete(console, visitor.signed.clone(), path).await?;
    Ok(Done {
        place: PLACE.to_owned(),
        said,
    })
}

/// The session of a form's path.
#[derive(Deserialize)]
pub(super) struct SessionNumber {
    session: String,
}

pub(super) async fn end_session(
    console: State<Console>,
    visitor: Visitor,
    Named(SessionNumber { session }): Named<SessionNumber>,
) -> Result<Done, Problem> {
    let user = visitor.name().to_owned();
    let path = Named(SessionPath { user, session });
    sessions::delete(console, visitor.signed.clone(), path).await?;
    let said = visitor.look().language.say("That browser is signed out.");
    Ok(Done {
        place: PLACE.to_owned(),
        said: said.to_owned(),
    })
}

pub(super) async fn end_all_sessions(
    console: State<Console>,
    Extension(client): Extension<Client>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    sessions::delete_all(console, visitor.signed.clone(), own(&visitor)).await?;
    let said = visitor
        .look()
        .language
        .say("You are signed out everywhere.");
    let jar = CookieJar::new()
        .add(cookies::no_session(&client))
        .add(cookies::say(said));
    Ok((jar, Redirect::to("/sign-in")).into_response())
}
