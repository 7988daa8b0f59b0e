//! One user: rights, tokens, and the browsers in which the user is signed in.

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
use super::grants;
use super::link;
use super::ticked::Ticked;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{Named, SessionPath, TokenPath, UserPath};
use crate::api::problem::Problem;
use crate::api::sessions::{self, Session};
use crate::api::tokens::{self, Token};
use crate::api::users::{self, Change, PasswordReset, User};
use crate::console::Console;

#[derive(Template)]
#[template(path = "user.html")]
struct UserPage {
    page: Frame,
    place: String,
    user: User,
    /// A password that was just made, which is shown now and never again.
    password: Option<String>,
    tokens: List<Token>,
    /// Whether there are tokens before these.
    later: bool,
    /// All of them: there are never more than one page has.
    sessions: List<Session>,
    boxes: ActionBoxes,
    /// Whether the visitor may make an admin.
    may_do_everything: bool,
    may_change: bool,
}

impl UserPage {
    fn is_visitor(&self) -> bool {
        self.page.user.as_deref() == Some(&*self.user.name)
    }
}

#[derive(Deserialize)]
pub(super) struct RightsForm {
    admin: Option<String>,
    #[serde(flatten)]
    actions: Ticked,
}

#[derive(Deserialize)]
pub(super) struct NewPassword {
    /// One is made if it is empty.
    password: String,
}

pub(super) fn place(user: &str) -> String {
    format!("/users/{}", link::segment(user))
}

async fn page(
    console: &State<Console>,
    visitor: &Visitor,
    user: User,
    password: Option<String>,
    query: PageQuery,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let named = || {
        Named(UserPath {
            user: user.name.clone(),
        })
    };
    let later = query.cursor.is_some();
    let found = tokens::list(console.clone(), signed(), named(), Parameters(query)).await?;
    let Document(tokens) = found;
    let all = Parameters(PageQuery::first());
    let Document(sessions) = sessions::list(console.clone(), signed(), named(), all).await?;
    let mut page = visitor.frame();
    let given = grants::named(&user.actions);
    let rights = if user.admin { ActionSet::ALL } else { given };
    let place = place(&user.name);
    if password.is_some() {
        // The answer to a form is not where a choice of the language leads back to.
        page.look.place.clone_from(&place);
    }
    Ok(frame::html(&UserPage {
        boxes: ActionBoxes::new(page.look.language, page.may, given),
        may_do_everything: page.may == ActionSet::ALL,
        may_change: page.may_manage_users() && page.may.covers(rights),
        page,
        place,
        user,
        password,
        tokens,
        later,
        sessions,
    }))
}

/// The page of a user who was just made, or has a new password.
pub(super) async fn made(
    console: &State<Console>,
    visitor: &Visitor,
    user: User,
    password: Option<String>,
) -> Result<Response, Problem> {
    page(console, visitor, user, password, PageQuery::first()).await
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    path: Named<UserPath>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let Document(user) = users::get(console.clone(), visitor.signed.clone(), path).await?;
    page(&console, &visitor, user, None, query).await
}

pub(super) async fn change_rights(
    console: State<Console>,
    visitor: Visitor,
    path: Named<UserPath>,
    Form(form): Form<RightsForm>,
) -> Result<Done, Problem> {
    let wanted = Change {
        admin: Some(form.admin.is_some()),
        actions: Some(actions::ticked(form.actions)),
        ..Change::default()
    };
    let user = change(console, &visitor, path, wanted).await?;
    let language = visitor.look().language;
    let said = language.fill("The rights of {} are changed.", &user);
    Ok(done(&user, said))
}

pub(super) async fn disable(
    console: State<Console>,
    visitor: Visitor,
    path: Named<UserPath>,
) -> Result<Done, Problem> {
    let wanted = Change {
        disabled: Some(true),
        ..Change::default()
    };
    let user = change(console, &visitor, path, wanted).await?;
    let said = visitor.look().language.fill("{} is disabled.", &user);
    Ok(done(&user, said))
}

pub(super) async fn enable(
    console: State<Console>,
    visitor: Visitor,
    path: Named<UserPath>,
) -> Result<Done, Problem> {
    let wanted = Change {
        disabled: Some(false),
        ..Change::default()
    };
    let user = change(console, &visitor, path, wanted).await?;
    let said = visitor.look().language.fill("{} is enabled.", &user);
    Ok(done(&user, said))
}

/// A password that was made is shown on the page that answers.
pub(super) async fn reset_password(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<UserPath>,
    Form(form): Form<NewPassword>,
) -> Result<Response, Problem> {
    let signed = || visitor.signed.clone();
    let named = || Named(path.clone());
    let reset = Document(PasswordReset {
        password: (!form.password.is_empty()).then_some(form.password),
    });
    let Document(set) = users::reset_password(console.clone(), signed(), named(), reset).await?;
    if set.password.is_some() {
        let Document(user) = users::get(console.clone(), signed(), named()).await?;
        return made(&console, &visitor, user, set.password).await;
    }
    let language = visitor.look().language;
    let said = language.fill("{} has a new password.", &path.user);
    Ok(done(&path.user, said).into_response())
}

pub(super) async fn delete(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<UserPath>,
) -> Result<Done, Problem> {
    let said = visitor
        .look()
        .language
        .fill("User {} is deleted.", path.user()?);
    users::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(Done {
        place: "/users".to_owned(),
        said,
    })
}

pub(super) async fn delete_token(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<TokenPath>,
) -> Result<Done, Problem> {
    let user = path.user()?;
    let said = visitor
        .look()
        .language
        .fill("Token {} has ended.", path.token()?);
    tokens::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(done(user.as_str(), said))
}

pub(super) async fn end_session(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<SessionPath>,
) -> Result<Done, Problem> {
    let user = path.user()?;
    let said = visitor.look().language.say("That browser is signed out.");
    sessions::delete(console, visitor.signed.clone(), Named(path)).await?;
    Ok(done(user.as_str(), said.to_owned()))
}

pub(super) async fn end_all_sessions(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<UserPath>,
) -> Result<Done, Problem> {
    let user = path.user()?;
    let said = visitor
        .look()
        .language
        .fill("{} is signed out everywhere.", &user);
    sessions::delete_all(console, visitor.signed.clone(), Named(path)).await?;
    Ok(done(user.as_str(), said))
}

/// The name of the user who was changed.
async fn change(
    console: State<Console>,
    visitor: &Visitor,
    path: Named<UserPath>,
    change: Change,
) -> Result<String, Problem> {
    let signed = visitor.signed.clone();
    let Document(user) = users::change(console, signed, path, Document(change)).await?;
    Ok(user.name)
}

fn done(user: &str, said: String) -> Done {
    Done {
        place: place(user),
        said,
    }
}
