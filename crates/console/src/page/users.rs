use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use berth_registry::auth::ActionSet;
use serde::Deserialize;

use super::actions::{self, ActionBoxes};
use super::done::Done;
use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::link;
use super::ticked::Ticked;
use super::user;
use super::visitor::Visitor;
use crate::api::document::{Created, Document};
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::problem::Problem;
use crate::api::users::{self, New, User};
use crate::console::Console;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    page: Frame,
    users: List<User>,
    boxes: ActionBoxes,
    /// Whether the visitor may make an admin.
    may_do_everything: bool,
    later: bool,
}

/// A box that is not ticked is not sent.
#[derive(Deserialize)]
pub(super) struct NewUser {
    name: String,
    /// One is made if it is empty.
    password: String,
    admin: Option<String>,
    #[serde(flatten)]
    actions: Ticked,
}

pub(super) async fn list(
    console: State<Console>,
    visitor: Visitor,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let Document(users) = users::list(console, visitor.signed.clone(), query).await?;
    let page = visitor.frame();
    Ok(frame::html(&UsersPage {
        boxes: ActionBoxes::new(page.look.language, page.may, ActionSet::NONE),
        may_do_everything: page.may == ActionSet::ALL,
        page,
        users,
        later,
    }))
}

/// A password that was made is shown on the page that answers.
pub(super) async fn create(
    console: State<Console>,
    visitor: Visitor,
    Form(form): Form<NewUser>,
) -> Result<Response, Problem> {
    let new = New {
        name: form.name.trim().to_owned(),
        password: (!form.password.is_empty()).then_some(form.password),
        admin: form.admin.is_some(),
        actions: actions::ticked(form.actions),
    };
    let signed = visitor.signed.clone();
    let Created(made) = users::create(console.clone(), signed, Document(new)).await?;
    if made.password.is_some() {
        return user::made(&console, &visitor, made.user, made.password).await;
    }
    let done = Done {
        place: user::place(&made.user.name),
        said: visitor
            .look()
            .language
            .fill("User {} is made.", &made.user.name),
    };
    Ok(done.into_response())
}
