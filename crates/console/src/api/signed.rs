use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use berth_registry::auth::{Action, Caller, Target, UserName};
use berth_registry::http::Client;
use berth_registry::{Registry, sentence};

use super::problem::Problem;
use crate::console::Console;

/// One who has shown credentials; without them a request comes to no handler.
#[derive(Clone)]
pub(crate) struct Signed(pub(crate) Caller);

/// What was shown, for an answer that goes on for long: it is looked at again on the way.
pub(crate) struct Shown {
    headers: HeaderMap,
    address: Option<IpAddr>,
}

impl Shown {
    fn of(parts: &Parts) -> Self {
        let client = parts.extensions.get::<Client>();
        Self {
            headers: parts.headers.clone(),
            address: client.map(|client| client.address),
        }
    }

    /// As good as it is at this moment.
    pub(crate) async fn sign(&self, registry: &Registry) -> Result<Signed, Problem> {
        let caller = registry.authenticate(&self.headers, self.address).await?;
        if caller.known() {
            Ok(Signed(caller))
        } else {
            Err(Problem::unauthorized(sentence(
                "this needs a user and a password, or a token",
            )))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl FromRequestParts<Console> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Problem> {
        Shown::of(parts).sign(&console.registry).await
    }
}

impl Signed {
    /// Goes on if the caller may do this; otherwise the answer is that `what` is not there.
    pub(crate) async fn require(
        &self,
        registry: &Registry,
        action: Action,
        target: Target<'_>,
        what: impl std::fmt::Display + Send,
    ) -> Result<(), Problem> {
        if registry.allows(&self.0, action, target).await? {
            Ok(())
        } else {
            Err(Problem::absent(what))
        }
    }

    /// Whether the caller is this user, with nothing less than the user's rights: a token for
    /// pulls, once it is stolen, must not show or end other tokens.
    pub(crate) fn is(&self, user: &UserName) -> bool {
        self.0.user().is_some() && self.0.name() == user.as_str() && !self.0.limited()
    }

    /// As [`Signed::require`] of `user.manage`, which nobody needs for themselves.
    pub(crate) async fn require_self_or_manager(
        &self,
        registry: &Registry,
        user: &UserName,
    ) -> Result<(), Problem> {
        if self.is(user) {
            return Ok(());
        }
        self.require(
            registry,
            Action::UserManage,
            Target::Everything,
            sentence!("user {user}"),
        )
        .await
    }
}
