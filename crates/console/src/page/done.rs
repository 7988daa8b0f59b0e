use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;

use super::cookies;

/// What a form has done is done; the answer is a page to read, which says so. Going back or loading it
/// again sends nothing twice.
pub(super) struct Done {
    pub(super) place: String,
    pub(super) said: String,
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let jar = CookieJar::new().add(cookies::say(&self.said));
        (jar, Redirect::to(&self.place)).into_response()
    }
}
