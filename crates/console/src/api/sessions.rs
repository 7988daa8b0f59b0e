//! Who is signed in to the page. A session begins there alone; it is seen and ended here too.

use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::accounts::{EndSessionError, Session as SignedIn};
use berth_registry::sentence;
use serde::Serialize;
use utoipa::ToSchema;

use super::document::Document;
use super::list::{List, PageQuery, Parameters};
use super::names::{Named, SessionPath, UserPath};
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use super::time;
use crate::console::Console;

/// A browser in which a user has signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    pub(crate) id: i64,
    /// What the browser said of itself
    pub(crate) client: String,
    /// Where it was when it signed in
    pub(crate) address: Option<String>,
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it ends by itself
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
    #[schema(format = DateTime)]
    pub(crate) last_used_at: Option<String>,
    /// Whether it is the one that asks
    pub(crate) current: bool,
}

impl Session {
    fn new(session: SignedIn, asking: Option<i64>) -> Self {
        Self {
            id: session.id,
            client: session.client,
            address: session.address,
            created_at: time::text(session.created_at),
            expires_at: time::text(session.expires_at),
            last_used_at: session.last_used_at.map(time::text),
            current: asking == Some(session.id),
        }
    }
}

/// The sessions of a user, newest first
#[utoipa::path(get, path = "/api/v1/users/{user}/sessions", tag = "sessions",
    params(UserPath, PageQuery), responses((status = 200, body = List<Session>), Refusals))]
pub(crate) async fn list(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Document<List<Session>>, Problem> {
    let (user, limit) = (path.user()?, page.limit()?);
    let before = page.cursor()?.unwrap_or(i64::MAX);
    signed
        .require_self_or_manager(&console.registry, &user)
        .await?;
    let sessions = console.registry.sessions(&user, before, limit + 1).await?;
    let sessions = sessions.ok_or_else(|| Problem::absent(sentence!("user {user}")))?;
    let id = |session: &SignedIn| session.id.to_string();
    let asking = signed.0.session();
    let shown = |session| Session::new(session, asking);
    Ok(Document(List::by_name(sessions, limit, id, shown)))
}

/// Sign a user out everywhere
#[utoipa::path(delete, path = "/api/v1/users/{user}/sessions", tag = "sessions",
    params(UserPath), responses((status = 204, description = "Ended"), Refusals))]
pub(crate) async fn delete_all(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<UserPath>,
) -> Result<StatusCode, Problem> {
    let user = path.user()?;
    signed
        .require_self_or_manager(&console.registry, &user)
        .await?;
    console
        .registry
        .end_sessions(&signed.0, &user, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign a user out of one browser
#[utoipa::path(delete, path = "/api/v1/users/{user}/sessions/{session}", tag = "sessions",
    params(SessionPath), responses((status = 204, description = "Ended"), Refusals))]
pub(crate) async fn delete(
    State(console): State<Console>,
    signed: Signed,
    Named(path): Named<SessionPath>,
) -> Result<StatusCode, Problem> {
    let (user, session) = (path.user()?, path.session()?);
    signed
        .require_self_or_manager(&console.registry, &user)
        .await?;
    console
        .registry
        .end_sessions(&signed.0, &user, Some(session.0))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<EndSessionError> for Problem {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::UnknownUser(user) => Self::absent(sentence!("user {user}")),
            EndSessionError::Unknown { user, id } => {
                Self::absent(sentence!("session {id} of {user}"))
            }
            EndSessionError::Db(error) => error.into(),
        }
    }
}
