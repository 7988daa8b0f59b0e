use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::accounts::{
    ChangeUserError, CreateUserError, DeleteUserError, NewUser, User as Account, UserChange,
};
use berth_registry::auth::{Action, ActionSet, NewPassword, Target, generate_password};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{Created, Document};
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, UserPath};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// A person who can sign in.
#[derive(Serialize, ToSchema)]
pub(crate) struct User {
    pub(crate) name: String,
    /// May do everything
    pub(crate) admin: bool,
    /// What the user may do on the whole installation
    pub(crate) actions: Vec<String>,
    pub(crate) disabled: bool,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) password_changed_at: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, example = json!({
    "name": "bob",
    "password": "staple battery horse correct",
    "actions": ["project.create"],
}))]
pub(crate) struct New {
    #[schema(value_type = texts::AccountName)]
    pub(crate) name: String,
    /// Without one a password is made, and shown in the answer
    #[schema(min_length = 8, max_length = 256)]
    pub(crate) password: Option<String>,
    #[serde(default)]
    pub(crate) admin: bool,
    #[serde(default)]
    #[schema(value_type = Vec<texts::ActionName>)]
    pub(crate) actions: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UserCreated {
    #[serde(flatten)]
    pub(crate) user: User,
    /// The password, if it was made: it is not shown again
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
}

/// What is to be different
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub(crate) struct Change {
    pub(crate) admin: Option<bool>,
    #[schema(value_type = Option<Vec<texts::ActionName>>, example = json!(["project.create"]))]
    pub(crate) actions: Option<Vec<String>>,
    pub(crate) disabled: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordReset {
    /// Without one a password is made, and shown in the answer
    #[schema(
        min_length = 8,
        max_length = 256,
        example = "staple battery horse correct"
    )]
    pub(crate) password: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordSet {
    /// The password, if it was made: it is not shown again
    pub(crate) password: Option<String>,
}

/// All users, in the order of their names
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageQuery),
    responses((status = 200, body = List<User>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<User>>, Problem> {
    let limit = page.limit()?;
    require_manager(&console, &signed, sentence("list of users")).await?;
    let users = console.registry.users(page.after(), limit + 1).await?;
    let name = |user: &Account| user.name.to_string();
    Ok(Document(List::by_name(users, limit, name, User::from)))
}

/// Make a user
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = New,
    responses((status = 201, body = UserCreated), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Document(new): Document<New>,
) -> Result<Created<UserCreated>, Problem> {
    require_manager(&console, &signed, sentence("list of users")).await?;
    let (password, generated) = password(new.password)?;
    let new = NewUser {
        name: new.name.parse().map_err(Problem::bad_request)?,
        password,
        admin: new.admin,
        actions: actions(&new.actions)?,
    };
    let user = console.registry.create_user(&signed.0, new).await?;
    Ok(Created(UserCreated {
        user: user.into(),
        password: generated,
    }))
}

/// A user
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "users", params(UserPath),
    responses((status = 200, body = User), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
) -> Result<Document<User>, Problem> {
    let name = path.user()?;
    signed
        .require_self_or_manager(&console.registry, &name)
        .await?;
    let user = console.registry.user(&name).await?;
    let user = user.ok_or_else(|| Problem::absent(sentence!("user {name}")))?;
    Ok(Document(user.into()))
}

/// Change a user
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "users", params(UserPath),
    request_body = Change, responses((status = 200, body = User), Refusals))]
pub(crate) async fn change(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
    Document(change): Document<Change>,
) -> Result<Document<User>, Problem> {
    let name = path.user()?;
    require_manager(&console, &signed, sentence!("user {name}")).await?;
    let change = UserChange {
        admin: change.admin,
        disabled: change.disabled,
        actions: change.actions.as_deref().map(actions).transpose()?,
    };
    let user = console
        .registry
        .change_user(&signed.0, &name, change)
        .await?;
    Ok(Document(user.into()))
}

/// Remove a user, with the user's tokens and memberships; what the user pushed stays
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "users", params(UserPath),
    responses((status = 204, description = "Removed"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
) -> Result<StatusCode, Problem> {
    let name = path.user()?;
    require_manager(&console, &signed, sentence!("user {name}")).await?;
    console.registry.delete_user(&signed.0, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set the password of a user
#[utoipa::path(put, path = "/api/v1/users/{user}/password", tag = "users", params(UserPath),
    request_body = PasswordReset, responses((status = 200, body = PasswordSet), Refusals))]
pub(crate) async fn reset_password(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
    Document(reset): Document<PasswordReset>,
) -> Result<Document<PasswordSet>, Problem> {
    let name = path.user()?;
    require_manager(&console, &signed, sentence!("user {name}")).await?;
    let (new, generated) = password(reset.password)?;
    console
        .registry
        .reset_password(&signed.0, &name, new)
        .await?;
    Ok(Document(PasswordSet {
        password: generated,
    }))
}

async fn require_manager(
    console: &Console,
    signed: &Signed,
    what: impl std::fmt::Display + Send,
) -> Result<(), Problem> {
    signed
        .require(
            &console.registry,
            Action::UserManage,
            Target::Everything,
            what,
        )
        .await
}

/// The password that was given, or one that is made and shown.
fn password(given: Option<String>) -> Result<(NewPassword, Option<String>), Problem> {
    let generated = given.is_none().then(generate_password);
    let text = given.or_else(|| generated.clone()).unwrap_or_default();
    let password = NewPassword::try_from(text).map_err(Problem::bad_request)?;
    Ok((password, generated))
}

fn actions(names: impl AsRef<[String]>) -> Result<ActionSet, Problem> {
    let names = names.as_ref().iter().map(String::as_str);
    ActionSet::parse(names).map_err(Problem::bad_request)
}

impl From<Account> for User {
    fn from(user: Account) -> Self {
        Self {
            name: user.name.to_string(),
            admin: user.admin,
            actions: user.actions,
            disabled: user.disabled,
            created_at: time::text(user.created_at),
            password_changed_at: user.password_changed_at.map(time::text),
            last_used_at: user.last_used_at.map(time::text),
        }
    }
}

impl From<CreateUserError> for Problem {
    fn from(error: CreateUserError) -> Self {
        use CreateUserError as E;
        match error {
            E::Taken(_) => Self::conflict(error),
            E::MoreThanOwn => Self::impossible(error),
            E::Busy(error) => {
                Self::retry_after(error.to_string(), StatusCode::SERVICE_UNAVAILABLE, 2)
            }
            E::Db(error) => error.into(),
        }
    }
}

impl From<ChangeUserError> for Problem {
    fn from(error: ChangeUserError) -> Self {
        use ChangeUserError as E;
        match error {
            E::Unknown(name) => Self::absent(sentence!("user {name}")),
            E::MoreThanOwn => Self::impossible(error),
            E::LastAdmin(_) => Self::conflict(error),
            E::Db(error) => error.into(),
        }
    }
}

impl From<DeleteUserError> for Problem {
    fn from(error: DeleteUserError) -> Self {
        use DeleteUserError as E;
        match error {
            E::Unknown(name) => Self::absent(sentence!("user {name}")),
            E::MoreThanOwn => Self::impossible(error),
            E::LastAdmin(_) => Self::conflict(error),
            E::Db(error) => error.into(),
        }
    }
}
