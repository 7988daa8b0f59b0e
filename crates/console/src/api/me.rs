use axum::extract::State;
use axum::http::StatusCode;
use berth_registry::accounts::SetPasswordError;
use berth_registry::auth::{NewPassword, Target};
use berth_registry::sentence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Document;
use super::problem::{Problem, Refusals};
use super::signed::Signed;
use crate::console::Console;

/// Who has sent the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    pub(crate) name: String,
    /// `user` or `robot`
    pub(crate) kind: &'static str,
    pub(crate) admin: bool,
    /// What may be done on the whole installation, with what was shown
    pub(crate) actions: Vec<String>,
    /// The name of the personal token that was shown
    pub(crate) token: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[schema(example = "correct horse battery staple")]
    pub(crate) current_password: String,
    #[schema(
        min_length = 8,
        max_length = 256,
        example = "staple battery horse correct"
    )]
    pub(crate) new_password: String,
}

/// Who has sent the request
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Me), Refusals))]
pub(crate) async fn get(
    State(console): State<Console>,
    signed: Signed,
) -> Result<Document<Me>, Problem> {
    let caller = &signed.0;
    let actions = console
        .registry
        .actions_on(caller, Target::Everything)
        .await?;
    Ok(Document(Me {
        name: caller.name().to_owned(),
        kind: caller.kind().as_str(),
        admin: caller.admin() && !caller.limited(),
        actions: actions.names(),
        token: caller.personal_token().map(str::to_owned),
    }))
}

/// Change one's own password, which ends every access token and docker login made with the old one
#[utoipa::path(put, path = "/api/v1/me/password", tag = "me", request_body = PasswordChange,
    responses((status = 204, description = "Changed"), Refusals))]
pub(crate) async fn change_password(
    State(console): State<Console>,
    signed: Signed,
    Document(change): Document<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let password = NewPassword::try_from(change.new_password).map_err(Problem::bad_request)?;
    console
        .registry
        .change_password(&signed.0, &change.current_password, password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<SetPasswordError> for Problem {
    fn from(error: SetPasswordError) -> Self {
        use SetPasswordError as E;
        use berth_registry::auth::AuthenticationError;
        let detail = error.to_string();
        match error {
            E::Unknown(name) => Self::absent(sentence!("user {name}")),
            E::MoreThanOwn | E::NotTheUser => Self::impossible(detail),
            // The caller is known: it is the document that is wrong.
            E::Current(AuthenticationError::WrongPassword) => {
                Self::impossible(sentence("the current password is not right"))
            }
            E::Current(error) => error.into(),
            E::Busy(_) => Self::retry_after(detail, StatusCode::SERVICE_UNAVAILABLE, 2),
            E::Db(error) => error.into(),
        }
    }
}
