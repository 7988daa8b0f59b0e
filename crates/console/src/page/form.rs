use axum::RequestExt as _;
use axum::extract::{Form as Sent, FromRequest, Request};
use berth_registry::sentence;
use serde::de::DeserializeOwned;

use crate::api::problem::Problem;

/// What a form has sent. One that lacks a field is a bad request in our own form.
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned + 'static, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let sent: Result<Sent<T>, _> = request.extract().await;
        let Sent(fields) =
            sent.map_err(|error| Problem::bad_request(sentence!("the form: {error}")))?;
        Ok(Self(fields))
    }
}

/// What stands in a field. One that was left empty is sent all the same, and says nothing.
pub(super) fn filled(field: &str) -> Option<String> {
    let field = field.trim();
    (!field.is_empty()).then(|| field.to_owned())
}
