use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::accounts::{CreateTokenError, DeleteTokenError, NewToken, PersonalToken};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::{Created, Document, Object};
use super::grant::{self, Grant};
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, TokenPath, UserPath};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::texts;
use super::time;
use crate::console::Console;

/// A secret in place of a user's password.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    pub(crate) name: String,
    /// What it may do, within what its user may do
    pub(crate) scopes: Vec<Grant>,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    #[schema(format = DateTime)]
    pub(crate) expires_at: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken, example = json!({
    "name": "ci",
    "scopes": [{"repositories": "shop/**", "actions": ["pull"]}],
    "expires_at": "2099-01-31T12:00:00Z",
}))]
pub(crate) struct New {
    #[schema(value_type = texts::AccountName)]
    pub(crate) name: String,
    /// Without any the token may pull and push wherever its user may
    #[schema(value_type = Option<Vec<Grant>>, max_items = 100)]
    pub(crate) scopes: Option<Vec<Object<Grant>>>,
    /// Without it the token does not end by itself
    #[schema(format = DateTime)]
    pub(crate) expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TokenCreated {
    #[serde(flatten)]
    pub(crate) token: Token,
    /// It is not shown again
    pub(crate) secret: String,
}

/// The tokens of a user, in the order of their names
#[utoipa::path(get, path = "/api/v1/users/{user}/tokens", tag = "tokens",
    params(UserPath, PageQuery), responses((status = 200, body = List<Token>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Token>>, Problem> {
    let (user, limit) = (path.user()?, page.limit()?);
    signed
        .require_self_or_manager(&console.registry, &user)
        .await?;
    let tokens = console
        .registry
        .personal_tokens(&user, page.after(), limit + 1)
        .await?;
    let tokens = tokens.ok_or_else(|| Problem::absent(sentence!("user {user}")))?;
    let name = |token: &PersonalToken| token.name.to_string();
    Ok(Document(List::by_name(tokens, limit, name, Token::from)))
}

/// Make a token for oneself
#[utoipa::path(post, path = "/api/v1/users/{user}/tokens", tag = "tokens", params(UserPath),
    request_body = New, responses((status = 201, body = TokenCreated), Refusals))]
pub(crate) async fn create(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
    Document(new): Document<New>,
) -> Result<Created<TokenCreated>, Problem> {
    let user = path.user()?;
    if !signed.is(&user) {
        return Err(Problem::absent(sentence!("user {user}")));
    }
    let scopes = new
        .scopes
        .unwrap_or_else(|| vec![Object(Grant::pull_and_push())]);
    let new = NewToken {
        name: new.name.parse().map_err(Problem::bad_request)?,
        scopes: grant::read(scopes)?,
        expires_at: new
            .expires_at
            .map(|text| time::parse("expires_at", &text))
            .transpose()?,
    };
    let created = console
        .registry
        .create_personal_token(&signed.0, &user, new)
        .await?;
    Ok(Created(TokenCreated {
        token: created.token.into(),
        secret: created.secret.reveal(),
    }))
}

/// End a token
#[utoipa::path(delete, path = "/api/v1/users/{user}/tokens/{token}", tag = "tokens",
    params(TokenPath), responses((status = 204, description = "Ended"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<TokenPath>,
) -> Result<StatusCode, Problem> {
    let (user, token) = (path.user()?, path.token()?);
    signed
        .require_self_or_manager(&console.registry, &user)
        .await?;
    console
        .registry
        .delete_personal_token(&signed.0, &user, &token)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<PersonalToken> for Token {
    fn from(token: PersonalToken) -> Self {
        Self {
            name: token.name.to_string(),
            scopes: grant::show(&token.scopes),
            created_at: time::text(token.created_at),
            expires_at: token.expires_at.map(time::text),
            last_used_at: token.last_used_at.map(time::text),
        }
    }
}

impl From<CreateTokenError> for Problem {
    fn from(error: CreateTokenError) -> Self {
        use CreateTokenError as E;
        match error {
            E::UnknownUser(name) => Self::absent(sentence!("user {name}")),
            E::Taken { .. } => Self::conflict(error),
            E::TooMany | E::Limited | E::Ended => Self::impossible(error),
            E::Db(error) => error.into(),
        }
    }
}

impl From<DeleteTokenError> for Problem {
    fn from(error: DeleteTokenError) -> Self {
        match error {
            DeleteTokenError::Unknown { user, name } => {
                Self::absent(sentence!("token {name} of {user}"))
            }
            DeleteTokenError::Db(error) => error.into(),
        }
    }
}
