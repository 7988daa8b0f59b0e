use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use berth_registry::auth::{Action, Target};
use berth_registry::http::Client;

use super::cookies;
use super::frame::Frame;
use super::look::Look;
use crate::api::problem::Problem;
use crate::api::signed::Signed;
use crate::console::Console;

/// Somebody who has signed in.
pub(crate) struct Visitor {
    pub(super) signed: Signed,
    look: Look,
    may_audit: bool,
}

impl Visitor {
    pub(super) fn frame(&self) -> Frame {
        Frame {
            user: Some(self.name().to_owned()),
            may_audit: self.may_audit,
            ..Frame::new(self.look.clone())
        }
    }

    pub(super) fn name(&self) -> &str {
        self.signed.0.name()
    }

    pub(super) fn look(&self) -> &Look {
        &self.look
    }
}

/// The connection's client, which every request of the server has.
fn client(parts: &Parts) -> Result<&Client, Problem> {
    let client = parts.extensions.get();
    client.ok_or_else(|| Problem::bad_request("the request has no client"))
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Problem> {
        let look = Look::from_request_parts(parts, console).await?;
        let client = client(parts)?;
        let jar = CookieJar::from_headers(&parts.headers);
        let Some(secret) = cookies::shown_session(&jar, client) else {
            return Err(Problem::unauthorized("sign in first"));
        };
        let caller = console
            .registry
            .authenticate_session(secret, Some(client.address))
            .await?;
        let may_audit = console
            .registry
            .has(&caller, Action::AuditRead, Target::Everything)
            .await?;
        Ok(Self {
            signed: Signed(caller),
            look,
            may_audit,
        })
    }
}
