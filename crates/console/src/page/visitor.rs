use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use berth_registry::auth::{ActionSet, Caller, Target};
use berth_registry::http::Client;
use berth_registry::sentence;

use super::cookies;
use super::frame::Frame;
use super::live::Seen;
use super::look::Look;
use crate::api::problem::Problem;
use crate::api::signed::Signed;
use crate::console::Console;

/// Somebody who has signed in.
pub(crate) struct Visitor {
    pub(super) signed: Signed,
    look: Look,
    may: ActionSet,
    seen: Seen,
}

impl Visitor {
    /// Whose the session is.
    pub(super) async fn of(
        console: &Console,
        session: &Session,
        look: Look,
    ) -> Result<Self, Problem> {
        let seen = Seen::now(console);
        let caller = session.caller(console).await?;
        let may = console
            .registry
            .actions_on(&caller, Target::Everything)
            .await?;
        Ok(Self {
            signed: Signed(caller),
            look,
            may,
            seen,
        })
    }

    pub(super) fn frame(&self) -> Frame {
        Frame {
            user: Some(self.name().to_owned()),
            may: self.may,
            seen: Some(self.seen),
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

/// What a browser has shown, for an answer that goes on for long: it is looked at again on the way.
pub(crate) struct Session {
    secret: String,
    address: IpAddr,
}

impl Session {
    pub(super) fn shown(headers: &HeaderMap, client: &Client) -> Result<Self, Problem> {
        let jar = CookieJar::from_headers(headers);
        let secret = cookies::shown_session(&jar, client);
        let secret = secret.ok_or_else(|| Problem::unauthorized(sentence("sign in first")))?;
        Ok(Self {
            secret: secret.to_owned(),
            address: client.address,
        })
    }

    /// Whose it is at this moment.
    pub(super) async fn caller(&self, console: &Console) -> Result<Caller, Problem> {
        let caller = console
            .registry
            .authenticate_session(&self.secret, Some(self.address));
        Ok(caller.await?)
    }
}

impl FromRequestParts<Console> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, Problem> {
        Self::shown(&parts.headers, client(parts)?)
    }
}

/// The connection's client, which every request of the server has.
fn client(parts: &Parts) -> Result<&Client, Problem> {
    let client = parts.extensions.get();
    client.ok_or_else(|| Problem::bad_request(sentence("the request has no client")))
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Problem> {
        let look = Look::from_request_parts(parts, console).await?;
        let session = Session::shown(&parts.headers, client(parts)?)?;
        Self::of(console, &session, look).await
    }
}
